// Both ends of a connection in one process: frames are copied, as a network would, and delivered in order through the clock.
import { OutriderError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DataPlane, Listener } from '../../ports/data-plane.ts';
import type { Transport } from '../../ports/transport.ts';

export interface InProcessOptions {
  readonly clock: Clock;
  /** Time on the way for a frame [s]; order is kept whatever it says. Default 0. */
  readonly delaySec?: (frameBytes: number) => number;
  readonly description?: string;
  /** Bytes under way at which `send` says stop. Default 1 MiB. */
  readonly highWaterBytes?: number;
}

const HIGH_WATER_BYTES = 1024 * 1024;

class InProcessTransport implements Transport {
  readonly description: string;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((error: Error | null) => void) | null = null;
  peer: InProcessTransport | null = null;
  readonly #options: InProcessOptions;
  #lastArrivalSec = 0;
  #underWayBytes = 0;
  readonly #underWay: (() => void)[] = [];
  #full = false;
  #closed = false;

  constructor(options: InProcessOptions) {
    this.#options = options;
    this.description = options.description ?? 'in-process';
  }

  send(parts: readonly Uint8Array[]): boolean {
    const { peer } = this;
    if (this.#closed || peer === null) return true;
    const frame = Buffer.concat(parts);
    this.#underWayBytes += frame.byteLength;
    this.#deliver(frame.byteLength, () => {
      this.#underWayBytes -= frame.byteLength;
      if (!peer.#closed) peer.onFrame?.(frame);
      if (!this.#full || this.#closed) return;
      this.#full = false;
      this.onDrain?.();
    });
    this.#full = this.#underWayBytes >= (this.#options.highWaterBytes ?? HIGH_WATER_BYTES);
    return !this.#full;
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const { peer } = this;
    // After the frames that are under way, as a clean end of a stream.
    if (peer !== null) this.#deliver(0, () => peer.#lost(null));
    const { onClose } = this;
    this.onClose = null;
    onClose?.(error ?? null);
  }

  /** Both ends lose the connection now; frames under way are gone. */
  cut(error: Error): void {
    const { peer } = this;
    this.#lost(error);
    if (peer !== null) peer.#lost(error);
  }

  #lost(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    const { onClose } = this;
    this.onClose = null;
    onClose?.(error);
  }

  #deliver(bytes: number, arrive: () => void): void {
    const { clock, delaySec } = this.#options;
    const nowSec = clock.nowSec();
    const arrivalSec = Math.max(this.#lastArrivalSec, nowSec + (delaySec?.(bytes) ?? 0));
    this.#lastArrivalSec = arrivalSec;
    // Each timer lets the oldest arrive: a real clock has moved on between two readings, so timers alone would not keep the order.
    this.#underWay.push(arrive);
    clock.after(arrivalSec - nowSec, () => this.#underWay.shift()?.());
  }
}

export interface InProcessPair {
  readonly near: Transport;
  readonly far: Transport;
  /** Breaks the connection for both ends at once. */
  cut(): void;
}

/** A connection whose two ends are in this process. */
export function createInProcessPair(options: InProcessOptions): InProcessPair {
  const near = new InProcessTransport(options);
  const far = new InProcessTransport(options);
  near.peer = far;
  far.peer = near;
  return { near, far, cut: () => near.cut(new OutriderError('OUT_ELASTIC_LOST', `${near.description} was cut`)) };
}

/** Listeners and connections by name within this process: `in-process://name`. */
export class InProcessDataPlane implements DataPlane {
  readonly #options: InProcessOptions;
  readonly #listeners = new Map<string, (transport: Transport) => void>();

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    const address = `in-process://${name}`;
    if (this.#listeners.has(address)) return Promise.reject(new RangeError(`${address} is taken`));
    this.#listeners.set(address, onTransport);
    const close = (): Promise<void> => {
      this.#listeners.delete(address);
      return Promise.resolve();
    };
    return Promise.resolve({ address, close });
  }

  connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const accept = this.#listeners.get(address);
    if (accept === undefined || options.signal?.aborted === true) {
      const why = accept === undefined ? 'nobody listens' : 'aborted';
      return Promise.reject(new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: ${why}`));
    }
    const { near, far } = createInProcessPair({ ...this.#options, description: address });
    accept(far);
    return Promise.resolve(near);
  }
}
