// The floor that a camera sees: a sector of its field of view and useful range, cut off by whatever hides it.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { GridFrame } from '../costmap/grid-frame.ts';

export interface CameraCone {
  /** Horizontal field of view [rad], up to 2π. */
  readonly fovRad: number;
  /** Floor nearer than this is below the picture [m]. */
  readonly minRangeM: number;
  /** Objects further away are too small to recognise [m]. */
  readonly maxRangeM: number;
}

/** Calls `visit` for each cell that a ray from `pose` crosses before the first cell in state `opaque`; some cells repeatedly. */
export function castCone(
  frame: GridFrame,
  states: Uint8Array,
  opaque: number,
  pose: Pose2,
  camera: CameraCone,
  visit: (cell: number) => void,
): void {
  const { width, height, resolutionM } = frame;
  const steps = camera.maxRangeM / resolutionM;
  const first = camera.minRangeM / resolutionM;
  const rays = Math.ceil(camera.fovRad * steps) + 1; // neighbouring rays end less than a cell apart
  const x0 = (pose.x - frame.originX) / resolutionM;
  const y0 = (pose.y - frame.originY) / resolutionM;
  for (let i = 0; i < rays; i += 1) {
    const angle = pose.theta + camera.fovRad * (i / (rays - 1) - 0.5);
    const dx = Math.cos(angle) * STEP;
    const dy = Math.sin(angle) * STEP;
    let x = x0;
    let y = y0;
    for (let r = 0; r <= steps; r += STEP, x += dx, y += dy) {
      const cx = Math.floor(x);
      const cy = Math.floor(y);
      if (cx < 0 || cy < 0 || cx >= width || cy >= height) break;
      const cell = cy * width + cx;
      if (states[cell] === opaque) break;
      if (r >= first) visit(cell);
    }
  }
}

/** Step along a ray [cells]: short enough not to slip between diagonal neighbours unnoticed. */
const STEP = 0.7;
