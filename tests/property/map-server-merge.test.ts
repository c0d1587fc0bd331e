import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { TileRecord } from '../../shared/modules/host/map-view.ts';
import { MapServer } from '../../shared/modules/map-server/map-server.ts';
import type { TilePatch } from '../../shared/modules/map-server/records.ts';

const view = vi.hoisted(() => ({ tiles: new Map<string, Int8Array>() }));
vi.mock('../../shared/modules/host/map-view.ts', () => ({
  publishTile: (tile: TileRecord) => void view.tiles.set(`${tile.tileX},${tile.tileY}`, tile.cells.slice()),
  publishObject: () => undefined,
  publishMetadata: () => undefined,
}));

const ROVERS = ['a', 'b', 'c'] as const;

interface Message {
  readonly rover: string;
  readonly patch: TilePatch;
}

const message: fc.Arbitrary<Message> = fc.record({
  rover: fc.constantFrom(...ROVERS),
  patch: fc
    .record({
      tileX: fc.integer({ min: -1, max: 1 }),
      tileY: fc.integer({ min: -1, max: 1 }),
      revision: fc.integer({ min: 1, max: 9 }),
      seed: fc.integer(),
    })
    .map(({ tileX, tileY, revision }) => ({
      tileX,
      tileY,
      revision,
      // A function of rover-independent identity: two patches of one revision are the same patch.
      cells: Int8Array.from({ length: 4096 }, (_, at) => ((at * 7 + revision * 131 + tileX * 17 + tileY * 29) % 201) - 100),
    })),
});

const pose = fc.record({
  x: fc.double({ min: -5, max: 5, noNaN: true }),
  y: fc.double({ min: -5, max: 5, noNaN: true }),
  theta: fc.oneof(fc.constant(0), fc.double({ min: -3, max: 3, noNaN: true })),
});

/** The merged map after the messages, by tile; tiles of which nothing is known left out. */
function merged(
  messages: readonly Message[],
  poses: readonly { x: number; y: number; theta: number }[],
  order = ROVERS as readonly string[],
): Record<string, string> {
  view.tiles.clear();
  const server = new MapServer();
  for (const rover of order) {
    const at = poses[ROVERS.indexOf(rover as 'a')];
    server.join(rover, at?.x ?? 0, at?.y ?? 0, at?.theta ?? 0);
  }
  for (const [index, { rover, patch }] of messages.entries()) server.update(rover, index / 7, [patch]);
  server.flush(1000);
  return Object.fromEntries(
    [...view.tiles].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, cells]) => [key, Buffer.from(cells).toString('base64')]),
  );
}

describe('merging is', () => {
  it('commutative: the order of messages and of joining does not matter', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 8 }),
        fc.tuple(pose, pose, pose),
        fc.infiniteStream(fc.nat()),
        (messages, poses, dice) => {
          const shuffled = messages.map((item) => ({ item, key: dice.next().value as number })).toSorted((x, y) => x.key - y.key);
          expect(
            merged(
              shuffled.map(({ item }) => item),
              poses,
              ['c', 'a', 'b'],
            ),
          ).toEqual(merged(messages, poses));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('idempotent: messages may arrive again, at any time', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 6 }),
        fc.tuple(pose, pose, pose),
        fc.array(fc.nat(), { maxLength: 6 }),
        (messages, poses, again) => {
          const repeated = [...messages, ...again.map((index) => messages[index % messages.length] as Message)];
          expect(merged(repeated, poses)).toEqual(merged(messages, poses));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('free of a rover’s place: correcting a start pose leads to the map that the right pose would have given', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), fc.tuple(pose, pose, pose), pose, (messages, poses, wrong) => {
        const right = merged(messages, poses);
        view.tiles.clear();
        const server = new MapServer();
        for (const rover of ROVERS) server.join(rover, wrong.x, wrong.y, wrong.theta);
        for (const { rover, patch } of messages) server.update(rover, 1, [patch]);
        for (const [index, rover] of ROVERS.entries())
          server.join(rover, poses[index]?.x ?? 0, poses[index]?.y ?? 0, poses[index]?.theta ?? 0);
        server.flush(10);
        const corrected = [...view.tiles]
          .filter(([, cells]) => cells.some((cell) => cell !== -1))
          .map(([key, cells]) => [key, Buffer.from(cells).toString('base64')]);
        expect(Object.fromEntries(corrected)).toEqual(right);
      }),
      { numRuns: 30 },
    );
  });
});
