// A ROS 2 robot as a process of its own: simulated vehicle and lidar, real topics. Prints its true pose and speed once a second.
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { loadRclnodejs } from '../../robot/bridges/ros2/rclnodejs.ts';
import { RosRobot } from './ros-robot.ts';

const rcl = await loadRclnodejs({ environment: process.env });
await rcl.init();
const clock = new SystemClock();
const robot = new RosRobot({ rcl, clock });
const tell = (): void => {
  const { pose, collisions, distanceM } = robot.body.vehicle;
  console.log(JSON.stringify({ x: pose.x, y: pose.y, theta: pose.theta, collisions, distanceM, commands: robot.commands }));
};
clock.every(1, tell);
process.once('SIGTERM', () => {
  robot.stop();
  process.exit(0);
});
