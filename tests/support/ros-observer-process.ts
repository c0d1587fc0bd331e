// What a ROS tool sees of Outrider, as a process of its own: the latched map, map→odom and the odometry. One line of JSON a second.
import { loadRclnodejs, toQos } from '../../robot/bridges/ros2/rclnodejs.ts';
import type { RosOccupancyGrid, RosOdometry, RosTfMessage } from '../../robot/bridges/ros2/messages.ts';
import { toOdometryReading, yawOf } from '../../robot/bridges/ros2/from-ros.ts';
import { compose, type Pose2 } from '../../shared/geometry/pose2.ts';

const rcl = await loadRclnodejs({ environment: process.env });
await rcl.init();
const node = new rcl.Node('observer', '');
const latched = { qos: toQos(rcl, { reliability: 'reliable', durability: 'transient_local', depth: 1 }) };
const volatile = { qos: toQos(rcl, { reliability: 'reliable', durability: 'volatile', depth: 100 }) };

const seen = { maps: 0, transforms: 0, scans: 0, knownM2: 0, bytes: 0, origin: null as unknown, frame: '' };
let mapToOdom: Pose2 | null = null;
let robot: Pose2 | null = null;

node.createSubscription('nav_msgs/msg/OccupancyGrid', '/map', latched, (message) => {
  const { data, info, header } = message as RosOccupancyGrid;
  let known = 0;
  for (const cell of data) if (cell >= 0) known += 1;
  seen.maps += 1;
  seen.knownM2 = known * info.resolution ** 2;
  seen.bytes = data.length;
  seen.origin = info.origin.position;
  seen.frame = header.frame_id;
});
node.createSubscription('tf2_msgs/msg/TFMessage', '/tf', volatile, (message) => {
  for (const { header, child_frame_id, transform } of (message as RosTfMessage).transforms) {
    if (header.frame_id !== 'map' || child_frame_id !== 'odom') continue;
    seen.transforms += 1;
    mapToOdom = { x: transform.translation.x, y: transform.translation.y, theta: yawOf(transform.rotation) ?? 0 };
  }
});
node.createSubscription('nav_msgs/msg/Odometry', '/odom', volatile, (message) => {
  const reading = toOdometryReading(message as RosOdometry);
  if (reading !== null && mapToOdom !== null) robot = compose(mapToOdom, reading.pose);
});
const sensor = { qos: toQos(rcl, { reliability: 'best_effort', durability: 'volatile', depth: 5 }) };
node.createSubscription('sensor_msgs/msg/LaserScan', '/scan', sensor, () => void (seen.scans += 1));
node.spin();

setInterval(() => console.log(JSON.stringify({ ...seen, robot })), 1000);
process.once('SIGTERM', () => {
  node.destroy();
  rcl.shutdown();
  process.exit(0);
});
