// Open ground: collapsed-building rubble (convex heaps and wall remains) and a field with pillars and boxes.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { pick, uniform } from '../random/seeded-random.ts';
import type { Solid } from '../world/solid.ts';
import { box, type Layout, type LayoutOptions } from './layout.ts';

export function rubble(options: LayoutOptions): Layout {
  const { widthM, depthM, random, roverRadiusM } = options;
  const solids: Solid[] = [];
  const start = { x: 1.5, y: 1.5, theta: Math.PI / 4 };
  const placed: { x: number; y: number; reach: number }[] = [{ ...start, reach: 1.2 }];
  const heaps = Math.round((widthM * depthM) / 11);
  for (let k = 0; k < heaps; k += 1) {
    const reach = uniform(random, 0.35, 1.25);
    const at = freePlace(random, widthM, depthM, reach, placed, 2 * roverRadiusM + 0.45);
    if (at === null) continue;
    placed.push({ ...at, reach });
    if (random.next() < 0.25)
      solids.push(box(at.x, at.y, 2 * reach * 0.95, 0.22, uniform(random, 0.6, 1.8), 'brick', uniform(random, 0, Math.PI)));
    else solids.push(heap(random, at, reach));
  }
  return { solids, start };
}

export function openField(options: LayoutOptions): Layout {
  const { widthM, depthM, random, roverRadiusM } = options;
  const solids: Solid[] = [];
  const start = { x: 2, y: depthM / 2, theta: 0 };
  const placed: { x: number; y: number; reach: number }[] = [{ ...start, reach: 1.5 }];
  const things = Math.max(4, Math.round((widthM * depthM) / 60));
  for (let k = 0; k < things; k += 1) {
    const reach = uniform(random, 0.15, 0.9);
    const at = freePlace(random, widthM, depthM, reach, placed, 2 * roverRadiusM + 1);
    if (at === null) continue;
    placed.push({ ...at, reach });
    if (reach < 0.35)
      solids.push({
        kind: 'cylinder',
        ...at,
        radiusM: reach,
        heightM: uniform(random, 2, 4),
        material: pick(random, ['wood', 'concrete']),
      });
    else
      solids.push(
        box(
          at.x,
          at.y,
          reach * 1.3,
          reach * 1.3,
          uniform(random, 0.5, 1.8),
          pick(random, ['wood', 'cardboard', 'metal']),
          uniform(random, 0, 3),
        ),
      );
  }
  return { solids, start };
}

/** A place for a disc of `reach` that keeps `gapM` to every other; null after too many tries. */
function freePlace(
  random: Random,
  widthM: number,
  depthM: number,
  reach: number,
  placed: readonly { x: number; y: number; reach: number }[],
  gapM: number,
): Point2 | null {
  const edge = reach + gapM + 0.2;
  if (widthM <= 2 * edge || depthM <= 2 * edge) return null;
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const at = { x: uniform(random, edge, widthM - edge), y: uniform(random, edge, depthM - edge) };
    if (placed.every((other) => Math.hypot(other.x - at.x, other.y - at.y) >= other.reach + reach + gapM)) return at;
  }
  return null;
}

/** A convex heap: points on an uneven ring, in order of their angle. */
function heap(random: Random, at: Point2, reach: number): Solid {
  const corners = 5 + random.integer(4);
  const turn = random.next() * 2 * Math.PI;
  // Points on one ellipse are convex, whatever their spacing.
  const squeeze = uniform(random, 0.55, 1);
  const vertices: Point2[] = [];
  for (let k = 0; k < corners; k += 1) {
    const angle = (2 * Math.PI * (k + uniform(random, -0.3, 0.3))) / corners;
    const px = reach * Math.cos(angle);
    const py = reach * squeeze * Math.sin(angle);
    vertices.push({ x: at.x + Math.cos(turn) * px - Math.sin(turn) * py, y: at.y + Math.sin(turn) * px + Math.cos(turn) * py });
  }
  return {
    kind: 'polygon',
    vertices,
    heightM: uniform(random, 0.35, 1.1),
    material: pick(random, ['rubble', 'rubble', 'concrete', 'brick']),
  };
}
