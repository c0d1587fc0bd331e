// Ground truth of a frame: which hazards show, where and how much. For training data and evaluation, never for a rover.
import type { HazardClass } from '../world/hazards.ts';
import type { CameraRenderer, MovingBodies } from './camera-renderer.ts';
import type { CameraView } from './camera-view.ts';

export interface HazardAnnotation {
  /** Index in the site's list of hazards. */
  readonly hazard: number;
  readonly class: HazardClass;
  /** Bounds of what shows: left, top, right, bottom [px]; right and bottom exclusive. */
  readonly box: readonly [number, number, number, number];
  /** Pixels that show. */
  readonly pixels: number;
  /** Share of its pixels within the picture that nothing covers, 0 to 1. */
  readonly visibility: number;
  /** From the optical centre to its middle, along the floor [m]. */
  readonly distanceM: number;
}

/** All hazards with at least one visible pixel, in the order of the site's list. */
export function annotateView(renderer: CameraRenderer, view: CameraView, bodies?: MovingBodies): HazardAnnotation[] {
  const seen = new Map<number, { left: number; top: number; right: number; bottom: number; pixels: number }>();
  const { ids, hazards } = renderer.rasterize(view, bodies);
  for (let row = 0, pixel = 0; row < view.height; row += 1) {
    for (let column = 0; column < view.width; column += 1, pixel += 1) {
      const id = ids[pixel] as number;
      const hazard = id < 0 ? -1 : (hazards[id] as number);
      if (hazard < 0) continue;
      const box = seen.get(hazard);
      if (box === undefined) seen.set(hazard, { left: column, top: row, right: column + 1, bottom: row + 1, pixels: 1 });
      else {
        box.left = Math.min(box.left, column);
        box.right = Math.max(box.right, column + 1);
        box.bottom = row + 1;
        box.pixels += 1;
      }
    }
  }
  return [...seen.entries()]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([hazard, { left, top, right, bottom, pixels }]) => {
      const truth = renderer.world.site.hazards[hazard];
      if (truth === undefined) return [];
      return {
        hazard,
        class: truth.class,
        box: [left, top, right, bottom] as const,
        pixels,
        visibility: pixels / Math.max(pixels, countPixels(renderer, view, hazard)),
        distanceM: Math.hypot(truth.x - view.x, truth.y - view.y),
      };
    });
}

/** Pixels that a hazard would cover if it stood alone. */
function countPixels(renderer: CameraRenderer, view: CameraView, hazard: number): number {
  let count = 0;
  for (const id of renderer.rasterize(view, undefined, hazard).ids) if (id >= 0) count += 1;
  return count;
}
