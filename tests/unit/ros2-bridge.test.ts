// A rover whose body is topics, over a ROS graph in memory: it explores a site that it knows only through ROS, and gives ROS its map.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HostMetrics } from '../../hardware/linux/host-metrics.ts';
import { readPortRecording } from '../../robot/recording/port-recording.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DeviceMetricsIo } from '../../shared/ports/device-metrics.ts';
import { loadRclnodejs, toQos } from '../../robot/bridges/ros2/rclnodejs.ts';
import type { RosOccupancyGrid, RosPoseStamped, RosTfMessage, RosTwist } from '../../robot/bridges/ros2/messages.ts';
import { yawOf } from '../../robot/bridges/ros2/from-ros.ts';
import { startRosRover, type RosRover, type RosRoverOptions } from '../../robot/bridges/ros2/ros-rover.ts';
import { roverYamlSchema } from '../../robot/bridges/ros2/rover-yaml.ts';
import { checkConfig } from '../../shared/config/load-yaml.ts';
import { compose, distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { encodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { missionCommand } from '../../shared/protocol/mission.ts';
import { createInfrastructure, HEADLESS_SITE, startInProcessEdge } from '../../sim/headless/main.ts';
import { loadBundles } from '../../sim/main.ts';
import { LINKS } from '../../sim/network/link-model.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { type FakeGoal, FakeRos } from '../support/fake-ros.ts';
import { RosRobot } from '../support/ros-robot.ts';

const START = { x: 1.2, y: 1.2, theta: 0 };
const LIMIT_MS = 120_000;

interface Stage {
  readonly clock: VirtualClock;
  readonly ros: FakeRos;
  readonly rover: RosRover;
  startRobot(clockwise?: boolean): Promise<RosRobot>;
  command(command: 'pause' | 'resume'): void;
  close(): Promise<void>;
}

/** Agent and edge site on one virtual clock; robots come and go. */
async function stage(ros2: object, more: Pick<RosRoverOptions, 'record'> & Partial<Pick<RosRoverOptions, 'metrics'>> = {}): Promise<Stage> {
  const clock = new VirtualClock();
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntilSettled(work);
  const infrastructure = createInfrastructure(clock, new SeededRandom(1), SILENT_LOGGER);
  const edge = await run(startInProcessEdge(infrastructure));
  const ros = new FakeRos(clock);
  const config = checkConfig({ body: 'ros2', id: 'rover-1', startPose: START, ros2 }, 'test', roverYamlSchema);
  infrastructure.network.setLink('rover-1', LINKS.lan);
  const bus = infrastructure.broker.connect('rover-1', { node: 'rover-1' });
  const rover = await run(
    startRosRover({
      ...{ rcl: ros.library(), config, bus, clock, metrics: null, session: 's', logger: SILENT_LOGGER },
      dataPlane: infrastructure.dataPlane.at('rover-1'),
      bundles: await loadBundles(),
      detection: config.detection,
      mapServerPlacement: 'edge',
      decodePicture: () => Promise.reject(new Error('no picture is sent here')),
      ...more,
    }),
  );
  const operator = infrastructure.broker.connect('operator');
  return {
    ...{ clock, ros, rover },
    startRobot: async (clockwise = false) => {
      const rcl = ros.library();
      await run(rcl.init());
      return new RosRobot({ rcl, clock, clockwise });
    },
    command: (command) =>
      void operator.publish(
        topicOf(missionCommand, { site: HEADLESS_SITE, mission: config.mission }),
        encodeMessage(missionCommand, { command }),
      ),
    close: async () => {
      await run(rover.stop());
      await run(edge.close());
    },
  };
}

describe('a recording of a ROS 2 rover', { timeout: LIMIT_MS }, () => {
  it('holds its odometry, its scans and the metrics of its computer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrider-ros-'));
    const path = join(folder, 'ros.mcap');
    const metrics = (clock: Clock): DeviceMetricsIo => new HostMetrics({ clock });
    const set = await stage({}, { record: path, metrics });
    const robot = await set.startRobot();
    await set.clock.run({ untilSec: set.clock.nowSec() + 6 });
    const { pose } = set.rover.assembled.rover;
    await set.close();
    robot.stop();
    const { records, head } = await readPortRecording(path);
    await rm(folder, { recursive: true });
    const count = (wanted: string): number => records.filter(({ topic }) => topic === wanted).length;
    expect(head).toMatchObject({ rover: 'rover-1', startPose: { x: START.x, y: START.y } });
    expect(count('drive')).toBeGreaterThan(50);
    expect(count('lidar')).toBeGreaterThan(40);
    expect(count('metrics')).toBeGreaterThan(5);
    const last = records.findLast(({ topic }) => topic === 'estimate')?.value as { x: number; y: number };
    expect(Math.hypot(last.x - pose.x, last.y - pose.y)).toBeLessThan(0.2);
  });
});

const poseOf = ({ pose }: RosPoseStamped): Pose2 => ({ ...pose.position, theta: yawOf(pose.orientation) as number });

/** How far map → odom, composed with the robot's own odometry, is from the truth [m]. */
function tfError({ ros, rover }: Stage, robot: RosRobot): number {
  const { transforms } = ros.last<RosTfMessage>('/tf') as RosTfMessage;
  const { transform } = transforms[0] as RosTfMessage['transforms'][number];
  const mapToOdom = { ...transform.translation, theta: yawOf(transform.rotation) as number };
  return distance(compose(mapToOdom, rover.body.odometryPose), robot.body.vehicle.pose);
}

describe('loading rclnodejs', () => {
  it('does not touch the package outside a ROS 2 environment, and says what to do', async () => {
    let imports = 0;
    const load = loadRclnodejs({ environment: {}, importModule: async () => void (imports += 1) });
    await expect(load).rejects.toSatisfy(
      (error) => isOutriderError(error) && error.code === 'OUT_ROS_ENVIRONMENT' && /source/.test(error.remedy),
    );
    expect(imports).toBe(0);
  });

  it('tells a missing package and a stranger from the real one', async () => {
    const environment = { AMENT_PREFIX_PATH: '/opt/ros/jazzy' };
    await expect(
      loadRclnodejs({ environment, importModule: () => Promise.reject(new Error('Cannot find package')) }),
    ).rejects.toMatchObject({
      code: 'OUT_ROS_LIBRARY',
    });
    await expect(loadRclnodejs({ environment, importModule: async () => ({ default: { init: 1 } }) })).rejects.toMatchObject({
      code: 'OUT_ROS_LIBRARY',
    });
    const library = new FakeRos(new VirtualClock()).library();
    expect(await loadRclnodejs({ environment, importModule: async () => ({ default: library }) })).toBe(library);
  });
});

describe('a rover of topics', () => {
  it(
    'explores a site, publishes its map latched and keeps map→odom on the robot',
    async () => {
      const scene = await stage({});
      const { clock, ros, rover } = scene;
      const robot = await scene.startRobot();
      let worst = 0;
      clock.every(1, () => void (clock.nowSec() > 2 && (worst = Math.max(worst, tfError(scene, robot)))));
      await clock.run({ untilSec: 90 });
      expect(worst).toBeLessThan(0.15);
      const grid = ros.last<RosOccupancyGrid>('/map') as RosOccupancyGrid;
      const known = grid.data.filter((cell) => cell >= 0).length * grid.info.resolution ** 2;
      expect(known).toBeGreaterThan(40); // of 48 m² and the walls around them
      expect(grid.header.frame_id).toBe('map');
      expect(robot.body.vehicle.collisions).toBe(0);
      expect(distance(poseOf(ros.last('/outrider/pose') as RosPoseStamped), robot.body.vehicle.pose)).toBeLessThan(0.15);
      expect(rover.body.power?.update()).toMatchObject({ connected: true, batteryFraction: 0.8 });

      const late: RosOccupancyGrid[] = [];
      const rcl = ros.library();
      await clock.runUntilSettled(rcl.init());
      const rviz = new rcl.Node('rviz', '');
      const latched = toQos(rcl, { reliability: 'reliable', durability: 'transient_local', depth: 1 });
      rviz.createSubscription('nav_msgs/msg/OccupancyGrid', '/map', { qos: latched }, (message) => late.push(message as RosOccupancyGrid));
      rviz.spin();
      await clock.run({ untilSec: clock.nowSec() + 0.01 });
      expect(late).toHaveLength(1);
      rviz.destroy();
      rcl.shutdown();
      robot.stop();
      await scene.close();
      expect(ros.last<RosTwist>('/cmd_vel')?.linear.x).toBe(0);
      expect([ros.contexts, ros.subscriptions]).toEqual([0, []]);
    },
    LIMIT_MS,
  );

  it(
    'stops when the base falls silent, says so, and goes on when it is back, although its odometry begins anew',
    async () => {
      const scene = await stage({});
      const { clock, ros, rover } = scene;
      const first = await scene.startRobot();
      await clock.run({ untilSec: 8 });
      const before = { ...rover.assembled.rover.pose };
      expect(distance(before, START)).toBeGreaterThan(0.3);
      first.stop();
      await clock.run({ untilSec: 9 });
      expect(rover.body.drive.update().connected).toBe(false);
      expect(rover.body.lidar.update().connected).toBe(false);
      expect(ros.last<RosTwist>('/cmd_vel')).toMatchObject({ linear: { x: 0 }, angular: { z: 0 } });
      const wheels = rover.body.drive.update();
      expect(distance(rover.assembled.rover.pose, before)).toBeLessThan(0.5);

      const second = await scene.startRobot(); // a new process: it stands at the start again and its odometry is another
      await clock.run({ untilSec: 9.6 });
      expect(rover.body.drive.update()).toMatchObject({ connected: true });
      expect(Math.abs(rover.body.drive.update().leftPositionRad - wheels.leftPositionRad)).toBeLessThan(3); // no leap of 50 rad
      await clock.run({ untilSec: 14 });
      expect(second.commands).toBeGreaterThan(20);
      second.stop();
      await scene.close();
    },
    LIMIT_MS,
  );

  it('stops the wheels 0.5 s after the last command, as its port promises', async () => {
    const scene = await stage({ battery: null, outputs: { map: null, objects: null, pose: null, tf: false } });
    const { clock, ros, rover } = scene;
    await clock.runUntilSettled(rover.assembled.stop()); // the control loop is silent; the body still lives
    rover.body.drive.setWheelSpeeds(2, 2);
    const commandedSec = clock.nowSec();
    expect(ros.last<RosTwist>('/cmd_vel')?.linear.x).toBeCloseTo(0.2, 9);
    await clock.run({ until: () => ros.last<RosTwist>('/cmd_vel')?.linear.x === 0 });
    expect(clock.nowSec() - commandedSec).toBeGreaterThan(0.45);
    expect(clock.nowSec() - commandedSec).toBeLessThan(0.65);
    rover.body.drive.setWheelSpeeds(Number.NaN, 1);
    expect(ros.last<RosTwist>('/cmd_vel')).toMatchObject({ linear: { x: 0 }, angular: { z: 0 } });
    rover.body.stop();
  });

  it('is a drive that is gone, not an exception, when someone else ends the ROS context', async () => {
    const scene = await stage({});
    const { clock, ros, rover } = scene;
    const robot = await scene.startRobot();
    await clock.run({ untilSec: 2 });
    expect(rover.body.drive.update().connected).toBe(true);
    ros.failing = true;
    await clock.run({ untilSec: 4 });
    expect(rover.body.drive.update().connected).toBe(false);
    ros.failing = false;
    await clock.run({ untilSec: 5 });
    expect(rover.body.drive.update().connected).toBe(true);
    robot.stop();
    await scene.close();
  });

  it(
    'reads a lidar that turns clockwise and topics in a namespace, and stamps its commands',
    async () => {
      const scene = await stage({
        namespace: '/team_a',
        command: { topic: 'cmd_vel', type: 'twist_stamped' },
        scan: { qos: { reliability: 'best_effort' } },
        battery: null,
      });
      const { clock, ros, rover } = scene;
      const robot = await scene.startRobot(true);
      await clock.run({ untilSec: 3 });
      const command = ros.last<{ header: { stamp: { sec: number }; frame_id: string }; twist: RosTwist }>('/team_a/cmd_vel');
      expect(command?.header).toMatchObject({ frame_id: 'base_link', stamp: { sec: 1_790_000_000 + Math.floor(clock.nowSec() - 1e-6) } });
      expect(rover.body.traffic.scan.received).toBeGreaterThan(20);
      expect(tfError(scene, robot)).toBeLessThan(0.05); // the scans fit the map: they are not mirrored
      robot.stop();
      await scene.close();
    },
    LIMIT_MS,
  );

  it('hears nothing, and says disconnected, when it asks for more reliability than the lidar offers', async () => {
    const scene = await stage({ scan: { qos: { reliability: 'reliable' } } });
    const robot = await scene.startRobot();
    await scene.clock.run({ untilSec: 2 });
    expect(scene.rover.body.traffic.scan.received).toBe(0);
    expect(scene.rover.body.lidar.update()).toEqual({ connected: false, scan: null });
    expect(scene.rover.body.drive.update().connected).toBe(true);
    robot.stop();
    await scene.close();
  });
});

describe('Nav2 at the wheels', () => {
  it(
    'gets the explorer’s goals one at a time, is cancelled by a pause, and /cmd_vel stays untouched',
    async () => {
      const scene = await stage({ nav2: {} });
      const { clock, ros, rover } = scene;
      const goals: FakeGoal[] = [];
      ros.actionServers.set('navigate_to_pose', (goal) => (goals.push(goal) === 1 ? 'reject' : 'accept'));
      const robot = await scene.startRobot();
      await clock.run({ untilSec: 20, until: () => goals.length === 2 });
      expect(goals).toHaveLength(2); // the first was refused and came again
      expect(rover.nav2?.counts).toMatchObject({ sent: 2, refused: 1 });
      const goal = (goals[1] as FakeGoal).goal.pose.pose.position;
      expect(goal.x).toBeGreaterThan(-1);
      scene.command('pause');
      await clock.run({ untilSec: clock.nowSec() + 2 });
      expect(rover.nav2?.counts).toMatchObject({ cancelled: 1 });
      expect(goals).toHaveLength(2);
      scene.command('resume');
      await clock.run({ untilSec: clock.nowSec() + 2 });
      expect(goals).toHaveLength(3);
      expect(ros.published.has('/cmd_vel')).toBe(false);
      expect(robot.commands).toBe(0);
      robot.stop();
      await scene.close();
    },
    LIMIT_MS,
  );
});

describe('simulated time', () => {
  it('is the rover’s clock: nothing moves while /clock stands, and a reset does not turn it back', async () => {
    const real = new VirtualClock();
    const infrastructure = createInfrastructure(real, new SeededRandom(1), SILENT_LOGGER);
    const ros = new FakeRos(real);
    const rcl = ros.library();
    await real.runUntilSettled(rcl.init());
    const simulator = new rcl.Node('gazebo', '');
    const clocks = simulator.createPublisher('rosgraph_msgs/msg/Clock', '/clock', {
      qos: toQos(rcl, { reliability: 'best_effort', durability: 'volatile', depth: 1 }),
    });
    const tell = async (sec: number): Promise<void> => {
      clocks.publish({ clock: { sec: Math.floor(sec), nanosec: Math.round((sec % 1) * 1e9) } });
      await real.run({ untilSec: real.nowSec() + 0.01 });
    };
    const config = checkConfig({ body: 'ros2', id: 'rover-1', ros2: { useSimTime: true } }, 'test', roverYamlSchema);
    const options = {
      ...{ rcl: ros.library(), config, clock: real, metrics: null, session: 's', logger: SILENT_LOGGER },
      bus: infrastructure.broker.connect('rover-1', { node: 'rover-1' }),
      dataPlane: infrastructure.dataPlane.at('rover-1'),
      bundles: await loadBundles(),
      detection: config.detection,
      mapServerPlacement: 'onboard' as const,
      decodePicture: () => Promise.reject(new Error('no picture is sent here')),
    };
    await expect(real.runUntilSettled(startRosRover(options))).rejects.toMatchObject({ code: 'OUT_ROS_CLOCK' });
    expect(ros.contexts).toBe(1); // the failed start left nothing behind

    const starting = startRosRover({ ...options, rcl: ros.library() });
    await real.run({ untilSec: real.nowSec() + 0.01 });
    await tell(100);
    const rover = await real.runUntilSettled(starting);
    await tell(101);
    const count = (): number => ros.published.get('/tf')?.length ?? 0;
    const before = count();
    await real.run({ untilSec: real.nowSec() + 30 });
    expect(count()).toBe(before);
    for (let step = 1; step <= 10; step += 1) await tell(101 + step / 10);
    expect(count()).toBe(before + 10);
    expect(ros.last<RosTfMessage>('/tf')?.transforms[0]?.header.stamp.sec).toBe(102);
    await tell(5); // the simulator began anew
    for (let step = 1; step <= 10; step += 1) await tell(5 + step / 10);
    expect(ros.last<RosTfMessage>('/tf')?.transforms[0]?.header.stamp.sec).toBe(6);
    expect(count()).toBe(before + 20);
    const stopping = rover.stop();
    await real.runUntilSettled(stopping);
  });
});
