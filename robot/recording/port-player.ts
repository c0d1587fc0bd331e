// A recording as a rover's body: each control cycle gets what that cycle got, at the time that it was, so that the same agent thinks the same.
import { OutriderError } from '../../shared/errors.ts';
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraFrame, CameraInputs } from '../../shared/ports/camera-io.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { DeviceMetricsInputs } from '../../shared/ports/device-metrics.ts';
import type { DriveInputs } from '../../shared/ports/drive-io.ts';
import type { ImuInputs } from '../../shared/ports/imu-io.ts';
import type { LidarInputs, LidarScan } from '../../shared/ports/lidar-io.ts';
import type { PowerInputs } from '../../shared/ports/power-io.ts';
import type { RangeInputs } from '../../shared/ports/range-io.ts';
import type { RoverPorts } from '../rover.ts';
import { bytesToRanges, type PortRecord, type RecordTopic } from './port-record.ts';
import type { PortRecording } from './port-recording.ts';

/**
 * The n-th reading of the drive is the n-th that was recorded; every other port gives the newest of what was recorded before the next one.
 * `clock` runs as `base` does, but stretched between the cycles so that each comes at its recorded time: a rover that is given both
 * meets the stamps that it met then. After the last cycle the drive is disconnected and `done` is true.
 */
export class PortPlayer {
  readonly ports: RoverPorts;
  readonly clock: Clock;
  readonly #records: readonly PortRecord[];
  /** Positions of the drive's records. */
  readonly #cycles: readonly number[];
  #cycle = -1;
  /** Of each topic the newest record before the next cycle. */
  readonly #newest = new Map<RecordTopic, PortRecord>();
  #read = 0;

  constructor(recording: PortRecording, base: Clock, cyclePeriodSec: number) {
    this.#records = recording.records;
    this.#cycles = recording.records.flatMap(({ topic }, index) => (topic === 'drive' ? [index] : []));
    const times = this.#cycles.map((index) => (this.#records[index] as PortRecord).atSec);
    const clock = new RecordedClock(base, times, cyclePeriodSec);
    this.clock = clock;
    const { camera } = recording.head;
    const has = (wanted: RecordTopic): boolean => recording.records.some(({ topic }) => topic === wanted);
    this.ports = {
      drive: { update: () => this.#advance(clock), setWheelSpeeds: () => {}, stop: () => {} },
      // A recording without either is of a rover whose lidar never answered.
      lidar: has('lidar') || !has('range') ? { update: () => this.#lidar() } : null,
      sonar: has('range') ? { update: () => this.#range(), aim: () => {} } : null,
      imu: has('imu') ? { update: () => this.#latest<ImuInputs>('imu') } : null,
      camera: camera === null ? null : { ...camera, update: () => this.#camera() },
      power: has('power') ? { update: () => this.#latest<PowerInputs>('power') } : null,
      metrics: has('metrics') ? { update: () => this.#latest<DeviceMetricsInputs>('metrics') } : null,
    };
  }

  /** Whether the last cycle has been played. */
  get done(): boolean {
    return this.#cycle >= this.#cycles.length - 1;
  }

  get durationSec(): number {
    const at = (index: number | undefined): number => this.#records[index ?? 0]?.atSec ?? 0;
    return at(this.#cycles.at(-1)) - at(this.#cycles[0]);
  }

  /** What the recorded rover believed its pose to be when this cycle began, or null where that was not noted. */
  get estimate(): Pose2 | null {
    const index = this.#cycles[this.#cycle];
    const before = index === undefined ? undefined : this.#records[index - 1];
    return before?.topic === 'estimate' ? (before.value as unknown as Pose2) : null;
  }

  #advance(clock: RecordedClock): DriveInputs {
    if (this.done) return { ...this.#latest<DriveInputs>('drive'), connected: false };
    this.#cycle += 1;
    clock.begin(this.#cycle);
    const end = this.#cycles[this.#cycle + 1] ?? this.#records.length;
    for (; this.#read < end; this.#read += 1) {
      const record = this.#records[this.#read] as PortRecord;
      this.#newest.set(record.topic, record);
    }
    return this.#latest<DriveInputs>('drive');
  }

  #latest<T>(topic: RecordTopic): T {
    const record = this.#newest.get(topic) ?? this.#records.find((other) => other.topic === topic);
    if (record === undefined) throw new OutriderError('OUT_INTERNAL', `the recording has no ${topic}`);
    return record.value as T;
  }

  #lidar(): LidarInputs {
    const record = this.#newest.get('lidar');
    if (record === undefined) return { connected: false, scan: null };
    const { connected, scan } = record.value as { connected: boolean; scan: Omit<LidarScan, 'rangesM'> | null };
    return { connected, scan: scan === null ? null : { ...scan, rangesM: bytesToRanges(record.bulk) } };
  }

  #range(): RangeInputs {
    const record = this.#newest.get('range') ?? this.#records.find(({ topic }) => topic === 'range');
    if (record === undefined) throw new OutriderError('OUT_INTERNAL', 'the recording has no range');
    return { ...(record.value as unknown as Omit<RangeInputs, 'rangeM'>), rangeM: bytesToRanges(record.bulk)[0] ?? Number.NaN };
  }

  #camera(): CameraInputs {
    const record = this.#newest.get('camera');
    if (record === undefined) return { connected: false, frame: null };
    const { connected, frame } = record.value as { connected: boolean; frame: Omit<CameraFrame, 'data'> | null };
    return { connected, frame: frame === null ? null : { ...frame, data: record.bulk } };
  }
}

/** Another clock's time, mapped so that cycle n, which comes every `periodSec` on that clock, is at its recorded time. */
class RecordedClock implements Clock {
  readonly #base: Clock;
  readonly #times: readonly number[];
  readonly #periodSec: number;
  #baseSec: number;
  #fromSec: number;
  /** Stands still until the first cycle, however long the rover takes to start. */
  #rate = 0;

  constructor(base: Clock, times: readonly number[], periodSec: number) {
    this.#base = base;
    this.#times = times;
    this.#periodSec = periodSec;
    this.#baseSec = base.nowSec();
    this.#fromSec = times[0] ?? 0;
  }

  nowSec(): number {
    return this.#fromSec + (this.#base.nowSec() - this.#baseSec) * this.#rate;
  }

  begin(cycle: number): void {
    const at = this.#times[cycle] as number;
    this.#baseSec = this.#base.nowSec();
    this.#fromSec = at;
    this.#rate = ((this.#times[cycle + 1] ?? at + this.#periodSec) - at) / this.#periodSec;
  }

  sleep(seconds: number, options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#base.sleep(seconds, options);
  }

  after(seconds: number, fn: () => void): Timer {
    return this.#base.after(seconds, fn);
  }

  every(periodSec: number, fn: () => void | Promise<void>, options?: { readonly offsetSec?: number }): Timer {
    return this.#base.every(periodSec, fn, options);
  }

  hold<T>(work: Promise<T>): Promise<T> {
    return this.#base.hold(work);
  }
}
