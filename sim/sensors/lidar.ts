// A planar laser scanner by exact ray casting, with range noise and dropouts (class of the RPLIDAR A1/A2 and LDS sensors).
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { LidarInputs, LidarIo, LidarScan } from '../../shared/ports/lidar-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { World } from '../world/world.ts';
import type { Disc } from './moving-discs.ts';

export interface LidarSpec {
  readonly rays: number;
  readonly rateHz: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  /** Standard deviation of a range [m], and its part that grows with the range. */
  readonly noiseM: number;
  readonly noisePerM: number;
  /** Share of rays without a valid measurement. */
  readonly dropout: number;
  /** Time from the measurement to its arrival on the rover's side [s]. */
  readonly latencySec: number;
}

export const DEFAULT_LIDAR: LidarSpec = {
  rays: 360,
  rateHz: 10,
  rangeMinM: 0.12,
  rangeMaxM: 12,
  noiseM: 0.008,
  noisePerM: 0.001,
  dropout: 0.004,
  latencySec: 0,
};

/** Told of each scan's true ranges; for scoring only. Infinity: nothing in range; `moving` marks rays that hit something that moves. */
export type ScanObserver = (
  pose: Pose2,
  angleMinRad: number,
  angleIncrementRad: number,
  trueRangesM: Float32Array,
  moving: Uint8Array,
) => void;

export class SimulatedLidar implements LidarIo {
  readonly spec: LidarSpec;
  readonly #world: World;
  readonly #random: Random;
  readonly #truth: Float32Array;
  readonly #moving: Uint8Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  #scan: LidarScan | null = null;
  /** Scans on their way to the rover, oldest first. */
  readonly #underway: LidarScan[] = [];
  #sequence = 0;
  #connected = true;
  observer: ScanObserver | null = null;

  constructor(spec: LidarSpec, world: World, random: Random) {
    this.spec = spec;
    this.#world = world;
    this.#random = random;
    this.#truth = new Float32Array(spec.rays);
    this.#moving = new Uint8Array(spec.rays);
    const angle = (ray: number): number => -Math.PI + (2 * Math.PI * ray) / spec.rays;
    this.#cos = Float64Array.from({ length: spec.rays }, (_, ray) => Math.cos(angle(ray)));
    this.#sin = Float64Array.from({ length: spec.rays }, (_, ray) => Math.sin(angle(ray)));
  }

  update(): LidarInputs {
    return { connected: this.#connected, scan: this.#scan };
  }

  /** Plugs the sensor in or out; unplugged, the last scan stays and gets old. */
  setConnected(connected: boolean): void {
    this.#connected = connected;
  }

  /** Takes one revolution from `pose` (the sensor sits above the rover's centre). `others` are the moving bodies without the rover itself. */
  measure(pose: Pose2, stampSec: number, others: readonly Disc[]): void {
    if (!this.#connected) return;
    const { rays, rangeMinM, rangeMaxM, noiseM, noisePerM, dropout } = this.spec;
    const c = Math.cos(pose.theta);
    const s = Math.sin(pose.theta);
    const { index } = this.#world;
    const truth = this.#truth;
    for (let ray = 0; ray < rays; ray += 1) {
      const rx = this.#cos[ray] as number;
      const ry = this.#sin[ray] as number;
      truth[ray] = index.cast(pose.x, pose.y, c * rx - s * ry, s * rx + c * ry, rangeMaxM);
    }
    this.#moving.fill(0);
    for (const disc of others) this.#occlude(pose, disc);
    const random = this.#random;
    const rangesM = new Float32Array(rays);
    for (let ray = 0; ray < rays; ray += 1) {
      const range = truth[ray] as number;
      if (dropout > 0 && random.next() < dropout) rangesM[ray] = Number.NaN;
      else if (range === Number.POSITIVE_INFINITY) rangesM[ray] = range;
      else {
        const measured = noiseM === 0 && noisePerM === 0 ? range : range + (noiseM + noisePerM * range) * random.gaussian();
        rangesM[ray] = measured < rangeMinM ? Number.NaN : measured > rangeMaxM ? Number.POSITIVE_INFINITY : measured;
      }
    }
    this.observer?.(pose, -Math.PI, (2 * Math.PI) / rays, truth, this.#moving);
    this.#underway.push({
      stampSec,
      sequence: this.#sequence++,
      angleMinRad: -Math.PI,
      angleIncrementRad: (2 * Math.PI) / rays,
      rangeMinM,
      rangeMaxM,
      rangesM,
    });
    this.deliver(stampSec);
  }

  /** Hands over the scans whose latency is over; called with every step. */
  deliver(nowSec: number): void {
    for (
      let next = this.#underway[0];
      next !== undefined && next.stampSec + this.spec.latencySec <= nowSec + 1e-9;
      next = this.#underway[0]
    ) {
      this.#scan = next;
      this.#underway.shift();
    }
  }

  /** Shortens the rays that a disc stands in the way of; only those within its angular width are looked at. */
  #occlude(pose: Pose2, disc: Disc): void {
    const { rays, rangeMaxM } = this.spec;
    const dx = disc.x - pose.x;
    const dy = disc.y - pose.y;
    const reach = rangeMaxM + disc.radiusM;
    if (dx > reach || dx < -reach || dy > reach || dy < -reach) return;
    const away = Math.hypot(dx, dy);
    if (away > reach || away <= disc.radiusM) return;
    const half = Math.asin(disc.radiusM / away);
    const bearing = Math.atan2(dy, dx) - pose.theta + Math.PI; // from the first ray
    const perRay = (2 * Math.PI) / rays;
    const first = Math.ceil((bearing - half) / perRay);
    const last = Math.floor((bearing + half) / perRay);
    for (let k = first; k <= last; k += 1) {
      const ray = ((k % rays) + rays) % rays;
      const offset = k * perRay - bearing;
      const across = away * Math.sin(offset);
      const range = away * Math.cos(offset) - Math.sqrt(Math.max(0, disc.radiusM * disc.radiusM - across * across));
      if (range < (this.#truth[ray] as number) && range <= rangeMaxM) {
        this.#truth[ray] = range;
        this.#moving[ray] = 1;
      }
    }
  }
}
