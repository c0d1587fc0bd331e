// A small flat world for navigation tests, independent of the simulator: boxes, exact rays, an occupancy map from true poses.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import { integrate, STOP, type Twist2 } from '../../shared/geometry/twist2.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { Navigator } from '../../robot/navigation/behaviour/navigator.ts';
import type { NavigatorOptions } from '../../robot/navigation/behaviour/navigator-config.ts';
import type { NavigatorOutput, OtherRover } from '../../robot/navigation/behaviour/navigator-types.ts';

export interface Box {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

export const ROVER_RADIUS_M = 0.18;
const RESOLUTION_M = 0.05;
const LIDAR_RANGE_M = 10;
const RAYS = 240;
const PERIOD_SEC = 0.1;

/** Axis-aligned boxes in a walled rectangle from (0, 0) to (width, depth). */
export class FlatWorld {
  readonly width: number;
  readonly depth: number;
  readonly boxes: Box[];

  constructor(width: number, depth: number, boxes: readonly Box[]) {
    this.width = width;
    this.depth = depth;
    const t = 0.2;
    this.boxes = [
      { minX: 0, minY: 0, maxX: width, maxY: t },
      { minX: 0, minY: depth - t, maxX: width, maxY: depth },
      { minX: 0, minY: 0, maxX: t, maxY: depth },
      { minX: width - t, minY: 0, maxX: width, maxY: depth },
      ...boxes,
    ];
  }

  /** Distance [m] to the nearest box; 0 inside one. */
  clearance(x: number, y: number): number {
    let best = Infinity;
    for (const box of this.boxes) {
      const dx = Math.max(box.minX - x, 0, x - box.maxX);
      const dy = Math.max(box.minY - y, 0, y - box.maxY);
      best = Math.min(best, Math.hypot(dx, dy));
    }
    return best;
  }

  /** Range of a ray, Infinity beyond the lidar's reach. `discs` are other rovers. */
  cast(x: number, y: number, angle: number, discs: readonly { x: number; y: number }[]): number {
    const dx = Math.cos(angle);
    const dy = Math.sin(angle);
    let best = LIDAR_RANGE_M;
    for (const box of this.boxes) best = Math.min(best, castBox(box, x, y, dx, dy));
    for (const disc of discs) {
      const along = (disc.x - x) * dx + (disc.y - y) * dy;
      const off2 = (disc.x - x) ** 2 + (disc.y - y) ** 2 - along * along;
      if (along > 0 && off2 < ROVER_RADIUS_M ** 2) best = Math.min(best, along - Math.sqrt(ROVER_RADIUS_M ** 2 - off2));
    }
    return best < LIDAR_RANGE_M ? best : Infinity;
  }
}

function castBox(box: Box, x: number, y: number, dx: number, dy: number): number {
  const tx1 = (box.minX - x) / dx;
  const tx2 = (box.maxX - x) / dx;
  const ty1 = (box.minY - y) / dy;
  const ty2 = (box.maxY - y) / dy;
  const near = Math.max(Math.min(tx1, tx2), Math.min(ty1, ty2));
  const far = Math.min(Math.max(tx1, tx2), Math.max(ty1, ty2));
  return near <= far && near > 0 ? near : Infinity;
}

/** Counts hits and misses per cell from true poses. */
class Mapper {
  readonly map: OccupancyMap;

  constructor(world: FlatWorld) {
    const width = Math.ceil(world.width / RESOLUTION_M);
    const height = Math.ceil(world.depth / RESOLUTION_M);
    this.map = { width, height, resolutionM: RESOLUTION_M, originX: 0, originY: 0, cells: new Int8Array(width * height).fill(-1) };
  }

  integrate(pose: Pose2, scan: LidarScan): void {
    for (let i = 0; i < scan.rangesM.length; i += 1) {
      const range = scan.rangesM[i] as number;
      const angle = pose.theta + scan.angleMinRad + i * scan.angleIncrementRad;
      const length = Math.min(range, LIDAR_RANGE_M);
      for (let r = 0; r < length - RESOLUTION_M; r += RESOLUTION_M * 0.9) this.#add(pose, angle, r, -20);
      if (range < LIDAR_RANGE_M) this.#add(pose, angle, range + 1e-3, 45);
    }
  }

  #add(pose: Pose2, angle: number, range: number, change: number): void {
    const { width, height, cells } = this.map;
    const x = Math.floor((pose.x + Math.cos(angle) * range) / RESOLUTION_M);
    const y = Math.floor((pose.y + Math.sin(angle) * range) / RESOLUTION_M);
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const cell = y * width + x;
    cells[cell] = Math.min(100, Math.max(0, (cells[cell] === -1 ? 50 : (cells[cell] as number)) + change));
  }
}

/** One rover of a {@link FlatRun}. */
export interface FlatRover {
  readonly id: string;
  readonly navigator: Navigator;
  readonly mapper: Mapper;
  pose: Pose2;
  twist: Twist2;
  scan: LidarScan | null;
  output: NavigatorOutput | null;
}

/** Rovers in a flat world, stepped at 10 Hz. Everything a test wants to disturb is a field. */
export class FlatRun {
  readonly world: FlatWorld;
  readonly rovers: FlatRover[];
  nowSec = 0;
  /** Least distance seen between a rover's body and a box, and between two bodies [m]. */
  minClearanceM = Infinity;
  minRoverGapM = Infinity;
  /** While false, scans stop coming. */
  lidarOn = true;
  /** While false, maps and inspected floor are not exchanged; poses, goals and ways are. */
  sharing = true;
  #sequence = 0;
  #merged: OccupancyMap | null = null;

  constructor(world: FlatWorld, starts: readonly Pose2[], options: Omit<NavigatorOptions, 'id'> = {}) {
    this.world = world;
    this.rovers = starts.map((pose, i) => ({
      id: `rover-${i + 1}`,
      navigator: new Navigator({ id: `rover-${i + 1}`, ...options }),
      mapper: new Mapper(world),
      pose,
      twist: STOP,
      scan: null,
      output: null,
    }));
  }

  step(): void {
    if (this.lidarOn) for (const rover of this.rovers) this.#scan(rover);
    this.#sequence += 1;
    const telemetry = this.rovers.map((rover): OtherRover => ({
      id: rover.id,
      pose: rover.pose,
      stampSec: this.nowSec,
      linearMPerSec: rover.twist.linearMPerSec,
      goal: rover.output?.goal ?? null,
      path: rover.output?.path ?? [],
    }));
    for (const rover of this.rovers) {
      rover.output = rover.navigator.step({
        stampSec: this.nowSec,
        pose: rover.pose,
        twist: rover.twist,
        scan: rover.scan,
        ownMap: rover.mapper.map,
        mergedMap: this.#merged,
        others: telemetry.filter(({ id }) => id !== rover.id),
        viewedFrom: this.#sequence % 4 === 0 ? [rover.pose] : [],
      });
    }
    if (this.sharing && this.#sequence % 10 === 0) this.#share();
    for (const rover of this.rovers) {
      rover.twist = rover.output?.command ?? STOP;
      rover.pose = integrate(rover.pose, rover.twist, PERIOD_SEC);
      this.minClearanceM = Math.min(this.minClearanceM, this.world.clearance(rover.pose.x, rover.pose.y) - ROVER_RADIUS_M);
      for (const other of this.rovers) {
        if (other === rover) break;
        const gap = Math.hypot(other.pose.x - rover.pose.x, other.pose.y - rover.pose.y) - 2 * ROVER_RADIUS_M;
        this.minRoverGapM = Math.min(this.minRoverGapM, gap);
      }
    }
    this.nowSec += PERIOD_SEC;
  }

  /** Steps until all rovers are done or the time is over; the time at the end [s]. */
  runUntilDone(maxSec: number): number {
    while (this.nowSec < maxSec && !this.rovers.every(({ output }) => output?.done === true)) this.step();
    return this.nowSec;
  }

  #scan(rover: FlatRover): void {
    const discs = this.rovers.filter((other) => other !== rover).map(({ pose }) => pose);
    const rangesM = new Float32Array(RAYS);
    const increment = (2 * Math.PI) / RAYS;
    for (let i = 0; i < RAYS; i += 1) {
      rangesM[i] = this.world.cast(rover.pose.x, rover.pose.y, rover.pose.theta - Math.PI + i * increment, discs);
    }
    rover.scan = {
      stampSec: this.nowSec,
      sequence: this.#sequence,
      angleMinRad: -Math.PI,
      angleIncrementRad: increment,
      rangeMinM: 0.05,
      rangeMaxM: LIDAR_RANGE_M,
      rangesM,
    };
    rover.mapper.integrate(rover.pose, rover.scan);
  }

  /** Everybody learns what the others' lidars have mapped and their cameras have seen. */
  #share(): void {
    const [first] = this.rovers;
    const cells = (first as FlatRover).mapper.map.cells.map((cell, i) =>
      this.rovers.reduce((value, { mapper }) => Math.max(value, mapper.map.cells[i] as number), cell),
    );
    this.#merged = { ...(first as FlatRover).mapper.map, cells };
    for (const rover of this.rovers) {
      const tiles = rover.navigator.inspection.takeChangedTiles();
      for (const other of this.rovers) if (other !== rover) other.navigator.inspection.merge(tiles);
    }
  }
}
