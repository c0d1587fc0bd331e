// A computer as a model: booked work keeps it busy, busy cores draw power, power heats it, heat slows it; the battery pays.
import type { DeviceCompute, DeviceMetricsInputs, DeviceMetricsIo } from '../../shared/ports/device-metrics.ts';
import type { PowerInputs, PowerIo } from '../../shared/ports/power-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { DeviceProfile, TaskCost } from './device-profile.ts';

export interface BatterySpec {
  readonly capacityWh: number;
  /** State of charge at the start, 0 to 1. */
  readonly startFraction: number;
  /** Open-circuit voltage empty and full [V], and inner resistance [Ω]. */
  readonly emptyV: number;
  readonly fullV: number;
  readonly resistanceOhm: number;
}

/** Two 18650 cells in series, 2.6 Ah. */
export const DEFAULT_BATTERY: BatterySpec = { capacityWh: 19, startFraction: 1, emptyV: 6.2, fullV: 8.4, resistanceOhm: 0.12 };

/** The busy shares shown are averaged over about this long. */
const AVERAGE_SEC = 1;
const RECOVER_K = 3;

interface Booking {
  readonly fromSec: number;
  readonly untilSec: number;
  readonly cost: TaskCost;
}

export class DeviceModel {
  readonly profile: DeviceProfile;
  readonly #battery: BatterySpec;
  readonly #random: Random;
  #bookings: Booking[] = [];
  readonly #lanes = new Map<string, number[]>();
  #nowSec = 0;
  #cpu: number;
  #gpu = 0;
  #temperatureC: number;
  #maxTemperatureC: number;
  #throttled = false;
  #powerW: number;
  #energyJ = 0;
  #bookedTasks = 0;

  constructor(profile: DeviceProfile, random: Random, battery: BatterySpec = DEFAULT_BATTERY) {
    this.profile = profile;
    this.#battery = battery;
    this.#random = random;
    this.#cpu = profile.baseCpuFraction;
    this.#powerW = profile.idleW + profile.baseCpuFraction * (profile.cpuFullW - profile.idleW);
    this.#temperatureC = profile.ambientC + profile.kelvinPerW * this.#powerW;
    this.#maxTemperatureC = this.#temperatureC;
  }

  get temperatureC(): number {
    return this.#temperatureC;
  }

  get maxTemperatureC(): number {
    return this.#maxTemperatureC;
  }

  get throttled(): boolean {
    return this.#throttled;
  }

  /** Electrical energy drawn so far, computer and motors [J]. */
  get energyJ(): number {
    return this.#energyJ;
  }

  get batteryFraction(): number {
    return Math.max(0, this.#battery.startFraction - this.#energyJ / 3600 / this.#battery.capacityWh);
  }

  /** Tasks booked so far. */
  get bookedTasks(): number {
    return this.#bookedTasks;
  }

  /**
   * Books one run of a task and returns when its result is there, in seconds from now. As many runs of one task go on at
   * once as the cores (or the GPU) have room for, others queue; what exceeds all cores together takes longer.
   */
  book(task: string, nowSec: number, share = 1): number {
    const cost: TaskCost | undefined = this.profile.tasks[task] ?? this.profile.tasks['*'];
    if (cost === undefined) return 0;
    this.#bookedTasks += 1;
    const lanes = this.#lanesOf(task, cost);
    const lane = lanes.indexOf(Math.min(...lanes));
    const fromSec = Math.max(nowSec, lanes[lane] as number);
    const spread = Math.max(0.5, 1 + 0.03 * this.#random.gaussian());
    const seconds = share * cost.seconds * spread * (this.#throttled ? this.profile.throttleSlowdown : 1) * this.#crowding(fromSec, cost);
    const untilSec = fromSec + seconds;
    lanes[lane] = untilSec;
    this.#bookings.push({ fromSec, untilSec, cost });
    return untilSec - nowSec;
  }

  /** When each place for a task is free again. */
  #lanesOf(task: string, cost: TaskCost): number[] {
    let lanes = this.#lanes.get(task);
    if (lanes === undefined) {
      lanes = Array.from({ length: Math.max(1, Math.floor(1 / Math.max(cost.cpuFraction, cost.gpuFraction, 0.01))) }, () => 0);
      this.#lanes.set(task, lanes);
    }
    return lanes;
  }

  /** How much longer a task takes because others run at that time: 1 while all cores together suffice. */
  #crowding(atSec: number, cost: TaskCost): number {
    let load = this.profile.baseCpuFraction + cost.cpuFraction;
    for (const other of this.#bookings) if (other.fromSec <= atSec && other.untilSec > atSec) load += other.cost.cpuFraction;
    return Math.max(1, load);
  }

  /** Moves on by `dtSec` to `nowSec`; `motorsW` is what the drive draws meanwhile [W]. */
  step(dtSec: number, nowSec: number, motorsW: number): void {
    const { profile } = this;
    let cpu: number = profile.baseCpuFraction;
    let gpu = 0;
    for (const { fromSec, untilSec, cost } of this.#bookings) {
      const share = Math.max(0, Math.min(untilSec, nowSec) - Math.max(fromSec, nowSec - dtSec)) / dtSec;
      cpu += share * cost.cpuFraction;
      gpu += share * cost.gpuFraction;
    }
    if (this.#bookings.length > 0) this.#bookings = this.#bookings.filter(({ untilSec }) => untilSec > nowSec);
    cpu = Math.min(1, cpu);
    gpu = Math.min(1, gpu);
    const mix = 1 - Math.exp(-dtSec / AVERAGE_SEC);
    this.#cpu += (cpu - this.#cpu) * mix;
    this.#gpu += (gpu - this.#gpu) * mix;
    const boardW = profile.idleW + cpu * (profile.cpuFullW - profile.idleW) + gpu * Math.max(0, profile.gpuFullW - profile.idleW);
    const steadyC = profile.ambientC + profile.kelvinPerW * boardW;
    this.#temperatureC += (steadyC - this.#temperatureC) * (1 - Math.exp(-dtSec / profile.thermalTimeSec));
    this.#maxTemperatureC = Math.max(this.#maxTemperatureC, this.#temperatureC);
    if (this.#temperatureC >= profile.throttleC) this.#throttled = true;
    else if (this.#temperatureC < profile.throttleC - RECOVER_K) this.#throttled = false;
    this.#energyJ += (boardW + motorsW) * dtSec;
    this.#powerW += (boardW + motorsW - this.#powerW) * mix;
    this.#nowSec = nowSec;
  }

  metrics(): DeviceMetricsInputs {
    return {
      connected: true,
      stampSec: this.#nowSec,
      cpuFraction: this.#cpu,
      gpuFraction: this.profile.hasGpu ? this.#gpu : null,
      temperatureC: this.#temperatureC,
      throttled: this.#throttled,
      memoryUsedBytes: this.profile.memoryUsedBytes,
      memoryTotalBytes: this.profile.memoryTotalBytes,
    };
  }

  power(): PowerInputs {
    const { emptyV, fullV, resistanceOhm } = this.#battery;
    const open = emptyV + (fullV - emptyV) * this.batteryFraction;
    return {
      connected: true,
      stampSec: this.#nowSec,
      batteryFraction: this.batteryFraction,
      voltageV: open - (this.#powerW / open) * resistanceOhm,
      powerW: this.#powerW,
    };
  }
}

/** The device's three faces, as ports. */
export function devicePorts(
  device: DeviceModel,
  nowSec: () => number,
): { metrics: DeviceMetricsIo; power: PowerIo; compute: DeviceCompute } {
  return {
    metrics: { update: () => device.metrics() },
    power: { update: () => device.power() },
    compute: { book: (task, share) => device.book(task, nowSec(), share) },
  };
}
