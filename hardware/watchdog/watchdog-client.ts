// The agent's end of the watchdog: it beats with every motor command, and knows from the echo that somebody is listening. No echo, no motion.
import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';

export interface WatchdogClientOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An echo older than this is a watchdog that hangs, or an agent that did [s]. Three control cycles. */
const ECHO_SEC = 0.35;
const RECONNECT_SEC = 0.5;
const BEAT = Uint8Array.of(0x42);
/** Beats that a hanging watchdog leaves unread; further ones are not queued [bytes]. */
const MAX_UNREAD = 64;

/** A guard of the drive (see MotorDrive). Connects by itself, and again whenever the connection is lost. */
export class WatchdogClient {
  readonly #options: WatchdogClientOptions;
  #socket: Socket | null = null;
  #retry: Timer | null = null;
  #echoedSec = Number.NEGATIVE_INFINITY;
  #said: 'nothing' | 'missing' | 'there' = 'nothing';
  #closed = false;

  constructor(options: WatchdogClientOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Whether the watchdog answered lately. */
  get armed(): boolean {
    return this.#socket !== null && this.#options.clock.nowSec() - this.#echoedSec <= ECHO_SEC;
  }

  /** Goes out at once, even if the event loop is blocked right after. */
  beat(): void {
    if (this.#socket !== null && this.#socket.writableLength < MAX_UNREAD) this.#socket.write(BEAT);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.stop();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { socketPath, clock } = this.#options;
    const socket = connect(socketPath, () => {
      this.#socket = socket;
      this.#say('there');
    });
    socket.on('data', () => void (this.#echoedSec = clock.nowSec()));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      this.#socket = null;
      this.#echoedSec = Number.NEGATIVE_INFINITY;
      if (this.#closed) return;
      this.#say('missing');
      this.#retry = clock.after(RECONNECT_SEC, () => this.#connect());
    });
  }

  /** Once per change: the retries would fill a log. */
  #say(what: 'missing' | 'there'): void {
    const { socketPath, logger } = this.#options;
    if (what === this.#said) return;
    this.#said = what;
    if (what === 'missing') logger.error({ socketPath }, 'no watchdog: the motors stay off until one runs');
    else logger.info({ socketPath }, 'the watchdog is there');
  }
}
