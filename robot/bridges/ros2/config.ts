// The `ros2:` section of a rover's YAML: which topics are its body, how they are connected, and what is given back to ROS tools.
import { z } from 'zod';
import { intrinsicsSchema } from '../../camera-fields.ts';

const seconds = z.number().min(0.05).max(60);
const metres = z.number().min(-10).max(10);

/** Names as ROS 2 allows them: absolute, relative or private, of words joined by `/`. */
const rosName = z
  .string()
  .max(255)
  .regex(/^(~?\/)?[A-Za-z_][A-Za-z0-9_]*(\/[A-Za-z_][A-Za-z0-9_]*)*$/, 'must be a ROS 2 name such as /scan or robot1/scan');

const frameId = z.string().min(1).max(128);

/** A subscription that asks for more than its publisher offers receives nothing, so sensors default to best effort. */
const qosSchema = (reliability: 'best_effort' | 'reliable', durability: 'volatile' | 'transient_local' = 'volatile', depth = 5) =>
  z
    .strictObject({
      reliability: z.enum(['best_effort', 'reliable']).default(reliability),
      durability: z.enum(['volatile', 'transient_local']).default(durability),
      depth: z.number().int().min(1).max(1000).default(depth),
    })
    .prefault({});

const sensor = (topic: string, staleSec: number) => ({
  topic: rosName.default(topic),
  qos: qosSchema('best_effort'),
  staleSec: seconds.default(staleSec).describe('Older data counts as disconnected [s].'),
});

const mountSchema = z.strictObject({
  xM: metres.default(0).describe('Position on the rover, forward of its base [m].'),
  yM: metres.default(0).describe('To the left of its base [m].'),
  yawRad: z.number().min(-Math.PI).max(Math.PI).default(0).describe('Where its zero angle points, counter-clockwise from forward [rad].'),
  flipped: z.boolean().default(false).describe('True for a lidar mounted upside down.'),
});

const imageSchema = z.strictObject({
  ...sensor('/camera/image_raw', 2),
  kind: z.enum(['raw', 'compressed']).default('raw').describe('sensor_msgs/Image or sensor_msgs/CompressedImage.'),
  intrinsics: intrinsicsSchema.describe('Of the pictures as they arrive [px]; as `outrider robot calibrate` or camera_info give them.'),
  mount: z.strictObject({
    xM: metres.default(0),
    yM: metres.default(0),
    zM: z.number().min(0.01).max(10).describe('Height of the lens above the floor [m].'),
    pitchDownRad: z
      .number()
      .min(-Math.PI / 2)
      .max(Math.PI / 2)
      .default(0),
  }),
});

const batterySchema = z.strictObject({
  ...sensor('/battery_state', 10),
  emptyV: z.number().positive().optional().describe('With fullV: state of charge by voltage where the message has none.'),
  fullV: z.number().positive().optional(),
});

const commandSchema = z.strictObject({
  topic: rosName.default('/cmd_vel'),
  type: z.enum(['twist', 'twist_stamped']).default('twist').describe('Since ROS 2 Kilted most controllers want twist_stamped.'),
  qos: qosSchema('reliable', 'volatile', 1),
});

const output = (topic: string, periodSec: number) => ({
  topic: rosName.default(topic),
  periodSec: seconds.default(periodSec),
});

const outputsSchema = z.strictObject({
  map: z
    .strictObject({ ...output('/map', 1), qos: qosSchema('reliable', 'transient_local', 1) })
    .nullable()
    .prefault({}),
  tf: z.boolean().default(true).describe('Publishes map→odom on /tf. Switch it off where another node does (AMCL, slam_toolbox).'),
  pose: z.strictObject(output('/outrider/pose', 0.2)).nullable().prefault({}),
  objects: z.strictObject(output('/outrider/objects', 1)).nullable().prefault({}).describe('visualization_msgs/MarkerArray.'),
});

export const ros2Schema = z
  .strictObject({
    node: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
      .default('outrider')
      .describe('Name of the node.'),
    namespace: z
      .union([z.literal(''), rosName])
      .default('')
      .describe('Prefix of all relative names.'),
    useSimTime: z.boolean().default(false).describe('The rover lives by /clock.'),
    frames: z.strictObject({ map: frameId.default('map'), odom: frameId.default('odom'), base: frameId.default('base_link') }).prefault({}),
    scan: z.strictObject({ ...sensor('/scan', 0.5), mount: mountSchema.prefault({}) }).prefault({}),
    odometry: z.strictObject(sensor('/odom', 0.5)).prefault({}),
    image: imageSchema.nullable().default(null),
    battery: batterySchema.nullable().prefault({}),
    command: commandSchema.prefault({}),
    maxSpeedMPerSec: z.number().positive().max(20).default(2).describe('Odometry that jumps faster than this was reset, not driven.'),
    nav2: z
      .strictObject({ action: rosName.default('navigate_to_pose') })
      .nullable()
      .default(null)
      .describe('Nav2 drives to the goals that Outrider chooses; /cmd_vel stays untouched.'),
    outputs: outputsSchema.prefault({}),
  })
  .refine(({ battery }) => battery === null || (battery.emptyV === undefined) === (battery.fullV === undefined), {
    path: ['battery'],
    message: 'emptyV and fullV go together',
  });

export type Ros2Config = z.infer<typeof ros2Schema>;
export type RosQos = Ros2Config['scan']['qos'];
