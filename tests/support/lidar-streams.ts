// Byte streams of lidars built from their protocol documents, for tests and benchmarks: an encoder that shares nothing with the parsers.
// Distances are given per point in order of the sensor's (clockwise) turn; 0 is a point that measured nothing.

export interface TruePoint {
  readonly clockwiseDeg: number;
  readonly rangeM: number;
}

/** A stream cut into its packets, with the points of each. */
export interface LidarStream {
  readonly packets: readonly Uint8Array[];
  readonly points: readonly (readonly TruePoint[])[];
}

export type StreamKind = 'ld06' | 'nodes' | 'express' | 'dense';

/** Points in one packet. */
export const POINTS_PER_PACKET: Readonly<Record<StreamKind, number>> = { ld06: 12, nodes: 1, express: 32, dense: 40 };

export interface StreamOptions {
  readonly kind: StreamKind;
  readonly packets: number;
  readonly startDeg: number;
  /** Angle from point to point. */
  readonly stepDeg: number;
  readonly distanceMm: (index: number) => number;
}

export function buildLidarStream(options: StreamOptions): LidarStream {
  const { kind, packets } = options;
  const build = { ld06: ld06Packet, nodes: slamtecNode, express: expressCapsule, dense: denseCapsule }[kind];
  const made = Array.from({ length: packets }, (_, index) => build(index * POINTS_PER_PACKET[kind], options));
  return { packets: made.map(({ bytes }) => bytes), points: made.map(({ points }) => points) };
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

interface Packet {
  readonly bytes: Uint8Array;
  readonly points: readonly TruePoint[];
}

const angleAt = ({ startDeg, stepDeg }: StreamOptions, index: number): number => (startDeg + stepDeg * index) % 360;
const range = (mm: number): number => (mm === 0 ? Number.NaN : mm / 1000);

/** CRC-8 bit by bit: polynomial x⁸+x⁶+x³+x²+1 (0x4D), as the LD06's manual tabulates it. */
export function crc8(bytes: Uint8Array): number {
  let register = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const out = (register >> 7) & 1;
      register = (register << 1) & 0xff;
      if (out !== ((byte >> bit) & 1)) register ^= 0x4d;
    }
  }
  return register;
}

function ld06Packet(first: number, options: StreamOptions): Packet {
  const view = new DataView(new ArrayBuffer(47));
  view.setUint8(0, 0x54);
  view.setUint8(1, 0x2c);
  view.setUint16(2, Math.round(4500 * options.stepDeg), true);
  const start = Math.round(angleAt(options, first) * 100) % 36_000;
  const end = Math.round(angleAt(options, first + 11) * 100) % 36_000;
  view.setUint16(4, start, true);
  const span = (end - start + 36_000) % 36_000;
  const points = Array.from({ length: 12 }, (_, k) => {
    const mm = options.distanceMm(first + k);
    view.setUint16(6 + 3 * k, mm, true);
    view.setUint8(8 + 3 * k, 200);
    return { clockwiseDeg: ((start + (span * k) / 11) % 36_000) / 100, rangeM: range(mm) };
  });
  view.setUint16(42, end, true);
  view.setUint16(44, Math.round((first / 4500) * 1000) % 30_000, true);
  view.setUint8(46, crc8(new Uint8Array(view.buffer, 0, 46)));
  return { bytes: new Uint8Array(view.buffer), points };
}

function slamtecNode(index: number, options: StreamOptions): Packet {
  const q6 = Math.round(angleAt(options, index) * 64) % (360 * 64);
  const starts = index > 0 && angleAt(options, index) < angleAt(options, index - 1) ? 1 : 0;
  const mm = options.distanceMm(index);
  const quality = mm === 0 ? 0 : 15;
  const q2 = mm * 4;
  const bytes = Uint8Array.of((quality << 2) | ((1 - starts) << 1) | starts, ((q6 & 0x7f) << 1) | 1, q6 >> 7, q2 & 0xff, q2 >> 8);
  return { bytes, points: [{ clockwiseDeg: q6 / 64, rangeM: range(mm) }] };
}

/** Start angles of a capsule and of the one behind it [1/64°]. */
function capsuleAngles(first: number, count: number, options: StreamOptions): { start: number; span: number } {
  const circle = 360 * 64;
  const start = Math.round(angleAt(options, first) * 64) % circle;
  const next = Math.round(angleAt(options, first + count) * 64) % circle;
  return { start, span: (next - start + circle) % circle };
}

function sealCapsule(bytes: Uint8Array, start: number, firstOfScan: boolean): Uint8Array {
  bytes[2] = start & 0xff;
  bytes[3] = (start >> 8) | (firstOfScan ? 0x80 : 0);
  const checksum = bytes.subarray(2).reduce((sum, byte) => sum ^ byte, 0);
  bytes[0] = 0xa0 | (checksum & 0xf);
  bytes[1] = 0x50 | (checksum >> 4);
  return bytes;
}

function denseCapsule(first: number, options: StreamOptions): Packet {
  const { start, span } = capsuleAngles(first, 40, options);
  const bytes = new Uint8Array(84);
  const points = Array.from({ length: 40 }, (_, k) => {
    const mm = options.distanceMm(first + k);
    bytes[4 + 2 * k] = mm & 0xff;
    bytes[5 + 2 * k] = mm >> 8;
    return { clockwiseDeg: ((start + (span * k) / 40) / 64) % 360, rangeM: range(mm) };
  });
  return { bytes: sealCapsule(bytes, start, first === 0), points };
}

function expressCapsule(first: number, options: StreamOptions): Packet {
  const { start, span } = capsuleAngles(first, 32, options);
  const bytes = new Uint8Array(84);
  const points: TruePoint[] = [];
  for (let cabin = 0; cabin < 16; cabin += 1) {
    const offset = 4 + 5 * cabin;
    let corrections = 0;
    for (let half = 0; half < 2; half += 1) {
      const k = 2 * cabin + half;
      const mm = options.distanceMm(first + k);
      const correctionQ3 = ((first + 7 * k) % 40) - 20; // −2.5° … +2.4°, in 1/8°
      const bits = correctionQ3 & 0x3f;
      const word = (mm << 2) | (bits >> 4);
      bytes[offset + 2 * half] = word & 0xff;
      bytes[offset + 2 * half + 1] = word >> 8;
      corrections |= (bits & 0xf) << (4 * half);
      points.push({ clockwiseDeg: ((start + (span * k) / 32) / 64 - correctionQ3 / 8 + 360) % 360, rangeM: range(mm) });
    }
    bytes[offset + 4] = corrections;
  }
  return { bytes: sealCapsule(bytes, start, first === 0), points };
}
