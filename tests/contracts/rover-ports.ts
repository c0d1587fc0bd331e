// What every body owes the rover agent, whatever is behind its ports: one suite for simulator, real cars on modelled chips, recorded logs and ROS 2.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceMetricsIo } from '../../shared/ports/device-metrics.ts';
import type { DriveInputs, DriveIo } from '../../shared/ports/drive-io.ts';
import type { ImuIo } from '../../shared/ports/imu-io.ts';
import type { LidarIo } from '../../shared/ports/lidar-io.ts';
import type { LineIo } from '../../shared/ports/line-io.ts';
import type { PowerIo } from '../../shared/ports/power-io.ts';
import type { RangeInputs, RangeIo } from '../../shared/ports/range-io.ts';

export type PartName = 'drive' | 'lidar' | 'range' | 'imu' | 'power' | 'lines';

export interface RoverBench {
  readonly drive: DriveIo;
  readonly lidar: LidarIo | null;
  readonly range: RangeIo | null;
  readonly imu?: ImuIo | null;
  readonly power: PowerIo | null;
  readonly lines: LineIo | null;
  readonly metrics: DeviceMetricsIo | null;
  nowSec(): number;
  /** Lets the body's own clock go on; events of other processes are waited for. */
  run(seconds: number): Promise<void>;
  /** How the wheels really turn [rad/s], seen from outside the port; null where somebody else drives (a log). */
  readonly wheels: (() => { readonly left: number; readonly right: number }) | null;
  /** Parts that can be unplugged on this bench; a body that drives can lose its drive. */
  readonly pluggable: readonly PartName[];
  setPlugged(part: PartName, plugged: boolean): void;
  /** How long this body brakes from the speed of the suite, where that is longer than others take [s]. */
  readonly brakingSec?: number;
  close?(): Promise<void> | void;
}

/** Period of the control loop that reads and commands. */
const CYCLE_SEC = 0.1;
/** A stop, commanded or not, is over by then: braking takes a moment. */
const BRAKING_SEC = 0.4;
const AT_REST_RAD_PER_SEC = 0.05;
const OUTAGE_SEC = 1.5;

export interface ContractOptions {
  /** Somebody else drives (a log): commands change nothing, and only that is tried. */
  readonly passenger?: boolean;
  /** Why this body cannot be tried here. */
  readonly skip?: string;
}

/** Declares the suite; `open` makes a fresh bench. */
export function roverPortsContract(name: string, open: () => Promise<RoverBench>, options: ContractOptions = {}): void {
  const { passenger = false, skip } = options;
  describe.skipIf(skip !== undefined)(`rover ports: ${name}${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
    let bench: RoverBench;
    beforeEach(async () => {
      bench = await open();
    });
    afterEach(() => bench.close?.());

    /** Runs the control loop: reads everything, and commands what `command` says. */
    const cycles = async (seconds: number, command: (() => void) | null = null): Promise<void> => {
      for (let cycle = 0; cycle < Math.round(seconds / CYCLE_SEC); cycle += 1) {
        readAll(bench);
        command?.();
        await bench.run(CYCLE_SEC);
      }
    };
    const isAtRest = (): boolean => {
      const turning = bench.wheels?.() ?? { left: 0, right: 0 };
      return Math.abs(turning.left) < AT_REST_RAD_PER_SEC && Math.abs(turning.right) < AT_REST_RAD_PER_SEC;
    };

    it('start: stands still, and every part is there within a second', async () => {
      await cycles(1);
      expect(isAtRest()).toBe(true);
      const state = readAll(bench);
      for (const [part, inputs] of Object.entries(state)) expect([part, inputs.connected]).toEqual([part, true]);
    });

    it('read: numbers where numbers are promised, within their bounds', async () => {
      await cycles(1);
      for (let round = 0; round < 20; round += 1) {
        const { drive, lidar, range, imu, power, metrics } = readAll(bench);
        for (const value of driveNumbers(drive)) expect(Number.isFinite(value)).toBe(true);
        if (range !== undefined) expectSoundRange(range);
        if (imu !== undefined) {
          for (const value of [...imu.accelerationMPerSec2, ...imu.angularVelocityRadPerSec]) expect(Number.isFinite(value)).toBe(true);
          expect(imu.accelerationMPerSec2[2]).toBeGreaterThan(8); // z is up, and the rover stands
        }
        if (power !== undefined) {
          expect(power.batteryFraction).toBeGreaterThanOrEqual(0);
          expect(power.batteryFraction).toBeLessThanOrEqual(1);
          expect(power.voltageV).toBeGreaterThan(1);
          expect(power.powerW === null || power.powerW >= 0).toBe(true);
        }
        if (metrics !== undefined) expect(metrics.cpuFraction >= 0 && metrics.cpuFraction <= 1).toBe(true);
        if (lidar?.scan) {
          const { rangesM, rangeMinM, rangeMaxM } = lidar.scan;
          expect(rangesM.length).toBeGreaterThan(0);
          const isSound = (value: number): boolean =>
            Number.isNaN(value) || value === Number.POSITIVE_INFINITY || (value >= rangeMinM - 1e-3 && value <= rangeMaxM + 1e-3);
          expect(rangesM.every(isSound)).toBe(true);
        }
        await bench.run(CYCLE_SEC);
      }
    });

    it('read: a scan has a greater number than the one before, and is the same object until there is a newer one', async () => {
      const numbers: number[] = [];
      for (let round = 0; round < 30; round += 1) {
        const first = bench.lidar?.update().scan ?? null;
        expect(bench.lidar?.update().scan ?? null).toBe(first);
        if (first !== null && first.sequence !== numbers.at(-1)) numbers.push(first.sequence);
        bench.drive.update();
        await bench.run(CYCLE_SEC);
      }
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      if (bench.lidar !== null) expect(numbers.length).toBeGreaterThan(1);
    });

    it.skipIf(passenger)('command: wheels turn as they are told, forwards, backwards and on the spot, and the port says so', async () => {
      for (const [left, right] of [
        [6, 6],
        [-6, -6],
        [-6, 6],
        [6, -6],
      ] as const) {
        const before = bench.drive.update();
        await cycles(1, () => bench.drive.setWheelSpeeds(left, right));
        const turning = bench.wheels?.() ?? { left: 0, right: 0 };
        expect([Math.sign(turning.left), Math.sign(turning.right)]).toEqual([Math.sign(left), Math.sign(right)]);
        const after = bench.drive.update();
        expect(Math.abs(after.leftVelocityRadPerSec - left)).toBeLessThan(1.5);
        expect(Math.abs(after.rightVelocityRadPerSec - right)).toBeLessThan(1.5);
        expect((after.leftPositionRad - before.leftPositionRad) * Math.sign(left)).toBeGreaterThan(2);
        expect((after.rightPositionRad - before.rightPositionRad) * Math.sign(right)).toBeGreaterThan(2);
      }
    });

    it('stop: at once when told', async () => {
      if (!passenger) {
        await cycles(1, () => bench.drive.setWheelSpeeds(6, 6));
        expect(isAtRest()).toBe(false);
      }
      bench.drive.stop();
      await bench.run(bench.brakingSec ?? BRAKING_SEC);
      expect(isAtRest()).toBe(true);
    });

    it.skipIf(passenger)('stop: by itself half a second after the last command', async () => {
      await cycles(1, () => bench.drive.setWheelSpeeds(6, 6));
      await bench.run(0.3);
      expect(isAtRest()).toBe(false);
      await bench.run(0.3 + (bench.brakingSec ?? BRAKING_SEC));
      expect(isAtRest()).toBe(true);
    });

    it.skipIf(passenger)(
      'disconnect and reconnect: a part that is gone says so within the time it needs, throws nothing, and comes back',
      async () => {
        await cycles(1);
        for (const part of bench.pluggable) {
          bench.setPlugged(part, false);
          await cycles(OUTAGE_SEC, () => bench.drive.setWheelSpeeds(0, 0));
          expect([part, readAll(bench)[part]?.connected]).toEqual([part, false]);
          for (const [other, inputs] of Object.entries(readAll(bench)))
            if (other !== part) expect([other, inputs.connected]).toEqual([other, true]);
          bench.setPlugged(part, true);
          await cycles(OUTAGE_SEC);
          expect([part, readAll(bench)[part]?.connected]).toEqual([part, true]);
        }
      },
    );

    it.skipIf(passenger)('disconnect: a drive that comes back stands still until it is told', async () => {
      await cycles(1, () => bench.drive.setWheelSpeeds(6, 6));
      bench.setPlugged('drive', false);
      await cycles(OUTAGE_SEC, () => bench.drive.setWheelSpeeds(6, 6));
      expect(bench.drive.update()).toMatchObject({ connected: false });
      bench.setPlugged('drive', true);
      await cycles(OUTAGE_SEC);
      expect(bench.drive.update()).toMatchObject({ connected: true });
      expect(isAtRest()).toBe(true);
      await cycles(1, () => bench.drive.setWheelSpeeds(6, 6));
      expect(isAtRest()).toBe(false);
    });

    it.skipIf(passenger)('stale: what a missing part delivered last never looks new', async () => {
      await cycles(1);
      for (const part of bench.pluggable) {
        bench.setPlugged(part, false);
        const goneSec = bench.nowSec();
        await cycles(OUTAGE_SEC);
        const inputs = readAll(bench)[part];
        expect(inputs?.connected).toBe(false);
        if (part === 'lidar') expect(bench.lidar?.update().scan?.stampSec ?? 0).toBeLessThanOrEqual(goneSec + 1e-9);
        if (part === 'range') expect(bench.range?.update().rangeM).toBeNaN();
        bench.setPlugged(part, true);
        await cycles(OUTAGE_SEC);
      }
    });

    it('out of range: impossible commands break nothing', async () => {
      await cycles(0.5);
      for (const wish of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e9, -1e9]) {
        bench.drive.setWheelSpeeds(wish, -wish);
        bench.range?.aim(wish);
        await bench.run(CYCLE_SEC);
        const state = readAll(bench);
        for (const value of driveNumbers(state.drive)) expect(Math.abs(value)).toBeLessThan(1000);
        if (state.range !== undefined) expect(Math.abs(state.range.bearingRad)).toBeLessThanOrEqual(Math.PI);
      }
      bench.drive.setWheelSpeeds(Number.NaN, Number.NaN);
      await bench.run(0.5 + (bench.brakingSec ?? BRAKING_SEC));
      expect(isAtRest()).toBe(true);
    });

    it('clock: stamps are of the clock that was given, never of the future, never going back', async () => {
      const last = new Map<string, number>();
      for (let round = 0; round < 20; round += 1) {
        await bench.run(CYCLE_SEC);
        const state = readAll(bench);
        for (const [part, inputs] of Object.entries(state)) {
          const stampSec = 'scan' in inputs ? inputs.scan?.stampSec : inputs.stampSec;
          if (stampSec === undefined) continue;
          expect(stampSec).toBeLessThanOrEqual(bench.nowSec() + 1e-9);
          expect(stampSec).toBeGreaterThanOrEqual(last.get(part) ?? 0);
          last.set(part, stampSec);
        }
        expect(bench.nowSec() - state.drive.stampSec).toBeLessThan(0.5);
      }
    });
  });
}

/** One reading of every part that the body has. */
function readAll(bench: RoverBench) {
  const lidar = bench.lidar?.update();
  const range = bench.range?.update();
  const imu = bench.imu?.update();
  const power = bench.power?.update();
  const lines = bench.lines?.update();
  const metrics = bench.metrics?.update();
  return {
    drive: bench.drive.update(),
    ...(lidar === undefined ? {} : { lidar }),
    ...(range === undefined ? {} : { range }),
    ...(imu === undefined ? {} : { imu }),
    ...(power === undefined ? {} : { power }),
    ...(lines === undefined ? {} : { lines }),
    ...(metrics === undefined ? {} : { metrics }),
  };
}

function driveNumbers(drive: DriveInputs): number[] {
  return [drive.stampSec, drive.leftPositionRad, drive.rightPositionRad, drive.leftVelocityRadPerSec, drive.rightVelocityRadPerSec];
}

function expectSoundRange({ rangeM, rangeMinM, rangeMaxM, bearingRad, fieldOfViewRad }: RangeInputs): void {
  const isWithin = rangeM >= rangeMinM && rangeM <= rangeMaxM;
  expect(isWithin || Number.isNaN(rangeM) || rangeM === Number.POSITIVE_INFINITY).toBe(true);
  expect(Math.abs(bearingRad)).toBeLessThanOrEqual(Math.PI);
  expect(fieldOfViewRad).toBeGreaterThan(0);
}
