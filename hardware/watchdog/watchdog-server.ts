// The watchdog's ear: a Unix socket on which one agent sends a byte per motor command and gets it back. A connection that ends (the kernel closes it when the
// agent is killed) counts like silence, only at once.
import { chmod, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { OutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { MotorGuard } from './motor-guard.ts';

export interface WatchdogOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly allStop: () => void;
  readonly silenceSec: number;
  readonly logger: Logger;
}

export interface Watchdog {
  readonly holding: boolean;
  /** Switches everything off and ends. */
  close(): Promise<void>;
}

/** 0.3 s of silence leave 0.2 s for a machine under load to write two bytes within half a second. */
export const SILENCE_SEC = 0.3;
/** Group may connect: the agent need not be the watchdog's user. */
const SOCKET_MODE = 0o660;

/** Stops the motors, then listens. Rejects with OUT_WATCHDOG_SOCKET when the socket cannot be made or another watchdog has it. */
export async function startWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  const { socketPath, clock, allStop, silenceSec, logger } = options;
  const guard = new MotorGuard({ clock, allStop, silenceSec, onTrip: (why) => logger.warn({ why }, 'motors off') });
  let agent: Socket | null = null;
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // 'close' follows
    if (agent !== null && !guard.holding) {
      logger.warn({}, 'a second agent was turned away');
      socket.destroy();
      return;
    }
    agent?.destroy(); // it has been silent
    agent = socket;
    logger.info({}, 'an agent is there');
    socket.on('data', (bytes) => {
      guard.beat();
      if (socket.writableLength === 0) socket.write(bytes);
    });
    socket.on('close', () => {
      if (agent !== socket) return;
      agent = null;
      guard.trip('the agent is gone');
    });
  });
  try {
    await listen(server, socketPath);
  } catch (cause) {
    guard.close();
    if (cause instanceof OutriderError) throw cause;
    throw new OutriderError('OUT_WATCHDOG_SOCKET', `${socketPath}: ${(cause as Error).message}`, { cause });
  }
  return {
    get holding() {
      return guard.holding;
    },
    close: async () => {
      guard.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const last = agent;
      agent = null;
      last?.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  if (await isAnswering(path)) throw new OutriderError('OUT_WATCHDOG_SOCKET', `${path}: another watchdog listens there`);
  await rm(path, { force: true }); // what a killed watchdog left
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, SOCKET_MODE);
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
