// The rover agent: one control cycle from sensors to wheels, and beside it the loops that map, look, share and report.
// It knows ports, a bus and an edge site; whether they are real, simulated or replayed it never learns.
import { compose, IDENTITY, type Pose2 } from '../shared/geometry/pose2.ts';
import { STOP } from '../shared/geometry/twist2.ts';
import { type DriveGeometry, toWheelSpeeds } from '../shared/kinematics/differential-drive.ts';
import { CommonView } from '../shared/mapping/common-view.ts';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import type { CameraIo } from '../shared/ports/camera-io.ts';
import type { Clock, Timer } from '../shared/ports/clock.ts';
import type { DeviceMetricsInputs, DeviceMetricsIo } from '../shared/ports/device-metrics.ts';
import type { DriveIo } from '../shared/ports/drive-io.ts';
import type { ImuIo } from '../shared/ports/imu-io.ts';
import type { LidarIo } from '../shared/ports/lidar-io.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import type { PowerInputs, PowerIo } from '../shared/ports/power-io.ts';
import type { RangeIo } from '../shared/ports/range-io.ts';
import { inspectedTile } from '../shared/protocol/inspection.ts';
import { tileId } from '../shared/protocol/map-view.ts';
import { decodeMessage, encodeMessage, filterOf, topicOf } from '../shared/protocol/message.ts';
import { missionCommand } from '../shared/protocol/mission.ts';
import type { RoverState } from '../shared/protocol/rover.ts';
import { CommonFrame } from './common-frame.ts';
import { FleetWatch } from './fleet-watch.ts';
import { LidarLocating, type Locating, SonarLocating } from './locating.ts';
import { MapSharing } from './map-sharing.ts';
import { Navigator } from './navigation/behaviour/navigator.ts';
import type { NavigatorOutput } from './navigation/behaviour/navigator-types.ts';
import type { SlamConfig } from './navigation/slam-config.ts';
import { WheelOdometry } from './odometry.ts';
import type { FrameSearch } from './perception/frame-search.ts';
import { PoseHistory } from './pose-history.ts';
import type { RoverModules } from './rover-modules.ts';
import { Telemetry, type TelemetryOptions } from './telemetry.ts';
import { Watching } from './watching.ts';

/** What a rover's body offers. A part that it does not have is null; one that fails says so in its inputs. */
export interface RoverPorts {
  readonly drive: DriveIo;
  /** Null: the rover maps and drives by its sonar. */
  readonly lidar: LidarIo | null;
  /** One ultrasonic sensor on a servo; used where there is no lidar. */
  readonly sonar?: RangeIo | null;
  /** Its gyroscope tells turns better than wheels that skid. */
  readonly imu?: ImuIo | null;
  readonly camera: CameraIo | null;
  readonly power: PowerIo | null;
  readonly metrics: DeviceMetricsIo | null;
}

export interface RoverOptions {
  readonly id: string;
  readonly site: string;
  readonly mission: string;
  readonly ports: RoverPorts;
  readonly geometry: DriveGeometry;
  /** Where the rover starts in the common map frame; null when nobody knows: the Map Server finds out from the maps. */
  readonly startPose: Pose2 | null;
  readonly clock: Clock;
  readonly bus: MessageBus;
  readonly modules: RoverModules;
  /** Searches a camera frame for hazards. */
  readonly search: FrameSearch;
  /** Time between two frames given to the detector [s]. */
  readonly detectionPeriodSec: number;
  readonly onError: (error: Error) => void;
  readonly onEvent: TelemetryOptions['onEvent'];
  readonly slam?: Partial<SlamConfig>;
  /**
   * Someone else drives (a recorded log, another navigation): the rover maps, shares and offloads, but commands nothing.
   * `finished` says when its part is over.
   */
  readonly passenger?: { readonly finished: () => boolean };
}

/** Time between two control cycles [s]. */
export const CONTROL_PERIOD_SEC = 0.1;
const SHARE_PERIOD_SEC = 1;
const STATE_PERIOD_SEC = 0.2;
const OWN_MAP_PERIOD_SEC = 0.5;

export class Rover {
  readonly id: string;
  readonly #options: RoverOptions;
  readonly #odometry: WheelOdometry;
  readonly #locating: Locating;
  readonly #frame: CommonFrame;
  #navigator: Navigator;
  readonly #fleet: FleetWatch;
  readonly #view = new CommonView();
  #history = new PoseHistory();
  readonly #odometryHistory = new PoseHistory(1);
  readonly #sharing: MapSharing;
  readonly #watching: Watching | null;
  readonly #telemetry: Telemetry;
  readonly #timers: Timer[] = [];
  #pose: Pose2;
  #ownMap: OccupancyMap | null = null;
  #ownMapDueSec = 0;
  #navigation: NavigatorOutput | null = null;
  #driveConnected = true;
  #power: PowerInputs | null = null;
  #metrics: DeviceMetricsInputs | null = null;
  #paused = false;
  #settled = false;
  #settling = false;
  /** Looked from before the search began anew. */
  #earlierViews: readonly Pose2[] = [];

  constructor(options: RoverOptions) {
    const { id, clock, modules } = options;
    const startPose = options.startPose ?? IDENTITY;
    this.id = id;
    this.#options = options;
    this.#pose = startPose;
    this.#odometry = new WheelOdometry(options.geometry);
    this.#locating = locatingOf(options.ports, startPose, options.slam ?? {});
    this.#navigator = new Navigator({ id, ...this.#locating.navigation });
    this.#frame = new CommonFrame(options.startPose !== null);
    this.#fleet = new FleetWatch({
      self: id,
      clock,
      onInspected: (tile) => {
        this.#frame.noteInspected(tile);
        if (this.#frame.located) this.#navigator.inspection.merge([tile]);
      },
    });
    this.#sharing = new MapSharing({
      rover: id,
      startKnown: options.startPose !== null,
      source: this.#locating,
      mapServer: modules.mapServer.handle,
      onPlace: (place) => this.#hearPlace(place),
      onError: options.onError,
    });
    const { site, mission, bus, onEvent } = options;
    modules.mapServer.on('recovered', ({ lost }) => void (lost > 0 && this.#sharing.startOver()));
    this.#telemetry = new Telemetry({ rover: id, site, mission, bus, clock, onEvent });
    this.#watching =
      options.ports.camera === null
        ? null
        : new Watching({
            camera: options.ports.camera,
            search: options.search,
            poseAt: (stampSec) => this.#history.at(stampSec),
            scan: () => this.#locating.located,
            onFrame: (frame) => this.#sharing.addFrame(frame),
            onError: options.onError,
          });
  }

  /** Estimated pose in the map frame. */
  get pose(): Pose2 {
    return this.#pose;
  }

  /** Whether that frame is the common one. */
  get located(): boolean {
    return this.#frame.located;
  }

  /** Readings that the offload policy decides by; null where there is no such sensor. */
  get health(): { readonly power: PowerInputs | null; readonly metrics: DeviceMetricsInputs | null } {
    return { power: this.#power, metrics: this.#metrics };
  }

  /** The rover's own partial map. */
  get ownMap(): OccupancyMap {
    return this.#locating.toOccupancyMap();
  }

  /** Announces the rover, starts its modules and begins to drive. */
  async start(): Promise<void> {
    const { clock, bus, site, mission, modules, detectionPeriodSec } = this.#options;
    this.#telemetry.announce();
    await this.#fleet.subscribe(bus, { site, mission });
    await this.#view.subscribe(bus, { site, mission });
    await bus.subscribe(filterOf(missionCommand, { site, mission }), ({ payload }) => {
      const { command } = decodeMessage(missionCommand, payload);
      this.#paused = command !== 'resume';
    });
    this.#telemetry.follow(modules.mapServer);
    this.#telemetry.follow(modules.detector);
    await modules.start();
    this.#readHealth();
    this.#timers.push(
      clock.every(CONTROL_PERIOD_SEC, () => this.#cycle()),
      clock.every(SHARE_PERIOD_SEC, () => this.#share()),
      clock.every(STATE_PERIOD_SEC, () => this.#report()),
      clock.every(detectionPeriodSec, () => this.#watching?.look()),
    );
    this.#sharing.join().catch((error: unknown) => this.#options.onError(error as Error));
  }

  /** Stops the wheels first, then everything else. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer.stop();
    this.#options.ports.drive.stop();
    this.#report();
    this.#telemetry.leave();
    await this.#view.close();
    await this.#options.modules.close();
  }

  #cycle(): void {
    const { ports, clock } = this.#options;
    const now = clock.nowSec();
    const drive = ports.drive.update();
    this.#driveConnected = drive.connected;
    const odometryPose = this.#odometry.update(drive, ports.imu?.update() ?? null);
    this.#odometryHistory.add(now, odometryPose);
    const change = this.#locating.update({ pose: odometryPose, twist: this.#odometry.twist, history: this.#odometryHistory });
    if (change !== null) this.#reframe(change);
    this.#pose = compose(this.#locating.mapToOdom, odometryPose);
    this.#history.add(now, this.#pose);
    const viewedFrom = this.#takeViewedFrom(); // also a passenger places what it sees
    if (this.#options.passenger === undefined) this.#drive(now, drive.connected, viewedFrom);
    this.#settle(now);
  }

  /** Decides where to go and commands the wheels. */
  #drive(now: number, driveConnected: boolean, viewedFrom: readonly Pose2[]): void {
    const { ports, geometry } = this.#options;
    if (now >= this.#ownMapDueSec) {
      this.#ownMapDueSec = now + OWN_MAP_PERIOD_SEC;
      this.#ownMap = this.#locating.toOccupancyMap();
    }
    this.#navigation = this.#navigator.step({
      stampSec: now,
      pose: this.#pose,
      twist: this.#odometry.twist,
      scan: this.#locating.connected ? this.#locating.scan : null,
      ownMap: this.#ownMap,
      mergedMap: this.#frame.located ? this.#view.map() : null,
      others: this.#frame.located ? this.#fleet.others() : [],
      viewedFrom,
    });
    const allowed = this.#locating.limit(this.#navigation);
    const command = this.#paused || !driveConnected ? STOP : allowed;
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds(command, geometry);
    ports.drive.setWheelSpeeds(leftRadPerSec, rightRadPerSec);
    this.#telemetry.claim(this.#frame.located ? this.#navigation.goal : null);
  }

  #takeViewedFrom(): readonly Pose2[] {
    const viewedFrom = this.#watching?.takeViewedFrom() ?? [];
    if (this.#options.startPose === null) this.#frame.noteViews(viewedFrom);
    const all = [...this.#earlierViews, ...viewedFrom];
    this.#earlierViews = [];
    return all;
  }

  /** Only the shared Map Server knows the common frame; one that is still on board knows this rover alone. */
  #hearPlace(place: Pose2 | null): void {
    if (this.#options.modules.mapServer.placement.kind !== 'edge' || this.#locating.rebasing) return;
    const wasLocated = this.#frame.located;
    const change = this.#frame.hear(place);
    if (change !== null) this.#locating.rebase(change);
    if (wasLocated && place === null) this.#telemetry.event('rover', `${this.id}: the evidence for its place has turned; it goes on alone`);
  }

  /** The rover's map has become part of the common frame, or its place there was revised: everything in the old frame is thought anew. */
  #reframe(change: Pose2): void {
    const { views, inspected } = this.#frame.adopt(change);
    this.#history = new PoseHistory();
    this.#navigator = new Navigator({ id: this.id, ...this.#locating.navigation });
    this.#navigator.inspection.merge(inspected);
    this.#earlierViews = views;
    this.#ownMapDueSec = 0;
    this.#sharing.reframe(change);
    this.#telemetry.event('rover', `${this.id} has found its place in the common map`);
  }

  /** Whether nothing is left to do for this rover, as far as it can see. */
  get #done(): boolean {
    return this.#options.passenger?.finished() ?? this.#navigation?.done === true;
  }

  /** Done is said only when the Map Server has, and has published, all that this rover knows. */
  #settle(now: number): void {
    if (!this.#done) this.#settled = false;
    else if (!this.#settled && !this.#settling) {
      this.#settling = true;
      this.#sharing
        .flush(now)
        .then(() => (this.#settled = true))
        .catch((error: unknown) => this.#options.onError(error as Error))
        .finally(() => (this.#settling = false));
    }
  }

  #share(): void {
    const { bus, clock, site, mission } = this.#options;
    this.#sharing.share(clock.nowSec());
    if (!this.#frame.located) return;
    for (const tile of this.#navigator.inspection.takeChangedTiles()) {
      const topic = topicOf(inspectedTile, { site, mission, rover: this.id, tile: tileId(tile.x, tile.y) });
      const message = encodeMessage(inspectedTile, { rover: this.id, ...tile });
      bus.publish(topic, message, { retain: true, qos: 1 }).catch((error: unknown) => this.#options.onError(error as Error));
    }
  }

  #readHealth(): void {
    this.#power = this.#options.ports.power?.update() ?? null;
    this.#metrics = this.#options.ports.metrics?.update() ?? null;
  }

  #report(): void {
    this.#readHealth();
    this.#telemetry.publishState({
      located: this.#frame.located,
      pose: this.#pose,
      twist: this.#odometry.twist,
      activity: this.#activity(),
      power: this.#power,
      metrics: this.#metrics,
      distanceM: this.#odometry.distanceM,
      path: this.#navigation?.path ?? [],
      modules: this.#options.modules.placements(),
      faults: this.#faults(),
    });
  }

  #activity(): RoverState['activity'] {
    if (this.#paused) return 'waiting';
    if (this.#done) return this.#settled ? 'done' : 'waiting';
    return this.#navigation?.activity ?? (this.#options.passenger === undefined ? 'starting' : 'exploring');
  }

  #faults(): string[] {
    const faults: string[] = [];
    if (!this.#driveConnected) faults.push('drive disconnected');
    if (!this.#locating.connected) faults.push(this.#locating.missing);
    if (this.#watching?.connected === false) faults.push('camera disconnected');
    if (this.#power?.connected === false) faults.push('power measurement missing');
    if (this.#metrics?.connected === false) faults.push('device metrics missing');
    if (!this.#options.bus.connected) faults.push('broker out of reach');
    return faults;
  }
}

/** By the lidar where there is one, else by the sonar. */
function locatingOf({ lidar, sonar }: RoverPorts, startPose: Pose2, slam: Partial<SlamConfig>): Locating {
  if (lidar !== null) return new LidarLocating(lidar, startPose, slam);
  if (sonar) return new SonarLocating(sonar, startPose);
  return new LidarLocating({ update: () => ({ connected: false, scan: null }) }, startPose, slam);
}
