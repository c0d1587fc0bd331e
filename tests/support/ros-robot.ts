// A ROS 2 robot that knows nothing of Outrider: a simulated vehicle and lidar behind the topics of an ordinary ROS base.
import { toTwist, toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import { compose, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { WheelOdometry } from '../../robot/odometry.ts';
import type { RosOdometry, RosTwist } from '../../robot/bridges/ros2/messages.ts';
import type { RclNode, Rclnodejs } from '../../robot/bridges/ros2/rclnodejs.ts';
import { rosNow, toQos } from '../../robot/bridges/ros2/rclnodejs.ts';
import { toCovariance6, toRosPose, toRosTwist } from '../../robot/bridges/ros2/to-ros.ts';
import { buildSimulatedMission } from '../../sim/mission-file.ts';
import { fleetSchema } from '../../sim/scenario/fleet-schema.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import type { SimulatedRover } from '../../sim/simulated-rover.ts';

export interface RosRobotOptions {
  readonly rcl: Rclnodejs;
  readonly clock: Clock;
  readonly seed?: number;
  /** As drivers of lidars that turn clockwise do. */
  readonly clockwise?: boolean;
}

/** Site of 8 m × 6 m with a wall and two pillars. */
export const ROS_WORLD = worldSchema.parse({
  sizeM: [8, 6],
  walls: [
    {
      path: [
        [4, 0],
        [4, 3.4],
      ],
    },
  ],
  obstructions: [{ shape: 'cylinder', at: [6.2, 4.2], radiusM: 0.3 }],
  starts: [{ at: [1.2, 1.2], yawDeg: 0 }],
});

export class RosRobot {
  readonly node: RclNode;
  readonly body: SimulatedRover;
  readonly #options: RosRobotOptions;
  readonly #stop: (() => void)[] = [];
  commands = 0;
  /** Parts whose driver is gone: nothing is published for them, and a drive takes no commands. */
  readonly unplugged = new Set<'drive' | 'lidar'>();

  constructor(options: RosRobotOptions) {
    this.#options = options;
    const { rcl, clock } = options;
    const fleet = fleetSchema.parse({ rovers: [{ id: 'ros-robot' }] });
    const { site } = buildSimulatedMission({ world: ROS_WORLD, fleet }, { clock, seed: options.seed ?? 1 });
    this.body = site.rovers[0] as SimulatedRover;
    this.node = new rcl.Node('robot_base', '');
    const sensor = { qos: toQos(rcl, { reliability: 'best_effort', durability: 'volatile', depth: 5 }) };
    const reliable = { qos: toQos(rcl, { reliability: 'reliable', durability: 'volatile', depth: 10 }) };
    const scans = this.node.createPublisher('sensor_msgs/msg/LaserScan', '/scan', sensor);
    const odometry = this.node.createPublisher('nav_msgs/msg/Odometry', '/odom', reliable);
    const battery = this.node.createPublisher('sensor_msgs/msg/BatteryState', '/battery_state', reliable);
    this.node.createSubscription('geometry_msgs/msg/Twist', '/cmd_vel', reliable, (message) => {
      const { linear, angular } = message as RosTwist;
      if (this.unplugged.has('drive')) return;
      this.commands += 1;
      const wheels = toWheelSpeeds({ linearMPerSec: linear.x, angularRadPerSec: angular.z }, this.body.vehicle.spec.geometry);
      // As bases do, it brakes when it is told to stand.
      if (linear.x === 0 && angular.z === 0) this.body.drive.stop();
      else this.body.drive.setWheelSpeeds(wheels.leftRadPerSec, wheels.rightRadPerSec);
    });
    site.start();
    this.#stop.push(() => site.stop());
    const wheels = new WheelOdometry(this.body.vehicle.spec.geometry);
    /** The base's odometry began elsewhere, as that of a robot that has driven before. */
    const origin: Pose2 = { x: -3, y: 5, theta: 2 };
    let sequence = -1;
    const timer = clock.every(0.05, () => {
      const stamp = rosNow(this.node);
      const drive = this.body.drive.update();
      const pose = compose(origin, wheels.update(drive));
      const twist = toTwist(
        { leftRadPerSec: drive.leftVelocityRadPerSec, rightRadPerSec: drive.rightVelocityRadPerSec },
        this.body.vehicle.spec.geometry,
      );
      if (!this.unplugged.has('drive'))
        odometry.publish({
          header: { stamp, frame_id: 'odom' },
          child_frame_id: 'base_link',
          pose: { pose: toRosPose(pose), covariance: toCovariance6([0.01, 0, 0, 0, 0.01, 0, 0, 0, 0.02]) },
          twist: { twist: toRosTwist(twist), covariance: new Float64Array(36) },
        } satisfies RosOdometry);
      const { scan } = this.body.lidar.update();
      if (scan === null || scan.sequence === sequence || this.unplugged.has('lidar')) return;
      sequence = scan.sequence;
      const last = scan.angleMinRad + scan.angleIncrementRad * (scan.rangesM.length - 1);
      const clockwise = options.clockwise === true;
      scans.publish({
        header: { stamp, frame_id: 'laser' },
        angle_min: clockwise ? last : scan.angleMinRad,
        angle_max: clockwise ? scan.angleMinRad : last,
        angle_increment: (clockwise ? -1 : 1) * scan.angleIncrementRad,
        time_increment: 0,
        scan_time: 0.1,
        range_min: scan.rangeMinM,
        range_max: scan.rangeMaxM,
        ranges: clockwise ? scan.rangesM.toReversed() : Float32Array.from(scan.rangesM),
        intensities: new Float32Array(0),
      });
    });
    const slow = clock.every(1, () =>
      battery.publish({
        header: { stamp: rosNow(this.node), frame_id: '' },
        voltage: 7.6,
        temperature: Number.NaN,
        current: -0.8,
        charge: Number.NaN,
        capacity: Number.NaN,
        design_capacity: Number.NaN,
        percentage: 0.8,
        power_supply_status: 2,
        power_supply_health: 1,
        power_supply_technology: 2,
        present: true,
        cell_voltage: new Float32Array(0),
        cell_temperature: new Float32Array(0),
        location: '',
        serial_number: '',
      }),
    );
    this.#stop.push(
      () => timer.stop(),
      () => slow.stop(),
    );
    this.node.spin();
  }

  /** The driver dies: its node is gone, the vehicle stays where it is. */
  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
    this.node.destroy();
    this.#options.rcl.shutdown();
  }
}
