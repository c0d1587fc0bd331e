// One simulated rover: every port that a real one has, and behind them the truth that it never sees.
import type { CameraIo } from '../shared/ports/camera-io.ts';
import type { DeviceCompute, DeviceMetricsIo } from '../shared/ports/device-metrics.ts';
import type { DriveIo } from '../shared/ports/drive-io.ts';
import type { ImuIo } from '../shared/ports/imu-io.ts';
import type { PowerIo } from '../shared/ports/power-io.ts';
import type { RangeIo } from '../shared/ports/range-io.ts';
import type { SimulatedCamera } from './camera/simulated-camera.ts';
import { type DeviceModel, devicePorts } from './device/device-model.ts';
import type { DeviceName } from './device/device-profile.ts';
import type { RangeSensor, RoverSection, SensorName } from './scenario/fleet-schema.ts';
import type { SimulatedImu } from './sensors/imu.ts';
import type { SimulatedLidar } from './sensors/lidar.ts';
import type { Disc } from './sensors/moving-discs.ts';
import type { SimulatedSonar } from './sensors/sonar.ts';
import type { Admits, Vehicle } from './vehicle/vehicle.ts';

export interface RoverParts {
  readonly id: string;
  readonly deviceName: DeviceName;
  readonly faults: RoverSection['faults'];
  readonly vehicle: Vehicle;
  readonly drive: DriveIo;
  readonly driveConnected: { value: boolean };
  readonly scanOffsetSec: number;
  readonly lidar: SimulatedLidar;
  readonly camera: SimulatedCamera;
  readonly imu: SimulatedImu;
  readonly sonar: SimulatedSonar | null;
  readonly device: DeviceModel;
  readonly nowSec: () => number;
}

/** Motors at standstill and at full speed [W]. */
const MOTORS_IDLE_W = 0.3;
const MOTORS_FULL_W = 7;

export class SimulatedRover {
  readonly id: string;
  readonly deviceName: DeviceName;
  readonly drive: DriveIo;
  readonly lidar: SimulatedLidar;
  readonly camera: CameraIo;
  readonly imu: ImuIo;
  readonly sonar: RangeIo | null;
  readonly power: PowerIo;
  readonly metrics: DeviceMetricsIo;
  readonly compute: DeviceCompute;
  /** The truth: for scoring and rendering, never for the rover. */
  readonly vehicle: Vehicle;
  readonly device: DeviceModel;
  /** The body as others see it; one object for the whole run. */
  readonly body: Disc;
  readonly #parts: RoverParts;
  readonly #forced = new Map<SensorName, boolean>();
  #mayFail: boolean;
  #nextScanSec: number;

  constructor(parts: RoverParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.deviceName = parts.deviceName;
    this.drive = parts.drive;
    this.lidar = parts.lidar;
    this.camera = parts.camera;
    this.imu = parts.imu;
    this.sonar = parts.sonar;
    this.vehicle = parts.vehicle;
    this.device = parts.device;
    const { metrics, power, compute } = devicePorts(parts.device, parts.nowSec);
    this.metrics = metrics;
    this.power = power;
    this.compute = compute;
    this.body = bodyOf(parts.vehicle);
    this.#mayFail = parts.faults.length > 0;
    this.#nextScanSec = parts.nowSec() + parts.scanOffsetSec;
  }

  /** The ports of a rover that maps and drives by `range`; by sonar, it has no lidar. */
  ports(range: RangeSensor) {
    const { drive, lidar, camera, power, metrics, sonar } = this;
    return { drive, lidar: range === 'sonar' ? null : lidar, sonar, camera, power, metrics };
  }

  /** Unplugs or plugs in a sensor now, whatever its scripted faults say; null gives it back to the script. */
  setConnected(sensor: SensorName, connected: boolean | null): void {
    this.#mayFail = true;
    if (connected === null) this.#forced.delete(sensor);
    else this.#forced.set(sensor, connected);
  }

  /** Moves body and device on. */
  step(dtSec: number, nowSec: number, admits: Admits): void {
    this.#mayFail ||= this.device.batteryFraction === 0;
    if (this.#mayFail) this.#applyFaults(nowSec);
    this.vehicle.step(dtSec, nowSec, admits);
    this.device.step(dtSec, nowSec, MOTORS_IDLE_W + (MOTORS_FULL_W - MOTORS_IDLE_W) * this.vehicle.effort);
  }

  /** Takes a scan when one is due. */
  sense(nowSec: number, others: () => readonly Disc[]): void {
    this.lidar.deliver(nowSec);
    if (nowSec + 1e-9 < this.#nextScanSec) return;
    this.#nextScanSec += 1 / this.lidar.spec.rateHz;
    if (this.#nextScanSec <= nowSec) this.#nextScanSec = nowSec + 1 / this.lidar.spec.rateHz; // after a pause
    this.lidar.measure(this.vehicle.pose, nowSec, others());
  }

  #applyFaults(nowSec: number): void {
    const hasPower = this.device.batteryFraction > 0;
    const isBroken = (sensor: SensorName): boolean =>
      this.#parts.faults.some(
        (fault) => fault.sensor === sensor && nowSec >= fault.fromSec && nowSec < (fault.toSec ?? Number.POSITIVE_INFINITY),
      );
    const connected = (sensor: SensorName): boolean => hasPower && (this.#forced.get(sensor) ?? !isBroken(sensor));
    this.#parts.driveConnected.value = connected('drive');
    if (!this.#parts.driveConnected.value) this.vehicle.halt();
    this.lidar.setConnected(connected('lidar'));
    this.#parts.camera.setConnected(connected('camera'));
    this.#parts.imu.setConnected(connected('imu'));
    this.#parts.sonar?.setConnected(connected('sonar'));
  }
}

/** A live view of a vehicle as a disc. */
function bodyOf(vehicle: Vehicle): Disc {
  return {
    get x() {
      return vehicle.pose.x;
    },
    get y() {
      return vehicle.pose.y;
    },
    radiusM: vehicle.spec.radiusM,
  };
}
