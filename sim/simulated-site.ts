// A whole site in motion: vehicles, movers, sensors and devices, advanced in fixed steps on a clock, virtual or real.
import type { Clock, Timer } from '../shared/ports/clock.ts';
import type { Random } from '../shared/ports/random.ts';
import { CameraRenderer } from './camera/camera-renderer.ts';
import { SimulatedCamera } from './camera/simulated-camera.ts';
import type { Appearance } from './camera/appearance.ts';
import { DEVICE_PROFILES } from './device/device-profile.ts';
import { DEFAULT_BATTERY, DeviceModel } from './device/device-model.ts';
import type { FleetSection, RoverSection } from './scenario/fleet-schema.ts';
import { SimulatedImu, DEFAULT_IMU } from './sensors/imu.ts';
import { DEFAULT_LIDAR, type ScanObserver, SimulatedLidar } from './sensors/lidar.ts';
import type { Disc } from './sensors/moving-discs.ts';
import { DEFAULT_SONAR, SimulatedSonar } from './sensors/sonar.ts';
import { SimulatedRover } from './simulated-rover.ts';
import { Mover } from './vehicle/mover.ts';
import { SimulatedDrive, Vehicle } from './vehicle/vehicle.ts';
import { DEFAULT_VEHICLE, type VehicleSpec } from './vehicle/vehicle-spec.ts';
import { type SiteDefinition, World } from './world/world.ts';

export interface SimulatedSiteOptions {
  readonly clock: Clock;
  readonly site: SiteDefinition;
  readonly fleet: FleetSection;
  readonly random: Random;
  /** Physics step [s]. */
  readonly stepSec?: number;
  /** What the rovers are; by default a small rover of the data sheet. A calibrated twin goes here. */
  readonly vehicle?: VehicleSpec | undefined;
  /** How frames look; the default is an evenly lit room. */
  readonly appearance?: Appearance;
}

const STEP_SEC = 0.02;
/** After a pause of the process a live run makes up at most this much [s]; the rest of the time is lost, not rushed through. */
const MAX_CATCH_UP_SEC = 1;
/** People stop this far before a rover [m]. */
const MOVER_DISTANCE_M = 0.25;

export class SimulatedSite {
  readonly world: World;
  readonly rovers: readonly SimulatedRover[];
  readonly movers: readonly Mover[];
  readonly stepSec: number;
  readonly #clock: Clock;
  readonly #vehicle: VehicleSpec;
  /** Everything that moves, rovers first. */
  readonly #bodies: readonly Disc[];
  #renderer: CameraRenderer | null = null;
  #timer: Timer | null = null;
  #nowSec: number;

  constructor(options: SimulatedSiteOptions) {
    const { clock, site, fleet, random } = options;
    this.world = new World(site);
    this.stepSec = options.stepSec ?? STEP_SEC;
    this.#clock = clock;
    this.#vehicle = options.vehicle ?? DEFAULT_VEHICLE;
    this.#nowSec = clock.nowSec();
    this.movers = site.movers.map((definition) => new Mover(definition));
    // Textures and meshes are made when the first frame is asked for: many runs need none.
    const renderer = (): CameraRenderer => (this.#renderer ??= new CameraRenderer(this.world, options.appearance));
    this.rovers = fleet.rovers.map((rover, index) => this.#build(rover, index, fleet, random.fork(`rover:${rover.id}`), renderer));
    this.#bodies = [...this.rovers.map(({ body }) => body), ...this.movers];
  }

  /** Time of the last step [s]. */
  get nowSec(): number {
    return this.#nowSec;
  }

  /** Collisions of all vehicles so far. */
  get collisions(): number {
    return this.rovers.reduce((sum, rover) => sum + rover.vehicle.collisions, 0);
  }

  /** Tells `observer` the true ranges of every lidar scan; for scoring only. */
  observeScans(observer: ScanObserver): void {
    for (const rover of this.rovers) rover.lidar.observer = observer;
  }

  /** Steps with the clock until `stop`. */
  start(): void {
    this.#timer ??= this.#clock.every(this.stepSec, () => this.#catchUp());
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = null;
  }

  /** One step of physics and sensors; `start` does this by the clock. */
  step(): void {
    const dt = this.stepSec;
    this.#nowSec += dt;
    const now = this.#nowSec;
    for (const mover of this.movers) {
      mover.step(dt, (x, y) => this.#isPolite(mover, x, y));
    }
    for (const rover of this.rovers) rover.step(dt, now, (x, y) => this.#admits(rover, x, y));
    for (const rover of this.rovers) rover.sense(now, () => this.#othersOf(rover));
  }

  #catchUp(): void {
    const target = this.#clock.nowSec();
    if (target - this.#nowSec > MAX_CATCH_UP_SEC) this.#nowSec = target - MAX_CATCH_UP_SEC;
    while (this.#nowSec + this.stepSec <= target + 1e-9) this.step();
  }

  /** Whether a mover may step there: it keeps its distance to the rovers, unless the step takes it away from them. */
  #isPolite(mover: Mover, x: number, y: number): boolean {
    return this.rovers.every(({ body }) => {
      const away = Math.hypot(body.x - x, body.y - y);
      return away > body.radiusM + mover.radiusM + MOVER_DISTANCE_M || away > Math.hypot(body.x - mover.x, body.y - mover.y);
    });
  }

  /** Whether a rover's body fits at a place. Moving out of a contact is always allowed. */
  #admits(rover: SimulatedRover, x: number, y: number): boolean {
    const { radiusM } = rover.body;
    const here = rover.body;
    if (!this.world.isClear(x, y, radiusM)) {
      return this.world.clearance(x, y, radiusM) > this.world.clearance(here.x, here.y, radiusM);
    }
    for (const other of this.#bodies) {
      if (other === rover.body) continue;
      const reach = other.radiusM + radiusM;
      const dx = other.x - x;
      if (dx > reach || dx < -reach) continue;
      const gap = Math.hypot(dx, other.y - y) - reach;
      if (gap < 0 && gap <= Math.hypot(other.x - here.x, other.y - here.y) - reach) return false;
    }
    return true;
  }

  #othersOf(rover: SimulatedRover): readonly Disc[] {
    return this.#bodies.filter((body) => body !== rover.body);
  }

  #build(rover: RoverSection, index: number, fleet: FleetSection, random: Random, renderer: () => CameraRenderer): SimulatedRover {
    const start = this.world.site.starts[index];
    if (start === undefined)
      throw new RangeError(`the site has ${this.world.site.starts.length} starts, rover ${rover.id} needs number ${index + 1}`);
    const nowSec = (): number => this.#nowSec;
    const vehicle = new Vehicle(scaledSlip(this.#vehicle, fleet.slip), start, random.fork('vehicle'));
    const self: { rover: SimulatedRover | null } = { rover: null };
    const others = (): readonly Disc[] => (self.rover === null ? [] : this.#othersOf(self.rover));
    const driveConnected = { value: true };
    const camera = new SimulatedCamera({
      spec: this.#vehicle.camera ?? fleet.camera,
      renderer,
      random: random.fork('camera'),
      nowSec,
      pose: () => vehicle.pose,
      bodies: () => ({
        rovers: this.rovers.filter((other) => other !== self.rover).map((other) => other.vehicle.pose),
        movers: this.movers,
      }),
    });
    self.rover = new SimulatedRover({
      id: rover.id,
      deviceName: rover.device,
      faults: rover.faults,
      vehicle,
      drive: new SimulatedDrive(vehicle, nowSec, () => driveConnected.value),
      driveConnected,
      // Scans of different rovers fall on different steps, as real scanners do and as spreads the load.
      scanOffsetSec: (index % 5) * this.stepSec,
      lidar: new SimulatedLidar({ ...DEFAULT_LIDAR, ...fleet.lidar }, this.world, random.fork('lidar')),
      camera,
      imu: new SimulatedImu(DEFAULT_IMU, vehicle, random.fork('imu'), nowSec),
      sonar: fleet.sonar
        ? new SimulatedSonar(DEFAULT_SONAR, this.world, random.fork('sonar'), { pose: () => vehicle.pose, others, nowSec })
        : null,
      device: new DeviceModel(DEVICE_PROFILES[rover.device], random.fork('device'), {
        ...DEFAULT_BATTERY,
        startFraction: rover.batteryFraction,
      }),
      nowSec,
    });
    return self.rover;
  }
}

function scaledSlip(spec: VehicleSpec, scale: number): VehicleSpec {
  const { noise } = spec;
  return {
    ...spec,
    noise: {
      ...noise,
      wheelRadiusError: noise.wheelRadiusError * scale,
      wheelBaseError: noise.wheelBaseError * scale,
      slip: noise.slip * scale,
      burstsPerSec: noise.burstsPerSec * scale,
      encoderStepRad: scale === 0 ? 0 : noise.encoderStepRad,
    },
  };
}
