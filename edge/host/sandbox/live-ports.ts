// Real time and real sockets for a sandbox worker.
import type { TlsOptions } from 'node:tls';
import { SystemClock } from '../../../shared/clock/system-clock.ts';
import { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { WorkerEnvironment, WorkerTls } from './worker-messages.ts';

export function liveClock(): Clock {
  return new SystemClock();
}

export function liveDataPlane({ bindHost, advertisedHost, tls }: WorkerEnvironment): TcpDataPlane {
  return new TcpDataPlane({ bindHost, advertisedHost, ...(tls === null ? {} : { tls: { server: serverTls(tls) } }) });
}

/** For listeners: bytes that came in a message are no `Buffer` any more. */
export function serverTls({ ticketKeys, ...tls }: WorkerTls): TlsOptions {
  return ticketKeys === undefined ? tls : { ...tls, ticketKeys: Buffer.from(ticketKeys) };
}
