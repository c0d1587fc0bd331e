// Warehouses: rows of racks with cross aisles, pallets with boxes, pillars.
import { pick, uniform } from '../random/seeded-random.ts';
import type { Solid } from '../world/solid.ts';
import { box, type Layout, type LayoutOptions } from './layout.ts';

const RACK_DEPTH_M = 1;

export function warehouse(options: LayoutOptions): Layout {
  const { widthM, depthM, random } = options;
  const solids: Solid[] = [];
  const aisle = uniform(random, 2.1, 2.8);
  const margin = 2.2;
  const rows = Math.max(1, Math.floor((depthM - 2 * margin + aisle) / (RACK_DEPTH_M + aisle)));
  const crossings = Math.max(1, Math.round(widthM / 14));
  const legM = (widthM - 2 * margin - (crossings - 1) * 2.2) / crossings;
  for (let row = 0; row < rows; row += 1) {
    const y = margin + RACK_DEPTH_M / 2 + row * (RACK_DEPTH_M + aisle);
    for (let leg = 0; leg < crossings; leg += 1) {
      if (random.next() < 0.12) continue;
      const shorten = random.next() < 0.3 ? uniform(random, 0.2, 0.45) * legM : 0;
      const x0 = margin + leg * (legM + 2.2) + (random.next() < 0.5 ? shorten : 0);
      const length = legM - shorten;
      if (length < 1) continue;
      solids.push(
        box(
          x0 + length / 2,
          y,
          length,
          RACK_DEPTH_M,
          uniform(random, 1.8, 2.6),
          pick(random, ['metal', 'wood', 'cardboard', 'painted-steel']),
        ),
      );
    }
  }
  const pallets = Math.round((widthM * depthM) / 60);
  for (let k = 0; k < pallets; k += 1) {
    // In the aisles' margins along the outer walls, flush with them, so that the ways stay open.
    const low = random.next() < 0.5;
    const size = uniform(random, 0.6, 1);
    const x = uniform(random, 3.5, widthM - 1);
    solids.push(
      box(
        x,
        low ? 0.15 + size / 2 : depthM - 0.15 - size / 2,
        size,
        size,
        uniform(random, 0.5, 1.3),
        pick(random, ['cardboard', 'wood', 'plastic-blue']),
      ),
    );
  }
  return { solids, start: { x: 1.2, y: depthM / 2, theta: 0 } };
}
