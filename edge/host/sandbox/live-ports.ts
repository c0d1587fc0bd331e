// Real time and real sockets for a sandbox worker.
import { SystemClock } from '../../../shared/clock/system-clock.ts';
import { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { WorkerEnvironment } from './worker-messages.ts';

export function liveClock(): Clock {
  return new SystemClock();
}

export function liveDataPlane({ bindHost, advertisedHost, tls }: WorkerEnvironment): TcpDataPlane {
  return new TcpDataPlane({ bindHost, advertisedHost, ...(tls === null ? {} : { tls: { server: tls } }) });
}
