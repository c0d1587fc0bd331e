// Data-plane connections over the simulated network: ordered frames that take time, stall in outages and break with machines.
import { OutriderError } from '../../shared/errors.ts';
import type { DataPlane, Listener } from '../../shared/ports/data-plane.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

/** Bytes that a sender may have on the way before `send` says no. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** An outage of this length breaks a connection [s]. */
const BREAK_AFTER_SEC = 4;
/** How long a connection attempt to a silent machine lasts [s]. */
const CONNECT_TIMEOUT_SEC = 2;

interface Service {
  readonly node: string;
  readonly onTransport: (transport: Transport) => void;
}

/** All listeners of a simulated network; each machine gets its view of it by `at`. */
export class InProcessDataPlane {
  readonly #network: SimulatedNetwork;
  readonly #services = new Map<string, Service>();
  #ports = 0;

  constructor(network: SimulatedNetwork) {
    this.#network = network;
  }

  /** The data plane as the machine `node` uses it. */
  at(node: string): DataPlane {
    return {
      listen: (name, onTransport) => this.#listen(node, name, onTransport),
      connect: (address, options = {}) => this.#connect(node, address, options.signal),
    };
  }

  #listen(node: string, name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    this.#ports += 1;
    const address = `in-process://${node}/${name}/${this.#ports}`;
    this.#services.set(address, { node, onTransport });
    return Promise.resolve({
      address,
      close: () => {
        this.#services.delete(address);
        return Promise.resolve();
      },
    });
  }

  async #connect(node: string, address: string, signal: AbortSignal | undefined): Promise<Transport> {
    const { clock } = this.#network;
    const unreachable = (why: string): OutriderError => new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address} from ${node}: ${why}`);
    if (signal?.aborted === true) throw unreachable('aborted');
    const target = nodeOf(address);
    const aborted = { now: false };
    const timeout = async (why: string, seconds: number): Promise<never> => {
      await clock.sleep(seconds, signal === undefined ? {} : { signal }).catch(() => (aborted.now = true));
      throw unreachable(aborted.now ? 'aborted' : why);
    };
    if (!this.#network.isReachable(node, target)) return timeout('no answer', CONNECT_TIMEOUT_SEC);
    const there = this.#network.transit(node, target, 64);
    const back = there + (there - clock.nowSec());
    const service = this.#services.get(address);
    if (service === undefined) return timeout('connection refused', back - clock.nowSec());
    await clock.sleep(back - clock.nowSec(), signal === undefined ? {} : { signal }).catch(() => (aborted.now = true));
    if (aborted.now) throw unreachable('aborted');
    if (!this.#network.isReachable(node, target)) throw unreachable('the connection broke while it was made');
    if (this.#services.get(address) !== service) throw unreachable('connection refused');
    const [near, far] = connectedPair(this.#network, node, target, address);
    service.onTransport(far);
    return near;
  }
}

function connectedPair(network: SimulatedNetwork, near: string, far: string, address: string): readonly [End, End] {
  const a = new End(network, near, far, address);
  const b = new End(network, far, near, `${address} (from ${near})`);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** `in-process://NODE/…` */
function nodeOf(address: string): string {
  const match = /^in-process:\/\/([^/]+)\//.exec(address);
  if (match?.[1] === undefined) throw new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: not an in-process address`);
  return match[1];
}

class End implements Transport {
  readonly description: string;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((error: Error | null) => void) | null = null;
  peer: End | null = null;
  readonly #network: SimulatedNetwork;
  readonly #node: string;
  readonly #far: string;
  readonly #stopWatching: () => void;
  /** Frames on the way to the peer, in order, with their times of arrival. */
  readonly #sending: { readonly frame: Uint8Array; arrivalSec: number }[] = [];
  /** Frames that arrived before anyone listened. */
  readonly #early: Uint8Array[] = [];
  #onTheWayBytes = 0;
  #lastArrivalSec = 0;
  #full = false;
  #pumping = false;
  #closed = false;
  #cutOffSinceSec: number | null = null;

  constructor(network: SimulatedNetwork, node: string, far: string, description: string) {
    this.#network = network;
    this.#node = node;
    this.#far = far;
    this.description = description;
    this.#stopWatching = network.onChange(() => this.#networkChanged());
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#closed) return false;
    let length = 0;
    for (const part of parts) length += part.byteLength;
    const frame = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      frame.set(part, offset);
      offset += part.byteLength;
    }
    this.#lastArrivalSec = Math.max(this.#lastArrivalSec, this.#network.transit(this.#node, this.#far, length));
    this.#sending.push({ frame, arrivalSec: this.#lastArrivalSec });
    this.#onTheWayBytes += length;
    this.#pump();
    this.#full ||= this.#onTheWayBytes >= HIGH_WATER_BYTES;
    return !this.#full;
  }

  close(error?: Error): void {
    if (this.#closed) return;
    const { clock } = this.#network;
    const { peer } = this;
    // A clean close lets what was sent arrive first; an error drops it.
    const arrivalSec = error === undefined ? Math.max(this.#lastArrivalSec, clock.nowSec()) : clock.nowSec();
    const told = this.#network.isReachable(this.#node, this.#far);
    if (error !== undefined) this.#sending.length = 0;
    if (peer !== null && told) {
      const sayBye = (): void => peer.finish(error === undefined ? null : new Error(`${peer.description}: the peer gave up`));
      clock.after(arrivalSec - clock.nowSec() + 1e-6, sayBye);
    }
    this.finish(error ?? null);
  }

  /** Ends this side and tells its owner once. */
  finish(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWatching();
    if (!this.#network.isCrashed(this.#node)) this.onClose?.(error);
  }

  /** A frame of the peer is here. */
  receive(frame: Uint8Array): void {
    if (this.#closed || this.#network.isCrashed(this.#node)) return;
    if (this.onFrame === null) {
      this.#early.push(frame);
      this.#network.clock.after(0.001, () => this.#deliverEarly());
    } else {
      this.#deliverEarly();
      this.onFrame(frame);
    }
  }

  #deliverEarly(): void {
    while (this.onFrame !== null && this.#early.length > 0) this.onFrame(this.#early.shift() as Uint8Array);
    if (this.#early.length > 0 && !this.#closed) this.#network.clock.after(0.001, () => this.#deliverEarly());
  }

  #pump(): void {
    const next = this.#sending[0];
    if (this.#pumping || next === undefined) return;
    this.#pumping = true;
    const { clock } = this.#network;
    clock.after(Math.max(0, next.arrivalSec - clock.nowSec()), () => {
      this.#pumping = false;
      if (this.#sending[0] !== next || !this.#network.isReachable(this.#node, this.#far)) return; // resumed when the way is back
      this.#sending.shift();
      this.#onTheWayBytes -= next.frame.byteLength;
      if (this.peer !== null) this.peer.receive(next.frame);
      if (this.#full && this.#onTheWayBytes < HIGH_WATER_BYTES / 2) {
        this.#full = false;
        if (!this.#closed) this.onDrain?.();
      }
      this.#pump();
    });
  }

  #networkChanged(): void {
    const { clock } = this.#network;
    if (this.#network.isCrashed(this.#node)) {
      this.finish(null);
    } else if (this.#network.isCrashed(this.#far)) {
      clock.after(0.001, () => this.finish(new Error(`${this.description}: the peer is gone`)));
    } else if (this.#network.isReachable(this.#node, this.#far)) {
      this.#cutOffSinceSec = null;
      // A peer that closed while the way was cut could not say so; the first segment that reaches it is answered by a reset.
      if (this.peer !== null && this.peer.#closed)
        clock.after(0.001, () => this.finish(new Error(`${this.description}: the peer is gone`)));
      this.#pump();
    } else if (this.#cutOffSinceSec === null) {
      const since = clock.nowSec();
      this.#cutOffSinceSec = since;
      clock.after(BREAK_AFTER_SEC, () => {
        if (this.#cutOffSinceSec === since) this.finish(new Error(`${this.description}: no answer for ${BREAK_AFTER_SEC} s`));
      });
    }
  }
}
