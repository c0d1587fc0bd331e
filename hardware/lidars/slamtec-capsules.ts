// Measurements of Slamtec's express scans (RPLIDAR interface protocol v2.x, "EXPRESS_SCAN"): capsules of 84 bytes.
// byte 0: sync nibble 0xA and low nibble of the checksum · byte 1: sync nibble 0x5 and high nibble · 2, 3: start angle [1/64°], top bit:
// first capsule of a scan · then 16 cabins of 5 bytes with two points each (answer type 0x82: 2 distances [mm] of 14 bits with 6-bit
// angle corrections) or 40 distances [mm] of 16 bits (dense, type 0x85, as of the C1). The checksum is the XOR of bytes 2 to 83.
import { ByteWindow, feedWindow } from './byte-window.ts';
import type { PointSink } from './lidar-protocol.ts';

export const CAPSULE_BYTES = 84;
export type CapsuleKind = 'express' | 'dense';

const SYNC_LOW = 0xa;
const SYNC_HIGH = 0x5;
const FULL_CIRCLE_Q6 = 360 * 64;
const Q6_RAD = Math.PI / (180 * 64);
const EXPRESS_POINTS = 32;
const DENSE_POINTS = 40;
/** A capsule spans at most this angle [1/64°]: 40 points of the C1 at 10 Hz span 29°. */
const SPAN_MAX_Q6 = 60 * 64;
/** How much the span may change from capsule to capsule: the motor's speed changes slowly, one lost capsule doubles it. */
const SPAN_CHANGE = 0.4;
/** So many capsules of another span in a row are a new speed. */
const NEW_SPEED_CAPSULES = 3;

/**
 * The points of a capsule lie between its start angle and that of the next, so a capsule is given when the next has come whole, right
 * behind it and as far on as capsules are at this speed; otherwise it is dropped, since its angles would be guesses. After damage the
 * next whole capsule is taken up. Holds at most three capsules.
 */
export class SlamtecCapsuleParser {
  readonly #window = new ByteWindow(3 * CAPSULE_BYTES);
  readonly #kind: CapsuleKind;
  readonly #onPoint: PointSink;
  /** Whether the window begins with a capsule that was found whole. */
  #headIsWhole = false;
  #spanQ6: number | null = null;
  #otherSpans = 0;
  #capsules = 0;
  #skippedBytes = 0;

  constructor(kind: CapsuleKind, onPoint: PointSink) {
    this.#kind = kind;
    this.#onPoint = onPoint;
  }

  get stats(): { readonly packets: number; readonly skippedBytes: number; readonly heldBytes: number } {
    return { packets: this.#capsules, skippedBytes: this.#skippedBytes, heldBytes: this.#window.length };
  }

  feed(bytes: Uint8Array): void {
    feedWindow(this.#window, bytes, () => this.#parse());
  }

  #parse(): void {
    const window = this.#window;
    while (window.length > 0) {
      if (!this.#headIsWhole) {
        if (!this.#mayBegin(0)) this.#skip(1);
        else if (window.length < CAPSULE_BYTES) return;
        else if (this.#isWhole(0)) this.#headIsWhole = true;
        else this.#skip(1);
      } else if (!this.#mayBegin(CAPSULE_BYTES)) this.#skip(1);
      else if (window.length < 2 * CAPSULE_BYTES) return;
      else if (this.#isWhole(CAPSULE_BYTES)) this.#takeHead();
      else this.#skip(1); // the head may have been whole by chance: look within it, too
    }
  }

  #skip(count: number): void {
    this.#window.drop(count);
    this.#skippedBytes += count;
    this.#headIsWhole = false;
  }

  /** Whether what is known of a capsule at `offset` begins like one. */
  #mayBegin(offset: number): boolean {
    const window = this.#window;
    return (
      (window.length <= offset || window.at(offset) >> 4 === SYNC_LOW) &&
      (window.length <= offset + 1 || window.at(offset + 1) >> 4 === SYNC_HIGH)
    );
  }

  #isWhole(offset: number): boolean {
    const window = this.#window;
    let checksum = 0;
    for (let index = 2; index < CAPSULE_BYTES; index += 1) checksum ^= window.at(offset + index);
    const promised = (window.at(offset) & 0xf) | ((window.at(offset + 1) & 0xf) << 4);
    return checksum === promised && this.#startQ6(offset) < FULL_CIRCLE_Q6;
  }

  #startQ6(offset: number): number {
    return this.#window.uint16(offset + 2) & 0x7fff;
  }

  /** The capsule at the window's beginning, with the one behind it whole. */
  #takeHead(): void {
    const spanQ6 = (this.#startQ6(CAPSULE_BYTES) - this.#startQ6(0) + FULL_CIRCLE_Q6) % FULL_CIRCLE_Q6;
    if (this.#fits(spanQ6)) {
      if (this.#kind === 'dense') this.#emitDense(spanQ6);
      else this.#emitExpress(spanQ6);
      this.#capsules += 1;
      this.#window.drop(CAPSULE_BYTES); // the next one is whole already
    } else {
      this.#skip(CAPSULE_BYTES);
      this.#headIsWhole = true;
    }
  }

  #fits(spanQ6: number): boolean {
    if (spanQ6 === 0 || spanQ6 > SPAN_MAX_Q6) return false;
    const known = this.#spanQ6;
    const fits = known !== null && Math.abs(spanQ6 - known) <= SPAN_CHANGE * known;
    this.#otherSpans = fits ? 0 : this.#otherSpans + 1;
    if (fits || known === null || this.#otherSpans >= NEW_SPEED_CAPSULES) this.#spanQ6 = spanQ6;
    return fits;
  }

  #emitDense(spanQ6: number): void {
    const start = this.#startQ6(0);
    for (let k = 0; k < DENSE_POINTS; k += 1) this.#emit(start + (spanQ6 * k) / DENSE_POINTS, this.#window.uint16(4 + 2 * k));
  }

  #emitExpress(spanQ6: number): void {
    const window = this.#window;
    const start = this.#startQ6(0);
    for (let cabin = 0; cabin < EXPRESS_POINTS / 2; cabin += 1) {
      const offset = 4 + 5 * cabin;
      const corrections = window.at(offset + 4);
      for (let half = 0; half < 2; half += 1) {
        const word = window.uint16(offset + 2 * half);
        const bits = ((word & 3) << 4) | ((corrections >> (4 * half)) & 0xf);
        const correctionQ3 = bits & 0x20 ? bits - 0x40 : bits; // two's complement of 6 bits, 1/8°
        this.#emit(start + (spanQ6 * (2 * cabin + half)) / EXPRESS_POINTS - correctionQ3 * 8, word >> 2);
      }
    }
  }

  #emit(angleQ6: number, distanceMm: number): void {
    const wrapped = ((angleQ6 % FULL_CIRCLE_Q6) + FULL_CIRCLE_Q6) % FULL_CIRCLE_Q6;
    this.#onPoint(wrapped * Q6_RAD, distanceMm === 0 ? Number.NaN : distanceMm / 1000);
  }
}
