// Measurements of Slamtec's standard scan (RPLIDAR interface protocol v2.x, "SCAN"): nodes of 5 bytes without a checksum.
// byte 0: quality, not-start, start · byte 1: low 7 bits of the angle, check bit 1 · byte 2: high 8 bits · 3, 4: distance.
// The angle is in 1/64°, the distance in 1/4 mm (0: nothing measured); both little-endian.
import { ByteWindow, feedWindow } from './byte-window.ts';
import type { PointSink } from './lidar-protocol.ts';

export const NODE_BYTES = 5;
/**
 * Nodes that must follow one another before the first is believed. Three check bits per node say little; a wrong alignment can imitate
 * them and an advancing angle along a slanted wall for as long as the angle's high byte stays the same, which is 2° or 8 nodes.
 */
export const CONFIRMING_NODES = 12;
/** How the angle goes on from node to node [1/64°]: back a little (noise of the encoder), forward at most 4°. */
const STEP_MIN_Q6 = -32;
const STEP_MAX_Q6 = 4 * 64;
/** Least advance over all confirming nodes: 0.1° a node, less than half of the slowest rotation's 0.25°. */
const ADVANCE_MIN_Q6 = Math.round(0.1 * 64 * CONFIRMING_NODES);
/** A step longer than so many mean steps means that nodes were lost there: the nodes beside it may be pieced together from two. */
const JUMP = 1.6;
const FULL_CIRCLE_Q6 = 360 * 64;
const Q6_RAD = Math.PI / (180 * 64);

/**
 * Gives a node only when it and the twelve after it follow one another: check bits right, angles advancing, the start flag only where
 * the angle wraps. Cut, inserted or shifted bytes therefore cost the nodes just before them and one after, never a wrong point; a flipped
 * bit within a distance cannot be told by this protocol. Holds at most 32 nodes.
 */
export class SlamtecNodeParser {
  readonly #window = new ByteWindow(32 * NODE_BYTES);
  readonly #onPoint: PointSink;
  /** How many nodes from the window's beginning on are known to follow one another, and how far the angle advances over them. */
  #linked = 0;
  #advanceQ6 = 0;
  /** Step that led to the window's first node; infinite where the node before is not known: it may be pieced together, too. */
  #stepBeforeQ6 = Number.POSITIVE_INFINITY;
  #nodes = 0;
  #skippedBytes = 0;

  constructor(onPoint: PointSink) {
    this.#onPoint = onPoint;
  }

  get stats(): { readonly packets: number; readonly skippedBytes: number; readonly heldBytes: number } {
    return { packets: this.#nodes, skippedBytes: this.#skippedBytes, heldBytes: this.#window.length };
  }

  feed(bytes: Uint8Array): void {
    feedWindow(this.#window, bytes, () => this.#parse());
  }

  #parse(): void {
    while (this.#window.length >= (this.#linked + 1) * NODE_BYTES) {
      if (!this.#extends()) this.#restart();
      else if (this.#linked > CONFIRMING_NODES) {
        if (this.#advanceQ6 >= ADVANCE_MIN_Q6) this.#emit();
        else this.#restart();
      }
    }
  }

  /** Looks whether the next node follows the linked ones, and counts it. */
  #extends(): boolean {
    const offset = this.#linked * NODE_BYTES;
    if (!this.#hasCheckBits(offset)) return false;
    if (this.#linked > 0) {
      const step = this.#stepTo(offset);
      if (step === null) return false;
      this.#advanceQ6 += step;
    }
    this.#linked += 1;
    return true;
  }

  #hasCheckBits(offset: number): boolean {
    const flags = this.#window.at(offset);
    return ((flags ^ (flags >> 1)) & 1) === 1 && (this.#window.at(offset + 1) & 1) === 1 && this.#angleQ6(offset) < FULL_CIRCLE_Q6;
  }

  /** Advance from the node before the one at `offset` [1/64°], or null where that cannot be. */
  #stepTo(offset: number): number | null {
    const raw = this.#angleQ6(offset) - this.#angleQ6(offset - NODE_BYTES);
    const wraps = raw < -FULL_CIRCLE_Q6 / 2;
    const step = wraps ? raw + FULL_CIRCLE_Q6 : raw;
    const starts = (this.#window.at(offset) & 1) === 1;
    // The flag and the wrap may be a node apart, but the flag is far from any other angle.
    const nearZero = this.#angleQ6(offset) < STEP_MAX_Q6 || this.#angleQ6(offset) > FULL_CIRCLE_Q6 - STEP_MAX_Q6;
    return step < STEP_MIN_Q6 || step > STEP_MAX_Q6 || (starts && !nearZero) ? null : step;
  }

  #angleQ6(offset: number): number {
    return this.#window.uint16(offset + 1) >> 1;
  }

  #emit(): void {
    const distanceQ2 = this.#window.uint16(3);
    const stepAfterQ6 = this.#stepTo(NODE_BYTES) ?? 0;
    if (Math.max(this.#stepBeforeQ6, stepAfterQ6) <= (JUMP * this.#advanceQ6) / CONFIRMING_NODES) {
      this.#onPoint(this.#angleQ6(0) * Q6_RAD, distanceQ2 === 0 ? Number.NaN : distanceQ2 / 4000);
      this.#nodes += 1;
    } else this.#skippedBytes += NODE_BYTES;
    this.#stepBeforeQ6 = stepAfterQ6;
    this.#advanceQ6 -= stepAfterQ6;
    this.#window.drop(NODE_BYTES);
    this.#linked -= 1;
  }

  #restart(): void {
    this.#window.drop(1);
    this.#skippedBytes += 1;
    this.#linked = 0;
    this.#advanceQ6 = 0;
    this.#stepBeforeQ6 = Number.POSITIVE_INFINITY;
  }
}
