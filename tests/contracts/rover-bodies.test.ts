// Every body that can be had without hardware, through the one contract of rover ports.
import { ros2Schema } from '../../robot/bridges/ros2/config.ts';
import { RosBody } from '../../robot/bridges/ros2/ros-body.ts';
import { RosTimeBase } from '../../robot/bridges/ros2/ros-time.ts';
import { CarmenPlayer, splitLog } from '../../robot/recording/carmen-player.ts';
import type { CarmenLog, LogScan } from '../../robot/recording/carmen-log.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { fleetSchema, type SensorName } from '../../sim/scenario/fleet-schema.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import type { SimulatedRover } from '../../sim/simulated-rover.ts';
import { SimulatedSite } from '../../sim/simulated-site.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import { FakeRos } from '../support/fake-ros.ts';
import { openFreenoveBench } from '../support/freenove-bench.ts';
import { RosRobot } from '../support/ros-robot.ts';
import { ROOM, scanFrom } from '../unit/slam-world.ts';
import { type PartName, type RoverBench, roverPortsContract } from './rover-ports.ts';

roverPortsContract('simulated rover', async () => openSimulatedBench());
roverPortsContract('Freenove 4WD, board v1 with a PCF8591', async () => openFreenoveBench(1, 'pcf8591'));
roverPortsContract('Freenove 4WD, board v2 with an ADS7830', async () => openFreenoveBench(2, 'ads7830'));
roverPortsContract('ROS 2 robot on a graph in memory', openRosBench);
roverPortsContract('recorded log', async () => openReplayBench(), { passenger: true });

function openSimulatedBench(): RoverBench {
  const clock = new VirtualClock();
  const random = new SeededRandom(3);
  const fleet = fleetSchema.parse({ rovers: [{ id: 'a' }] });
  const definition = resolveSite(worldSchema.parse({ sizeM: [20, 12], starts: [{ at: [10, 6] }] }), {
    random: random.fork('site'),
    rovers: 1,
    roverRadiusM: DEFAULT_VEHICLE.radiusM,
  });
  const site = new SimulatedSite({ clock, site: definition, fleet, random: random.fork('run') });
  site.start();
  const rover = site.rovers[0] as SimulatedRover;
  const sensorOf: Partial<Record<PartName, SensorName>> = { drive: 'drive', lidar: 'lidar', range: 'sonar', imu: 'imu' };
  return {
    drive: rover.drive,
    lidar: rover.lidar,
    range: rover.sonar,
    imu: rover.imu,
    power: rover.power,
    lines: null,
    metrics: rover.metrics,
    nowSec: () => clock.nowSec(),
    run: (seconds) => clock.run({ untilSec: clock.nowSec() + seconds }),
    wheels: () => {
      const { leftVelocityRadPerSec, rightVelocityRadPerSec } = rover.vehicle.readEncoders();
      return { left: leftVelocityRadPerSec, right: rightVelocityRadPerSec };
    },
    pluggable: Object.keys(sensorOf) as PartName[],
    setPlugged: (part, plugged) => rover.setConnected(sensorOf[part] as SensorName, plugged),
    close: () => site.stop(),
  };
}

/** The bridge's body over topics; what real DDS does is tried in tests/system/ros2-real.test.ts. */
async function openRosBench(): Promise<RoverBench> {
  const clock = new VirtualClock();
  const ros = new FakeRos(clock);
  const [robotSide, roverSide] = [ros.library(), ros.library()];
  await clock.runUntilSettled(Promise.all([robotSide.init(), roverSide.init()]));
  const robot = new RosRobot({ rcl: robotSide, clock });
  const node = new roverSide.Node('rover', '');
  const time = new RosTimeBase();
  time.synchronise(ros.epochSec, 0);
  const body = new RosBody({
    ...{ rcl: roverSide, node, clock, time },
    config: ros2Schema.parse({}),
    decodePicture: () => Promise.reject(new Error('no picture is sent here')),
    onError: (error) => {
      throw error;
    },
  });
  body.start();
  node.spin();
  return {
    drive: body.drive,
    lidar: body.lidar,
    range: null,
    power: null,
    lines: null,
    metrics: null,
    nowSec: () => clock.nowSec(),
    run: (seconds) => clock.run({ untilSec: clock.nowSec() + seconds }),
    wheels: () => {
      const { leftVelocityRadPerSec, rightVelocityRadPerSec } = robot.body.vehicle.readEncoders();
      return { left: leftVelocityRadPerSec, right: rightVelocityRadPerSec };
    },
    // Six radians a second of the bridge's wheels are 0.6 m/s, three times as fast as for the others.
    brakingSec: 1,
    pluggable: ['drive', 'lidar'],
    setPlugged: (part, plugged) => {
      if (part !== 'drive' && part !== 'lidar') return;
      if (plugged) robot.unplugged.delete(part);
      else robot.unplugged.add(part);
    },
    close: () => {
      body.stop();
      robot.stop();
    },
  };
}

function openReplayBench(): RoverBench {
  const clock = new VirtualClock();
  const scans: LogScan[] = Array.from({ length: 40 }, (_, i) => {
    const pose = { x: 0.02 * i, y: 0, theta: 0 };
    return { scan: { ...scanFrom(ROOM, pose, 0.2 * i, { rays: 36 }), sequence: i }, timeSec: 0.2 * i, corrected: pose, odometry: pose };
  });
  const log: CarmenLog = { scans, durationSec: 7.8, timed: true, maxRangeM: 80 };
  const part = splitLog(log, 1)[0] as ReturnType<typeof splitLog>[number];
  const player = new CarmenPlayer({ part, clock, geometry: DEFAULT_VEHICLE.geometry, odometry: 'raw' });
  return {
    drive: player.drive,
    lidar: player.lidar,
    range: null,
    power: null,
    lines: null,
    metrics: null,
    nowSec: () => clock.nowSec(),
    run: (seconds) => clock.run({ untilSec: clock.nowSec() + seconds }),
    wheels: null,
    pluggable: [],
    setPlugged: () => {},
  };
}
