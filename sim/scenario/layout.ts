// What a layout builder takes and gives.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { boxSolid, type Solid } from '../world/solid.ts';

export interface LayoutOptions {
  readonly widthM: number;
  readonly depthM: number;
  readonly roverRadiusM: number;
  readonly random: Random;
}

export interface Layout {
  readonly solids: readonly Solid[];
  /** Where the first rover starts; others start around it. */
  readonly start: Pose2;
}

/** A box as the layouts write it. */
export function box(x: number, y: number, sizeX: number, sizeY: number, heightM: number, material: Solid['material'], yawRad = 0): Solid {
  return boxSolid({ x, y, sizeX, sizeY, yawRad }, heightM, material);
}
