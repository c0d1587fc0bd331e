// A rover's partial map and what its camera saw, kept at a Map Server that may lose what it knew of the rover.
import { beforeEach, describe, expect, test } from 'vitest';
import type { MapServerHandle, ObservedFrame, TilePatch } from '../../shared/modules/map-server/handle.ts';
import { MapSharing } from '../../robot/map-sharing.ts';

const patch = (tileX: number): TilePatch => ({ tileX }) as unknown as TilePatch;
const frame = (stampSec: number): ObservedFrame => ({ stampSec, sightings: [{}], x: 0, y: 0, theta: 0 }) as unknown as ObservedFrame;

describe('what a rover sends its Map Server', () => {
  /** By revision: each changed one tile. */
  let tiles: TilePatch[] = [];
  let said: string[] = [];
  let beforeUpdate: () => void = () => undefined;
  let sharing: MapSharing;

  const mapServer = {
    join: async (rover: string) => void said.push(`join ${rover}`),
    update: async (_rover: string, _stampSec: number, patches: readonly TilePatch[]) => {
      beforeUpdate();
      said.push(`tiles ${patches.map((each) => each.tileX).join(' ')}`);
      return { placed: true, x: 0, y: 0, theta: 0 };
    },
    report: async (_rover: string, _stampSec: number, frames: readonly ObservedFrame[]) =>
      void said.push(`frames ${frames.map((each) => each.stampSec).join(' ')}`),
    flush: async () => void said.push('flush'),
  };

  beforeEach(() => {
    tiles = [patch(1), patch(2)];
    said = [];
    beforeUpdate = () => undefined;
    sharing = new MapSharing({
      rover: 'r1',
      startKnown: true,
      source: {
        get revision() {
          return tiles.length;
        },
        patchesSince: (revision) => tiles.slice(revision),
      },
      mapServer: mapServer as unknown as MapServerHandle,
      onPlace: () => undefined,
      onError: (error) => {
        throw error;
      },
    });
  });

  test('is what changed; after a loss it is everything, and the rover is made known first', async () => {
    await sharing.join();
    sharing.addFrame(frame(7));
    await sharing.flush(1);
    tiles.push(patch(3));
    await sharing.flush(2);
    expect(said).toEqual(['join r1', 'tiles 1 2', 'frames 7', 'flush', 'tiles 3', 'flush']);
    said = [];
    sharing.startOver();
    sharing.addFrame(frame(8));
    await sharing.flush(3);
    await sharing.flush(4);
    expect(said).toEqual(['join r1', 'tiles 1 2 3', 'frames 7 8', 'flush', 'tiles ', 'flush']);
  });

  test('is everything, too, when the loss comes while something is on its way', async () => {
    await sharing.join();
    beforeUpdate = () => {
      beforeUpdate = () => undefined;
      sharing.startOver();
    };
    await sharing.flush(1);
    await sharing.flush(2);
    expect(said).toEqual(['join r1', 'tiles 1 2', 'flush', 'join r1', 'tiles 1 2', 'flush']);
  });
});
