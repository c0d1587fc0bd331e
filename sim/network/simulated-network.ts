// The network of a headless run: machines with access links, outages and crashes, all on the clock.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Random } from '../../shared/ports/random.ts';
import { type LinkModel, LINKS } from './link-model.ts';

interface Node {
  link: LinkModel;
  online: boolean;
  crashed: boolean;
  upFreeSec: number;
  downFreeSec: number;
}

/** Bytes of headers per packet and payload per packet (IPv4, TCP, Ethernet). */
const HEADER_BYTES = 66;
const PACKET_BYTES = 1448;

export class SimulatedNetwork {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #nodes = new Map<string, Node>();
  readonly #listeners = new Set<() => void>();
  #bytes = 0;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  /** Payload bytes that were sent over any link so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives a machine its access link; machines that nobody set up are on the local one. */
  setLink(node: string, link: LinkModel): void {
    this.#node(node).link = link;
  }

  /** Takes a machine off the network or brings it back: what runs on it goes on. */
  setOnline(node: string, online: boolean): void {
    this.#node(node).online = online;
    this.#changed();
  }

  /** Ends a machine for good: connections break at once, it never answers again. */
  crash(node: string): void {
    this.#node(node).crashed = true;
    this.#changed();
  }

  isCrashed(node: string): boolean {
    return this.#node(node).crashed;
  }

  /** Whether bytes get from one machine to another now. */
  isReachable(from: string, to: string): boolean {
    const a = this.#node(from);
    const b = this.#node(to);
    if (a.crashed || b.crashed) return false;
    return from === to || (a.online && b.online);
  }

  /** Calls `listener` after every outage, return and crash, in order of registration. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Sends `bytes` and returns the time of arrival [s]; both links are busy meanwhile. */
  transit(from: string, to: string, bytes: number): number {
    const now = this.clock.nowSec();
    this.#bytes += bytes;
    if (from === to) return now + LINKS.local.latencySec;
    const onWire = bytes + HEADER_BYTES * Math.max(1, Math.ceil(bytes / PACKET_BYTES));
    const a = this.#node(from);
    const b = this.#node(to);
    a.upFreeSec = Math.max(now, a.upFreeSec) + onWire / a.link.bytesPerSec;
    const midway = a.upFreeSec + this.#delay(a.link);
    // The second link starts to forward as soon as the first packet is there: it adds time only where it is the slower one.
    const started = Math.max(b.downFreeSec, midway - onWire / a.link.bytesPerSec);
    b.downFreeSec = Math.max(midway, started + onWire / b.link.bytesPerSec);
    return b.downFreeSec + this.#delay(b.link);
  }

  #delay(link: LinkModel): number {
    let delay = link.latencySec;
    if (link.jitterSec > 0) delay -= link.jitterSec * Math.log(1 - this.#random.next());
    let timeoutSec = 0.2;
    while (link.loss > 0 && this.#random.next() < link.loss && timeoutSec < 3) {
      delay += timeoutSec;
      timeoutSec *= 2; // exponential back-off (RFC 6298)
    }
    return delay;
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { link: LINKS.local, online: true, crashed: false, upFreeSec: 0, downFreeSec: 0 };
      this.#nodes.set(name, node);
    }
    return node;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
