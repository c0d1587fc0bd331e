// The Map Server's load: four rovers that drive lanes through a large site, each scan changing the tiles around its rover.
import { LOG_ODDS_LIMIT } from '../../shared/mapping/log-odds.ts';
import { TILE_CELLS, TILE_SIZE, type TilePatch } from '../../shared/mapping/tiles.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

export const ROVERS = ['rover-1', 'rover-2', 'rover-3', 'rover-4'] as const;
export const SCANS_PER_SEC = 10;
/** 100 m in tiles of 3.2 m. */
const SITE_TILES = 32;
/** Tiles that one scan of 8 m reach changes, around the rover's own. */
const REACH_TILES = 2;
const SPEED_M_PER_SEC = 0.6;

export interface Update {
  readonly rover: string;
  readonly stampSec: number;
  readonly patches: readonly TilePatch[];
}

const random = new SeededRandom('mapping-load');
/** Walls, free and unknown ground; each patch is one of these with a few cells changed. */
const TEXTURES = Array.from({ length: 16 }, () => {
  const wallRow = random.integer(TILE_SIZE);
  const wallColumn = random.integer(TILE_SIZE);
  return Int8Array.from({ length: TILE_CELLS }, (_, at) => {
    const wall = at >> 6 === wallRow || (at & 63) === wallColumn;
    return wall ? LOG_ODDS_LIMIT - random.integer(20) : random.next() < 0.1 ? 0 : -LOG_ODDS_LIMIT + random.integer(30);
  });
});

let revision = 0;

function patchOf(tileX: number, tileY: number): TilePatch {
  const cells = (TEXTURES[(tileX * 7 + tileY * 13) & 15] as Int8Array).slice();
  for (let k = 0; k < 200; k += 1) cells[random.integer(TILE_CELLS)] = random.integer(2 * LOG_ODDS_LIMIT) - LOG_ODDS_LIMIT;
  revision += 1;
  return { tileX, tileY, revision, cells };
}

/** Every tile of the site, mapped by two rovers each. */
export function* fullSite(): Generator<Update> {
  for (let y = 0; y < SITE_TILES; y += 1) {
    for (const offset of [0, 1]) {
      const rover = ROVERS[(2 * (y >> 4) + offset) % ROVERS.length] as string;
      yield { rover, stampSec: y, patches: Array.from({ length: SITE_TILES }, (_, x) => patchOf(x, y)) };
    }
  }
}

/** The rovers drive on, each in its own quarter of the site; one update a scan. */
export function* exploration(fromSec: number, seconds: number): Generator<Update> {
  for (let scan = 0; scan < seconds * SCANS_PER_SEC; scan += 1) {
    const stampSec = fromSec + scan / SCANS_PER_SEC;
    for (const [index, rover] of ROVERS.entries()) {
      const alongTiles = ((stampSec * SPEED_M_PER_SEC) / 3.2 + index * 5) % (SITE_TILES - 2 * REACH_TILES);
      const atX = REACH_TILES + Math.floor(alongTiles);
      const atY = 4 + index * 8;
      const patches: TilePatch[] = [];
      for (let dy = -REACH_TILES; dy <= REACH_TILES; dy += 1) {
        for (let dx = -REACH_TILES; dx <= REACH_TILES; dx += 1) patches.push(patchOf(atX + dx, atY + dy));
      }
      yield { rover, stampSec, patches };
    }
  }
}
