// What a rover tells the fleet about itself.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

const poseSchema = z
  .strictObject({ x: z.number(), y: z.number(), theta: z.number() })
  .describe('Pose in the map frame: x, y [m], theta [rad].');

/** Where a module instance runs for this rover, as the dashboards show it. */
const modulePlacementSchema = z.strictObject({
  module: idSchema,
  placement: z.string().max(64).describe('`onboard`, the id of an edge host, or `moving`.'),
  epoch: z.number().int().nonnegative().describe('Counts the placements of this instance.'),
  calls: z.number().int().nonnegative().describe('Calls answered so far.'),
  latencyMs: z.number().nonnegative().nullable().describe('Median call latency over the last calls [ms]; null before the first.'),
  shared: z
    .strictObject({
      layers: z.number().int().nonnegative(),
      atHost: z.number().int().nonnegative().describe('Layers that the host runs now.'),
      plan: z.number().int().nonnegative().describe('Of the plans, so many are in force; 0: the first one is on its way.'),
      plans: z.number().int().nonnegative(),
      linkMbps: z.number().positive().describe('Bandwidth of the link as measured [Mbit/s].'),
    })
    .optional()
    .describe('A network whose layers are shared with the host while its weights go up; absent: the module is in one place.'),
  modelled: z.boolean().describe('True where a device model, not a measurement, dominates the latency.'),
});

export const roverPresence = defineMessage({
  name: 'rover presence',
  description: 'A rover says that it is there; its last will says that it is gone. Retained.',
  topic: 'outrider/{site}/rover/{rover}/presence',
  retain: true,
  qos: 1,
  schema: z.strictObject({ rover: idSchema, status: z.enum(['online', 'offline', 'lost']), mission: idSchema.nullable() }),
});

export const roverState = defineMessage({
  name: 'rover state',
  description: 'Telemetry of a rover, several times a second. Retained, so that a late dashboard shows every rover at once.',
  topic: 'outrider/{site}/rover/{rover}/state',
  retain: true,
  qos: 0,
  schema: z.strictObject({
    rover: idSchema,
    stampSec: z.number().describe('Clock time of the rover [s since mission start].'),
    located: z
      .boolean()
      .default(true)
      .describe('False while the rover does not know where its own map lies in the common one: its pose and path are in its own frame.'),
    pose: poseSchema,
    linearMPerSec: z.number(),
    angularRadPerSec: z.number(),
    activity: z.enum(['idle', 'starting', 'exploring', 'inspecting', 'recovering', 'waiting', 'returning', 'done', 'stopped']),
    batteryFraction: z.number().min(0).max(1).nullable(),
    temperatureC: z.number().nullable(),
    cpuFraction: z.number().min(0).max(1).nullable(),
    powerW: z.number().nonnegative().nullable(),
    distanceM: z.number().nonnegative().describe('Way driven so far [m].'),
    path: z
      .array(z.tuple([z.number(), z.number()]))
      .max(64)
      .describe('The planned way ahead, map frame [m], thinned.'),
    modules: z.array(modulePlacementSchema).max(16),
    faults: z.array(z.string().max(200)).max(16).describe('Sensors or links that are missing now, in plain words.'),
  }),
});

export const roverGoal = defineMessage({
  name: 'rover goal',
  description: 'The place that a rover is heading for, so that no two go to the same. Retained; `goal: null` gives it up.',
  topic: 'outrider/{site}/rover/{rover}/goal',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    rover: idSchema,
    stampSec: z.number(),
    goal: z
      .strictObject({ x: z.number(), y: z.number(), radiusM: z.number().nonnegative(), pathLengthM: z.number().nonnegative() })
      .nullable(),
  }),
});

export type RoverPresence = z.infer<typeof roverPresence.schema>;
export type RoverState = z.infer<typeof roverState.schema>;
export type RoverGoal = z.infer<typeof roverGoal.schema>;
