// Packets of the LDROBOT LD06 and LD19 (development manual v2.x, "Communication protocol"): 47 bytes with 12 measurements and a CRC-8.
// offset 0 header 0x54 · 1 type and number of points 0x2C · 2 speed [°/s] · 4 start angle [0.01°] · 6 twelve times distance [mm] and
// intensity · 42 end angle [0.01°] · 44 time [ms, mod 30000] · 46 CRC-8 over all before; numbers are little-endian.
import { ByteWindow, feedWindow } from './byte-window.ts';
import type { PointSink } from './lidar-protocol.ts';

export const LD06_PACKET_BYTES = 47;
const POINTS = 12;
const HEADER = 0x54;
const VERSION_LENGTH = 0x2c;
const FULL_CIRCLE = 36_000;
const CENTIDEGREE_RAD = Math.PI / 18_000;
const POINTS_PER_SEC = 4500;
/** The motor's range is 6 to 13 Hz; wider, to follow it while it runs up. */
const SPEED_MIN_DEG_PER_SEC = 360;
const SPEED_MAX_DEG_PER_SEC = 7200;
const TIME_MODULUS_MS = 30_000;

/** CRC-8 with polynomial 0x4D, initial value 0, not reflected: the table of the manual. */
const CRC_TABLE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x4d) & 0xff : crc << 1;
  return crc;
});

/**
 * Gives the points of whole packets and nothing of damaged ones: the CRC must be right and speed, angles and time must fit together
 * (an 8-bit CRC alone lets one of 256 random packets pass). After damage it looks again from the next byte, so the first whole
 * packet after it is taken. Holds at most two packets.
 */
export class Ld06Parser {
  readonly #window = new ByteWindow(2 * LD06_PACKET_BYTES);
  readonly #onPoint: PointSink;
  #packets = 0;
  #skippedBytes = 0;

  constructor(onPoint: PointSink) {
    this.#onPoint = onPoint;
  }

  get stats(): { readonly packets: number; readonly skippedBytes: number; readonly heldBytes: number } {
    return { packets: this.#packets, skippedBytes: this.#skippedBytes, heldBytes: this.#window.length };
  }

  feed(bytes: Uint8Array): void {
    feedWindow(this.#window, bytes, () => this.#parse());
  }

  #parse(): void {
    const window = this.#window;
    while (window.length > 0) {
      if (window.at(0) !== HEADER || (window.length > 1 && window.at(1) !== VERSION_LENGTH)) this.#skip();
      else if (window.length < LD06_PACKET_BYTES) return;
      else if (this.#isWhole()) {
        this.#emit();
        window.drop(LD06_PACKET_BYTES);
        this.#packets += 1;
      } else this.#skip();
    }
  }

  #skip(): void {
    this.#window.drop(1);
    this.#skippedBytes += 1;
  }

  #isWhole(): boolean {
    const window = this.#window;
    let crc = 0;
    for (let index = 0; index < LD06_PACKET_BYTES - 1; index += 1) crc = CRC_TABLE[crc ^ window.at(index)] as number;
    if (crc !== window.at(LD06_PACKET_BYTES - 1)) return false;
    const speed = window.uint16(2);
    const start = window.uint16(4);
    const end = window.uint16(42);
    if (speed < SPEED_MIN_DEG_PER_SEC || speed > SPEED_MAX_DEG_PER_SEC) return false;
    if (start >= FULL_CIRCLE || end >= FULL_CIRCLE || window.uint16(44) >= TIME_MODULUS_MS) return false;
    const spanDeg = ((end - start + FULL_CIRCLE) % FULL_CIRCLE) / 100;
    return spanDeg <= 1 + (2 * (POINTS - 1) * speed) / POINTS_PER_SEC;
  }

  #emit(): void {
    const window = this.#window;
    const start = window.uint16(4);
    const step = ((window.uint16(42) - start + FULL_CIRCLE) % FULL_CIRCLE) / (POINTS - 1);
    for (let index = 0; index < POINTS; index += 1) {
      const distanceMm = window.uint16(6 + 3 * index);
      const angle = (start + step * index) % FULL_CIRCLE;
      this.#onPoint(angle * CENTIDEGREE_RAD, distanceMm === 0 ? Number.NaN : distanceMm / 1000);
    }
  }
}
