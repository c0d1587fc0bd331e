// Corridors in a loop around closed blocks: the classic test of loop closure, with niches and a few crates.
import { pick, uniform } from '../random/seeded-random.ts';
import type { Solid } from '../world/solid.ts';
import { box, type Layout, type LayoutOptions } from './layout.ts';

const CORRIDOR_M = 2.2;

export function corridorLoop(options: LayoutOptions): Layout {
  const { widthM, depthM, random } = options;
  const solids: Solid[] = [];
  const columns = Math.max(1, Math.round(widthM / 16));
  const rows = Math.max(1, Math.round(depthM / 14));
  const blockX = (widthM - CORRIDOR_M * (columns + 1)) / columns;
  const blockY = (depthM - CORRIDOR_M * (rows + 1)) / rows;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x0 = CORRIDOR_M + column * (blockX + CORRIDOR_M);
      const y0 = CORRIDOR_M + row * (blockY + CORRIDOR_M);
      blockWithNiche(solids, x0, y0, blockX, blockY, uniform(random, 0.25, 0.75), random.next() < 0.5);
    }
  }
  const crates = Math.round((columns + rows) * 1.5);
  for (let k = 0; k < crates; k += 1) {
    // Flush with the outer wall, so that the loop stays open.
    const size = uniform(random, 0.4, 0.65);
    const x = uniform(random, 3, widthM - 3);
    solids.push(
      box(
        x,
        random.next() < 0.5 ? 0.15 + size / 2 : depthM - 0.15 - size / 2,
        size,
        size,
        uniform(random, 0.4, 1.2),
        pick(random, ['cardboard', 'wood', 'metal']),
      ),
    );
  }
  return { solids, start: { x: CORRIDOR_M * 0.5 + 0.1, y: CORRIDOR_M * 0.5 + 0.1, theta: 0 } };
}

/** A solid block with one niche of 1.8 m × 1.5 m cut out of its lower or upper side: three boxes. */
function blockWithNiche(solids: Solid[], x0: number, y0: number, sizeX: number, sizeY: number, at: number, lower: boolean): void {
  const niche = { width: Math.min(1.8, sizeX / 2), depth: Math.min(1.5, sizeY / 2) };
  const nicheX = x0 + at * (sizeX - niche.width);
  const backY = lower ? y0 + niche.depth : y0;
  const frontY = lower ? y0 : y0 + sizeY - niche.depth;
  const add = (x: number, y: number, width: number, depth: number): void => {
    if (width > 0.01) solids.push(box(x + width / 2, y + depth / 2, width, depth, 2.6, 'plaster'));
  };
  add(x0, backY, sizeX, sizeY - niche.depth);
  add(x0, frontY, nicheX - x0, niche.depth);
  add(nicheX + niche.width, frontY, x0 + sizeX - nicheX - niche.width, niche.depth);
}
