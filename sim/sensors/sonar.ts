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
    let nearest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < RAYS; k += 1) {
      const angle = pose.theta + this.#bearingRad + fieldOfViewRad * (k / (RAYS - 1) - 0.5);
      const dx = Math.cos(angle);
      const dy = Math.sin(angle);
      nearest = Math.min(nearest, this.#world.index.cast(pose.x, pose.y, dx, dy, rangeMaxM));
      for (const disc of others) nearest = Math.min(nearest, castCircle(pose.x, pose.y, dx, dy, disc.x, disc.y, disc.radiusM));
    }
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
