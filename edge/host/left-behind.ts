// States that rovers' instances left this host with. A rover that comes back sends only what changed since, as long as they are kept.
import type { HeldState } from '../../shared/elastic/state-transfer.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Placed } from './execution-handler.ts';

/** All kept states together [bytes]. Threat: every rover that passes through fills the host's memory. */
const MAX_BYTES = 256 * 1024 * 1024;
/** A battery or heat trigger that sends a module back and forth does so within minutes. */
const KEPT_SEC = 600;

interface Kept {
  readonly state: HeldState;
  readonly untilSec: number;
}

export class LeftBehind {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps the state of a rover's instance; the states of shared instances are in the checkpoint store. */
  add(placed: Placed, state: HeldState): void {
    if (placed.rover === null || state.bytes.byteLength > MAX_BYTES) return;
    this.take(placed);
    this.#kept.set(keyOf(placed), { state, untilSec: this.#clock.nowSec() + KEPT_SEC });
    this.#bytes += state.bytes.byteLength;
    const now = this.#clock.nowSec();
    for (const [key, { untilSec }] of this.#kept) {
      if (this.#bytes <= MAX_BYTES && untilSec > now) break;
      this.#forget(key);
    }
  }

  /** The state that this rover's instance of the same build left, given away. */
  take(placed: Placed): HeldState | null {
    const key = keyOf(placed);
    const kept = this.#kept.get(key);
    this.#forget(key);
    return kept === undefined || kept.untilSec <= this.#clock.nowSec() ? null : kept.state;
  }

  #forget(key: string): void {
    this.#bytes -= this.#kept.get(key)?.state.bytes.byteLength ?? 0;
    this.#kept.delete(key);
  }
}

/** Nobody but the same rover of the same fleet, for the same build, is ever offered a state. */
const keyOf = ({ tenant, mission, rover, module }: Placed): string => JSON.stringify([tenant, mission, rover, module.digest]);
