// Where the rover is and what is around it, by what it carries: a lidar whose scans are matched, or one swept ultrasonic sensor and odometry.
import { compose, inverse, type Pose2 } from '../shared/geometry/pose2.ts';
import type { Twist2 } from '../shared/geometry/twist2.ts';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import type { LidarIo, LidarScan } from '../shared/ports/lidar-io.ts';
import type { RangeIo } from '../shared/ports/range-io.ts';
import type { PatchSource } from './map-sharing.ts';
import type { NavigatorOptions } from './navigation/behaviour/navigator-config.ts';
import type { NavigatorOutput } from './navigation/behaviour/navigator-types.ts';
import { Slam } from './navigation/slam.ts';
import type { SlamConfig } from './navigation/slam-config.ts';
import { sonarNavigation } from './navigation/sonar/sonar-navigation.ts';
import { SonarMapping } from './navigation/sonar/sonar-mapping.ts';
import { SonarView } from './navigation/sonar/sonar-view.ts';
import { SweepPilot } from './navigation/sonar/sweep-pilot.ts';
import type { PoseHistory } from './pose-history.ts';

/** One cycle's odometry. */
export interface OdometryNow {
  readonly pose: Pose2;
  readonly twist: Twist2;
  /** Earlier poses, for sensors whose measurements arrive late. */
  readonly history: PoseHistory;
}

export interface Locating extends PatchSource {
  /** What a Navigator has to know of this way of sensing. */
  readonly navigation: Omit<NavigatorOptions, 'id'>;
  /** The fault that the rover reports while the sensor is away. */
  readonly missing: string;
  readonly connected: boolean;
  /** Map ← odometry, by the newest measurement. */
  readonly mapToOdom: Pose2;
  /** What is around the rover now; null before the first measurement. */
  readonly scan: LidarScan | null;
  /** The newest scan with the pose that it was matched to, for ranging what a camera sees; null where ranges are too wide for that. */
  readonly located: { readonly scan: LidarScan; readonly pose: Pose2 } | null;
  readonly rebasing: boolean;
  /** Reads the sensor. Returns new frame ← old frame when the map has moved into another one, else null. */
  update(odometry: OdometryNow): Pose2 | null;
  /** What the rover may do of what navigation wants, for the sensor's sake. */
  limit(wish: NavigatorOutput): Twist2;
  rebase(change: Pose2): void;
  toOccupancyMap(): OccupancyMap;
}

export class LidarLocating implements Locating {
  readonly navigation = {};
  readonly missing = 'lidar disconnected';
  readonly #lidar: LidarIo;
  readonly #slam: Slam;
  connected = true;
  mapToOdom: Pose2;
  scan: LidarScan | null = null;
  located: Locating['located'] = null;

  constructor(lidar: LidarIo, startPose: Pose2, config: Partial<SlamConfig>) {
    this.#lidar = lidar;
    this.mapToOdom = startPose;
    this.#slam = new Slam({ startPose, config });
  }

  get revision(): number {
    return this.#slam.revision;
  }

  get rebasing(): boolean {
    return this.#slam.rebasing;
  }

  update({ pose, history }: OdometryNow): Pose2 | null {
    const { connected, scan } = this.#lidar.update();
    this.connected = connected;
    if (!connected || scan === null || scan.sequence === this.scan?.sequence) return null;
    this.scan = scan;
    const odometryAtScan = history.at(scan.stampSec) ?? pose;
    const estimate = this.#slam.update(scan, odometryAtScan);
    const change = this.#slam.takeFrameChange();
    this.mapToOdom = compose(estimate.pose, inverse(odometryAtScan));
    this.located = { scan, pose: estimate.pose };
    return change;
  }

  limit(wish: NavigatorOutput): Twist2 {
    return wish.command;
  }

  rebase(change: Pose2): void {
    this.#slam.rebase(change);
  }

  patchesSince(revision: number): ReturnType<Slam['patchesSince']> {
    return this.#slam.patchesSince(revision);
  }

  toOccupancyMap(): OccupancyMap {
    return this.#slam.toOccupancyMap();
  }
}

export class SonarLocating implements Locating {
  readonly navigation = sonarNavigation();
  readonly missing = 'sonar disconnected';
  readonly located = null;
  readonly #sonar: RangeIo;
  readonly #mapping: SonarMapping;
  readonly #view = new SonarView();
  readonly #pilot = new SweepPilot();
  #hold = true;
  #lastSec = Number.NEGATIVE_INFINITY;
  /** Whether the rover has come to where it wants to look from. */
  #looking = false;
  connected = true;
  scan: LidarScan | null = null;

  constructor(sonar: RangeIo, startPose: Pose2) {
    this.#sonar = sonar;
    this.#mapping = new SonarMapping(startPose);
  }

  get revision(): number {
    return this.#mapping.revision;
  }

  get mapToOdom(): Pose2 {
    return this.#mapping.mapToOdom;
  }

  get rebasing(): boolean {
    return this.#mapping.rebasing;
  }

  update({ pose, twist, history }: OdometryNow): Pose2 | null {
    const ping = this.#sonar.update();
    this.connected = ping.connected;
    const change = this.#mapping.takeFrameChange();
    if (!ping.connected) return change;
    if (ping.stampSec !== this.#lastSec) {
      this.#lastSec = ping.stampSec;
      const at = history.at(ping.stampSec) ?? pose;
      this.#mapping.update(ping, at, this.#pilot.sweeping && isStanding(twist));
      this.#view.add(ping, at);
    }
    this.scan = this.#view.scan(pose);
    const { bearingRad, hold } = this.#pilot.step(ping, pose, twist, this.#looking);
    this.#hold = hold;
    this.#sonar.aim(bearingRad);
    return change;
  }

  limit(wish: NavigatorOutput): Twist2 {
    const { linearMPerSec, angularRadPerSec } = wish.command;
    this.#looking = wish.activity === 'inspecting' && linearMPerSec === 0 && angularRadPerSec === 0;
    return this.#pilot.limit(wish.command, this.#hold);
  }

  rebase(change: Pose2): void {
    this.#mapping.rebase(change);
  }

  patchesSince(revision: number): ReturnType<SonarMapping['patchesSince']> {
    return this.#mapping.patchesSince(revision);
  }

  toOccupancyMap(): OccupancyMap {
    return this.#mapping.toOccupancyMap();
  }
}

function isStanding({ linearMPerSec, angularRadPerSec }: Twist2): boolean {
  return Math.abs(linearMPerSec) < 0.02 && Math.abs(angularRadPerSec) < 0.04;
}
