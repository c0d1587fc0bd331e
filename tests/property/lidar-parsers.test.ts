// Lidar parsers on streams built from the protocol documents, then cut, shifted and damaged: no wrong point, taken up again within one
// packet, memory bounded. Seeds are fixed because an 8-bit checksum passes one of 256 arbitrary damages by its nature.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ld06Parser } from '../../hardware/lidars/ld06-parser.ts';
import type { PointSink } from '../../hardware/lidars/lidar-protocol.ts';
import { SlamtecCapsuleParser } from '../../hardware/lidars/slamtec-capsules.ts';
import { CONFIRMING_NODES, SlamtecNodeParser } from '../../hardware/lidars/slamtec-nodes.ts';
import { buildLidarStream, crc8, joinBytes, type LidarStream, type StreamKind, type TruePoint } from '../support/lidar-streams.ts';

interface Kind {
  readonly kind: StreamKind;
  readonly make: (sink: PointSink) => { feed(bytes: Uint8Array): void; readonly stats: { readonly heldBytes: number } };
  /** Steps between points that the sensor's rotation makes. */
  readonly stepDeg: readonly [number, number];
  /** Packets at the end of a stream that wait for what follows. */
  readonly waiting: number;
  /** Packets whole before a damage that may be given up with it. */
  readonly before: number;
  /** Packets after a damage that are not given: none but the one that tells the speed anew. */
  readonly after: number;
  readonly maxHeldBytes: number;
}

const KINDS: readonly Kind[] = [
  { kind: 'ld06', make: (sink) => new Ld06Parser(sink), stepDeg: [0.5, 1], waiting: 0, before: 0, after: 0, maxHeldBytes: 94 },
  {
    kind: 'nodes',
    make: (sink) => new SlamtecNodeParser(sink),
    stepDeg: [0.25, 1],
    waiting: CONFIRMING_NODES,
    before: CONFIRMING_NODES + 1,
    after: 1,
    maxHeldBytes: 160,
  },
  {
    kind: 'express',
    make: (sink) => new SlamtecCapsuleParser('express', sink),
    stepDeg: [0.25, 1],
    waiting: 1,
    before: 1,
    after: 0,
    maxHeldBytes: 252,
  },
  {
    kind: 'dense',
    make: (sink) => new SlamtecCapsuleParser('dense', sink),
    stepDeg: [0.5, 1],
    waiting: 1,
    before: 1,
    after: 0,
    maxHeldBytes: 252,
  },
];

/** Scenes: a wall that slants past the sensor, constant distances, nothing in range, and clutter. */
const distance = fc.oneof(
  fc.tuple(fc.integer({ min: 200, max: 11_000 }), fc.integer({ min: -30, max: 30 })).map(
    ([base, slope]) =>
      (index: number) =>
        Math.max(1, Math.min(12_000, base + slope * (index % 100))),
  ),
  fc.integer({ min: 0, max: 12_000 }).map((mm) => () => mm),
  fc
    .array(fc.integer({ min: 0, max: 12_000 }), { minLength: 20, maxLength: 60 })
    .map((list) => (index: number) => list[index % list.length] ?? 0),
);

const streamOf = ({ kind, stepDeg }: Kind): fc.Arbitrary<LidarStream> =>
  fc
    .record({
      packets: kind === 'nodes' ? fc.integer({ min: 40, max: 120 }) : fc.integer({ min: 6, max: 14 }),
      startDeg: fc.double({ min: 0, max: 359, noNaN: true }),
      stepDeg: fc.double({ min: stepDeg[0], max: stepDeg[1], noNaN: true }),
      distanceMm: distance,
    })
    .map((options) => buildLidarStream({ kind, ...options }));

function parse({ make, maxHeldBytes }: Kind, bytes: Uint8Array, chunk = bytes.length): TruePoint[] {
  const points: TruePoint[] = [];
  const parser = make((clockwiseRad, rangeM) => points.push({ clockwiseDeg: (clockwiseRad * 180) / Math.PI, rangeM }));
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    parser.feed(bytes.subarray(offset, offset + chunk));
    expect(parser.stats.heldBytes).toBeLessThanOrEqual(maxHeldBytes);
  }
  return points;
}

function isSame(a: TruePoint, b: TruePoint): boolean {
  const turn = Math.abs(a.clockwiseDeg - b.clockwiseDeg);
  return Math.min(turn, 360 - turn) < 1e-6 && (Object.is(a.rangeM, b.rangeM) || Math.abs(a.rangeM - b.rangeM) < 1e-9);
}

/** Every given point is one of the true ones, in their order. */
function expectOnlyTrue(given: readonly TruePoint[], truth: readonly TruePoint[]): void {
  let next = 0;
  for (const point of given) {
    while (next < truth.length && !isSame(point, truth[next] as TruePoint)) next += 1;
    if (next === truth.length) expect.fail(`${JSON.stringify(point)} was never sent`);
    next += 1;
  }
}

/** The stream's end arrived whole: from packet `from` on, less those that wait. */
function expectTail(kind: Kind, stream: LidarStream, given: readonly TruePoint[], from: number): void {
  const tail = stream.points.slice(from, stream.points.length - kind.waiting).flat();
  expect(given.length).toBeGreaterThanOrEqual(tail.length);
  const end = given.slice(given.length - tail.length);
  expect(end.every((point, index) => isSame(point, tail[index] as TruePoint))).toBe(true);
}

describe.each(KINDS)('a parser of $kind', (kind) => {
  it('gives every point of an undamaged stream, however it is cut into chunks', () => {
    fc.assert(
      fc.property(streamOf(kind), fc.integer({ min: 1, max: 200 }), (stream, chunk) => {
        const given = parse(kind, joinBytes(stream.packets), chunk);
        // A first capsule's span, and a first node, are not believed before a second agrees.
        const first = kind.kind === 'ld06' ? 0 : 1;
        const truth = stream.points.slice(first, stream.points.length - kind.waiting).flat();
        expect(given).toHaveLength(truth.length);
        expect(given.every((point, index) => isSame(point, truth[index] as TruePoint))).toBe(true);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('gives nothing wrong when bytes are lost, and takes up the next whole packet', () => {
    const lost = fc.record({ at: fc.double({ min: 0.4, max: 0.7, noNaN: true }), count: fc.integer({ min: 1, max: 120 }) });
    fc.assert(
      fc.property(streamOf(kind), lost, (stream, { at, count }) => {
        const bytes = joinBytes(stream.packets);
        const size = (stream.packets[0] as Uint8Array).length;
        const from = Math.floor(bytes.length * at);
        const given = parse(kind, joinBytes([bytes.subarray(0, from), bytes.subarray(from + count)]));
        expectOnlyTrue(given, stream.points.flat());
        expectTail(kind, stream, given, Math.ceil((from + count) / size) + kind.after);
        const sure = stream.points.slice(1, Math.max(1, Math.floor(from / size) - kind.before)).flat();
        expect(given.length).toBeGreaterThanOrEqual(sure.length);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('gives nothing wrong when strange bytes come between, and takes up the next whole packet', () => {
    const strange = fc.record({
      at: fc.double({ min: 0.4, max: 0.7, noNaN: true }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    });
    fc.assert(
      fc.property(streamOf(kind), strange, (stream, { at, bytes: garbage }) => {
        const bytes = joinBytes(stream.packets);
        const size = (stream.packets[0] as Uint8Array).length;
        const from = Math.floor(bytes.length * at);
        const given = parse(kind, joinBytes([bytes.subarray(0, from), garbage, bytes.subarray(from)]));
        expectOnlyTrue(given, stream.points.flat());
        expectTail(kind, stream, given, Math.ceil(from / size) + kind.after);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('takes up a stream that it comes into in the middle', () => {
    fc.assert(
      fc.property(streamOf(kind), fc.integer({ min: 1, max: 83 }), (stream, shift) => {
        const size = (stream.packets[0] as Uint8Array).length;
        const given = parse(kind, joinBytes(stream.packets).subarray(shift));
        expectOnlyTrue(given, stream.points.flat());
        const first = kind.kind === 'ld06' ? 0 : 1;
        expectTail(kind, stream, given, Math.ceil(shift / size) + first);
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  it('finds nothing in noise, and holds no more of it than its window', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 500, maxLength: 4000 }), fc.integer({ min: 1, max: 700 }), (noise, chunk) => {
        expect(parse(kind, noise, chunk)).toEqual([]);
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});

describe.each(KINDS.filter(({ kind }) => kind !== 'nodes'))('a checksum of $kind', (kind) => {
  it('rejects every packet with a burst of up to 8 wrong bits', () => {
    const burst = fc.record({ at: fc.double({ min: 0.4, max: 0.8, noNaN: true }), mask: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(streamOf(kind), burst, (stream, { at, mask }) => {
        const bytes = joinBytes(stream.packets);
        const size = (stream.packets[0] as Uint8Array).length;
        const index = Math.floor(bytes.length * at);
        bytes[index] = (bytes[index] ?? 0) ^ mask;
        const given = parse(kind, bytes);
        expectOnlyTrue(given, stream.points.flat());
        expectTail(kind, stream, given, Math.floor(index / size) + 1);
      }),
      { seed: 6, numRuns: 400 },
    );
  });
});

describe('check bits of standard scan nodes', () => {
  it.each([
    ['start and not-start alike', 0, 0b11],
    ['check bit missing', 1, 0b1],
    ['an angle that jumps', 2, 0b10_0000],
  ])('%s: the node is not given, those after it are', (_, byte, mask) => {
    const kind = KINDS.find(({ kind }) => kind === 'nodes') as Kind;
    const stream = buildLidarStream({ kind: 'nodes', packets: 90, startDeg: 20, stepDeg: 0.5, distanceMm: (index) => 1000 + index });
    const bytes = joinBytes(stream.packets);
    if (byte === 0) bytes[45 * 5] = (bytes[45 * 5] ?? 0) | mask;
    else bytes[45 * 5 + byte] = (bytes[45 * 5 + byte] ?? 0) ^ mask;
    const given = parse(kind, bytes);
    expect(given.some((point) => Math.abs(point.rangeM - 1.045) < 1e-9)).toBe(false);
    expectOnlyTrue(given, stream.points.flat());
    expectTail(kind, stream, given, 47);
  });
});

describe('the documents’ own figures', () => {
  it('accepts the example packet of the LD06 manual and reads its angles and distances', () => {
    const hex = '542c6808ab7ee000e4dc00e2d900e5d500e3d300e4d000e9cd00e4ca00e2c700e9c500e5c200e5c000e5be823a1a50';
    const packet = Uint8Array.from(Buffer.from(hex, 'hex'));
    expect(crc8(packet.subarray(0, 46))).toBe(0x50);
    const given = parse(KINDS[0] as Kind, packet);
    expect(given).toHaveLength(12);
    expect(given[0]?.clockwiseDeg).toBeCloseTo(324.27, 6);
    expect(given[0]?.rangeM).toBeCloseTo(0.224, 9);
    expect(given[11]?.clockwiseDeg).toBeCloseTo(334.7, 6);
  });
});
