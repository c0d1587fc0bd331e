// The life of a mission as its coordinator announces it.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

export const missionStatus = defineMessage({
  name: 'mission status',
  description: 'Phase and progress of a mission. Retained.',
  topic: 'outrider/{site}/mission/{mission}/status',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    mission: idSchema,
    title: z.string().max(200),
    phase: z.enum(['preparing', 'running', 'paused', 'completed', 'failed', 'cancelled']),
    stampSec: z.number(),
    elapsedSec: z.number().nonnegative(),
    rovers: z.array(idSchema).max(256),
    exploredM2: z.number().nonnegative(),
    hazardsConfirmed: z.number().int().nonnegative(),
    speed: z.number().positive().describe('Mission seconds per wall second; 1 on real rovers.'),
    bounds: z
      .strictObject({ minX: z.number(), minY: z.number(), maxX: z.number(), maxY: z.number() })
      .nullable()
      .describe('The search area where it is known [m].'),
  }),
});

export const missionCommand = defineMessage({
  name: 'mission command',
  description: 'An operator stops or pauses a mission.',
  topic: 'outrider/{site}/mission/{mission}/command',
  retain: false,
  qos: 1,
  schema: z.strictObject({ command: z.enum(['pause', 'resume', 'cancel']) }),
});

/** Something worth telling people: a module moved, a hazard was confirmed, a host was lost. */
export const missionEvent = defineMessage({
  name: 'mission event',
  description: 'A line of the mission log for people and dashboards. Not retained.',
  topic: 'outrider/{site}/mission/{mission}/event',
  retain: false,
  qos: 1,
  schema: z.strictObject({
    stampSec: z.number(),
    kind: z.enum(['offload', 'recall', 'handoff', 'redirect', 'failover', 'hazard', 'rover', 'edge', 'broker', 'mission']),
    rover: idSchema.nullable(),
    text: z.string().max(300),
  }),
});

export type MissionStatus = z.infer<typeof missionStatus.schema>;
export type MissionCommand = z.infer<typeof missionCommand.schema>;
export type MissionEvent = z.infer<typeof missionEvent.schema>;
