// A rover whose body is ROS 2 topics: scans, odometry, pictures and battery come in, wheel commands go out as a Twist.
import { compose, IDENTITY, inverse, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import { type DriveGeometry, toTwist, toWheelSpeeds } from '../../../shared/kinematics/differential-drive.ts';
import type { CameraFrame, CameraInputs, CameraIo } from '../../../shared/ports/camera-io.ts';
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import type { DriveInputs, DriveIo } from '../../../shared/ports/drive-io.ts';
import type { LidarInputs, LidarIo, LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { PowerInputs, PowerIo } from '../../../shared/ports/power-io.ts';
import type { Ros2Config } from './config.ts';
import { type OdometryReading, type Reception, toCameraFrame, toLidarScan, toOdometryReading, toPowerInputs } from './from-ros.ts';
import type { RosBatteryState, RosCompressedImage, RosHeader, RosImage, RosLaserScan, RosOdometry, RosTime } from './messages.ts';
import { OdometryWheels } from './odometry-wheels.ts';
import { type RclNode, type Rclnodejs, type RclPublisher, toQos } from './rclnodejs.ts';
import type { RosTimeBase } from './ros-time.ts';
import { toRosTwist, toRosTwistStamped } from './to-ros.ts';
import { TopicWatch } from './topic-watch.ts';

/** Decodes a JPEG or PNG into rgb8 pixels. Rejects for what is neither. */
export type DecodePicture = (data: Uint8Array) => Promise<{ readonly width: number; readonly height: number; readonly data: Uint8Array }>;

export interface RosBodyOptions {
  readonly rcl: Rclnodejs;
  readonly node: RclNode;
  readonly config: Ros2Config;
  readonly clock: Clock;
  readonly time: RosTimeBase;
  readonly decodePicture: DecodePicture;
  readonly onError: (error: Error) => void;
}

/** Wheels of a body that has none for the agent: only agent and bridge use them, and they cancel out. */
export const ROS_GEOMETRY: DriveGeometry = { wheelRadiusM: 0.1, wheelBaseM: 0.4 };

/** The port's promise: without a command for this long the drive stops [s]. */
const COMMAND_TIMEOUT_SEC = 0.5;

export class RosBody {
  readonly drive: DriveIo;
  readonly lidar: LidarIo;
  readonly camera: CameraIo | null;
  readonly power: PowerIo | null;
  readonly #options: RosBodyOptions;
  readonly #wheels: OdometryWheels;
  readonly #scan: TopicWatch<LidarScan>;
  readonly #odometry: TopicWatch<OdometryReading>;
  readonly #frame: TopicWatch<CameraFrame>;
  readonly #battery: TopicWatch<PowerInputs>;
  readonly #command: RclPublisher | null;
  readonly #mount: Pose2;
  #stampSec = 0;
  #commandedSec = Number.NEGATIVE_INFINITY;
  #moving = false;
  #commandable = true;
  #decoding = false;
  #timer: Timer | null = null;

  constructor(options: RosBodyOptions) {
    const { rcl, node, config, clock } = options;
    this.#options = options;
    this.#wheels = new OdometryWheels({ geometry: ROS_GEOMETRY, maxSpeedMPerSec: config.maxSpeedMPerSec });
    this.#mount = { x: config.scan.mount.xM, y: config.scan.mount.yM, theta: 0 };
    const nowSec = (): number => clock.nowSec();
    this.#scan = new TopicWatch({ staleSec: config.scan.staleSec, nowSec });
    this.#odometry = new TopicWatch({ staleSec: config.odometry.staleSec, nowSec });
    this.#frame = new TopicWatch({ staleSec: config.image?.staleSec ?? 1, nowSec });
    this.#battery = new TopicWatch({ staleSec: config.battery?.staleSec ?? 1, nowSec });
    const { command } = config;
    const type = command.type === 'twist' ? 'geometry_msgs/msg/Twist' : 'geometry_msgs/msg/TwistStamped';
    this.#command = config.nav2 === null ? node.createPublisher(type, command.topic, { qos: toQos(rcl, command.qos) }) : null;
    this.drive = {
      update: () => this.#readDrive(),
      setWheelSpeeds: (leftRadPerSec, rightRadPerSec) => this.#drive(toTwist({ leftRadPerSec, rightRadPerSec }, ROS_GEOMETRY)),
      stop: () => this.#drive(STOP),
    };
    this.lidar = { update: (): LidarInputs => ({ connected: this.#scan.fresh, scan: this.#scan.latest }) };
    const { image } = config;
    this.camera =
      image === null
        ? null
        : {
            intrinsics: image.intrinsics,
            mount: { ...image.mount, xM: image.mount.xM - this.#mount.x, yM: image.mount.yM - this.#mount.y },
            update: (): CameraInputs => ({ connected: this.#frame.fresh, frame: this.#frame.latest }),
          };
    this.power = config.battery === null ? null : { update: () => this.#readPower() };
  }

  /** The lidar's place on the rover: the agent's body frame lies under the lidar, so that scans need no shifting. */
  get mount(): Pose2 {
    return this.#mount;
  }

  /** ROS's own odometry of the agent's body frame (odom → base, composed with the mount); identity before the first message. */
  get odometryPose(): Pose2 {
    const reading = this.#odometry.latest;
    return reading === null ? IDENTITY : compose(reading.pose, this.#mount);
  }

  /** map → odom for a pose of the agent's body in the map frame. */
  mapToOdom(bodyPose: Pose2): Pose2 {
    return compose(bodyPose, inverse(this.odometryPose));
  }

  /** What came and what was not usable, by topic; for logs and tests. */
  get traffic(): Readonly<Record<'scan' | 'odometry' | 'image' | 'battery', { readonly received: number; readonly refused: number }>> {
    const of = ({ received, refused }: TopicWatch<unknown>): { received: number; refused: number } => ({ received, refused });
    return { scan: of(this.#scan), odometry: of(this.#odometry), image: of(this.#frame), battery: of(this.#battery) };
  }

  /** Whether scans and odometry have come. */
  get ready(): boolean {
    return this.#scan.fresh && this.#odometry.fresh;
  }

  start(): void {
    const { rcl, node, config, clock } = this.#options;
    const { scan, odometry, image, battery } = config;
    const listen = <T>(
      type: string,
      { topic, qos }: { topic: string; qos: Ros2Config['scan']['qos'] },
      take: (message: T) => void,
    ): void => {
      node.createSubscription(type, topic, { qos: toQos(rcl, qos) }, (message) => take(message as T));
    };
    listen<RosLaserScan>('sensor_msgs/msg/LaserScan', scan, (message) => {
      this.#scan.take(this.#received(message.header, this.#scan, (reception) => toLidarScan(message, reception, scan.mount)));
    });
    listen<RosOdometry>('nav_msgs/msg/Odometry', odometry, (message) => this.#takeOdometry(message));
    if (image?.kind === 'raw') {
      listen<RosImage>('sensor_msgs/msg/Image', image, (message) =>
        this.#frame.take(this.#received(message.header, this.#frame, (reception) => toCameraFrame(message, reception))),
      );
    } else if (image !== null) {
      listen<RosCompressedImage>('sensor_msgs/msg/CompressedImage', image, (message) => void this.#takeCompressed(message));
    }
    if (battery !== null) {
      const { emptyV, fullV } = battery;
      const range = emptyV === undefined || fullV === undefined ? null : { emptyV, fullV };
      listen<RosBatteryState>('sensor_msgs/msg/BatteryState', battery, (message) =>
        this.#battery.take(toPowerInputs(message, clock.nowSec(), range)),
      );
    }
    this.#timer = clock.every(COMMAND_TIMEOUT_SEC / 5, () => {
      if (this.#moving && clock.nowSec() - this.#commandedSec > COMMAND_TIMEOUT_SEC) this.#publish(STOP);
    });
  }

  /** Stops the wheels and the watch over them; the node destroys what belongs to it. */
  stop(): void {
    this.#timer?.stop();
    this.#publish(STOP);
  }

  #received<T>(header: RosHeader, watch: TopicWatch<T>, map: (reception: Reception) => T | null): T | null {
    const stampSec = this.#stampOf(header.stamp);
    return stampSec === null ? null : map({ stampSec, sequence: watch.received });
  }

  /** Drivers that leave the stamp empty get the time of arrival; stamps of another clock (far from now) count as of now, too. */
  #stampOf(stamp: RosTime): number | null {
    const now = this.#options.clock.nowSec();
    const stampSec = this.#options.time.toClockSec(stamp);
    if (stampSec === null) return null;
    const unset = stamp.sec === 0 && stamp.nanosec === 0;
    return unset || Math.abs(stampSec - now) > OTHER_CLOCK_SEC ? now : Math.min(stampSec, now);
  }

  #takeOdometry(message: RosOdometry): void {
    const stampSec = this.#stampOf(message.header.stamp);
    const reading = stampSec === null ? null : toOdometryReading(message);
    if (reading === null || stampSec === null) return this.#odometry.take(null);
    if (!this.#odometry.fresh) this.#wheels.interrupt();
    if (!this.#wheels.advance(compose(reading.pose, this.#mount), stampSec)) return;
    this.#stampSec = stampSec;
    this.#odometry.take(reading);
  }

  /** One picture is decoded at a time; those that arrive meanwhile are left out. */
  async #takeCompressed(message: RosCompressedImage): Promise<void> {
    if (this.#decoding) return;
    this.#decoding = true;
    try {
      const stampSec = this.#stampOf(message.header.stamp);
      if (stampSec === null) return this.#frame.take(null);
      const picture = await this.#options.decodePicture(message.data);
      this.#frame.take({ ...picture, stampSec, sequence: this.#frame.received, encoding: 'rgb8' });
    } catch (error) {
      this.#frame.take(null);
      this.#options.onError(error as Error);
    } finally {
      this.#decoding = false;
    }
  }

  #readDrive(): DriveInputs {
    const twist = this.#odometry.fresh ? (this.#odometry.latest?.twist ?? STOP) : STOP;
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds(twist, ROS_GEOMETRY);
    return {
      connected: this.#odometry.fresh && this.#commandable,
      stampSec: this.#stampSec,
      leftPositionRad: this.#wheels.leftRad,
      rightPositionRad: this.#wheels.rightRad,
      leftVelocityRadPerSec: leftRadPerSec,
      rightVelocityRadPerSec: rightRadPerSec,
    };
  }

  #readPower(): PowerInputs {
    const reading = this.#battery.latest;
    if (reading !== null) return { ...reading, connected: this.#battery.fresh };
    return { connected: false, stampSec: 0, batteryFraction: 0, voltageV: 0, powerW: 0 };
  }

  #drive(twist: Twist2): void {
    this.#commandedSec = this.#options.clock.nowSec();
    this.#publish(twist);
  }

  #publish(twist: Twist2): void {
    const { linearMPerSec, angularRadPerSec } = twist;
    const sound = Number.isFinite(linearMPerSec) && Number.isFinite(angularRadPerSec) ? twist : STOP;
    this.#moving = sound.linearMPerSec !== 0 || sound.angularRadPerSec !== 0;
    const { config, time, clock } = this.#options;
    const stamp = time.toRos(clock.nowSec());
    try {
      if (config.command.type === 'twist') this.#command?.publish(toRosTwist(sound));
      else if (stamp !== null) this.#command?.publish(toRosTwistStamped(sound, { stamp, frame_id: config.frames.base }));
      this.#commandable = true;
    } catch (error) {
      // A context that someone ended must not end the control loop: the drive says that it is gone.
      if (this.#commandable) this.#options.onError(error as Error);
      this.#commandable = false;
    }
  }
}

/** Two machines' clocks that differ by more are not synchronised; within it, a stamp is believed [s]. */
const OTHER_CLOCK_SEC = 5;
