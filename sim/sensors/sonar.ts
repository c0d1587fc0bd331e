// A swept ultrasonic sensor: the nearest echo within a cone, noisy, blind to surfaces that reflect it away (class of the HC-SR04).
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { RangeInputs, RangeIo } from '../../shared/ports/range-io.ts';
import { castCircle } from '../world/ray-index.ts';
import type { World } from '../world/world.ts';
import type { Disc } from './moving-discs.ts';

export interface SonarSpec {
  readonly fieldOfViewRad: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  readonly noiseM: number;
  /** Share of pings without a valid answer. */
  readonly dropout: number;
  /** Speed of the servo that sweeps it [rad/s]; 0: fixed forwards. */
  readonly sweepRadPerSec: number;
}

export const DEFAULT_SONAR: SonarSpec = {
  fieldOfViewRad: 0.26,
  rangeMinM: 0.02,
  rangeMaxM: 4,
  noiseM: 0.01,
  dropout: 0.01,
  sweepRadPerSec: 5,
};

/** Rays across the cone. */
const RAYS = 9;
/** A smooth surface met at a flatter angle than this from its normal sends no echo back [rad]. */
const MAX_INCIDENCE_RAD = 0.6;
/** Ranges of neighbouring rays that differ more belong to two surfaces; the nearer one's edge does send an echo [m]. */
const EDGE_M = 0.25;

export class SimulatedSonar implements RangeIo {
  readonly #spec: SonarSpec;
  readonly #world: World;
  readonly #random: Random;
  readonly #poseNow: () => Pose2;
  readonly #othersNow: () => readonly Disc[];
  readonly #nowSec: () => number;
  #bearingRad = 0;
  #targetRad = 0;
  #aimedSec = 0;
  #connected = true;

  constructor(
    spec: SonarSpec,
    world: World,
    random: Random,
    state: { readonly pose: () => Pose2; readonly others: () => readonly Disc[]; readonly nowSec: () => number },
  ) {
    this.#spec = spec;
    this.#world = world;
    this.#random = random;
    this.#poseNow = state.pose;
    this.#othersNow = state.others;
    this.#nowSec = state.nowSec;
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
  }

  aim(bearingRad: number): void {
    this.#turn();
    if (Number.isNaN(bearingRad)) return;
    this.#targetRad = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, bearingRad));
  }

  update(): RangeInputs {
    this.#turn();
    const { fieldOfViewRad, rangeMinM, rangeMaxM } = this.#spec;
    const rangeM = this.#connected ? this.#ping() : Number.NaN;
    return {
      connected: this.#connected,
      stampSec: this.#nowSec(),
      bearingRad: this.#bearingRad,
      fieldOfViewRad,
      rangeMinM,
      rangeMaxM,
      rangeM,
    };
  }

  #ping(): number {
    const { fieldOfViewRad, rangeMinM, rangeMaxM, noiseM, dropout } = this.#spec;
    if (this.#random.next() < dropout) return Number.NaN;
    const pose = this.#poseNow();
    const others = this.#othersNow();
    const ranges: number[] = [];
    for (let k = 0; k < RAYS; k += 1) {
      const angle = pose.theta + this.#bearingRad + fieldOfViewRad * (k / (RAYS - 1) - 0.5);
      const dx = Math.cos(angle);
      const dy = Math.sin(angle);
      let range = this.#world.index.cast(pose.x, pose.y, dx, dy, rangeMaxM);
      for (const disc of others) range = Math.min(range, castCircle(pose.x, pose.y, dx, dy, disc.x, disc.y, disc.radiusM));
      ranges.push(range);
    }
    const nearest = nearestEcho(ranges, fieldOfViewRad / (RAYS - 1));
    if (nearest > rangeMaxM) return Number.POSITIVE_INFINITY;
    const measured = nearest + noiseM * this.#random.gaussian();
    return measured < rangeMinM ? Number.NaN : measured;
  }

  #turn(): void {
    const now = this.#nowSec();
    const reach = this.#spec.sweepRadPerSec * (now - this.#aimedSec);
    this.#aimedSec = now;
    if (this.#spec.sweepRadPerSec <= 0) return;
    const left = this.#targetRad - this.#bearingRad;
    this.#bearingRad += Math.abs(left) <= reach ? left : Math.sign(left) * reach;
  }
}

/** The nearest range whose surface faces the sensor, or is an edge or a corner; Infinity without any. */
function nearestEcho(ranges: readonly number[], stepRad: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (const [k, range] of ranges.entries()) {
    if (range >= nearest) continue;
    const neighbours = [ranges[k - 1], ranges[k + 1]].filter((other) => other !== undefined);
    // Two walls that meet away from the sensor throw sound back by their corner, whatever their slant.
    const isCorner = neighbours.length === 2 && neighbours.every((other) => other < range);
    // Between two rays a surface advances by range·step across and by the difference along: their ratio is its slant.
    const faces = neighbours.some((other) => {
      const along = Math.abs(other - range);
      return along > EDGE_M || Math.atan2(along, range * stepRad) <= MAX_INCIDENCE_RAD;
    });
    if (faces || isCorner) nearest = range;
  }
  return nearest;
}
