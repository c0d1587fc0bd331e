// What every rover's YAML says, whatever its body: who it is, which fleet it joins, where it starts, and when its detector moves.
import { z } from 'zod';
import { checkDetectorChoice, detectorChoiceFields } from '../shared/inference/detector-choice.ts';
import { idSchema } from '../shared/protocol/message.ts';
import type { MembershipOptions } from './rover-membership.ts';

/** When Object Detection leaves for the edge and comes back; each pair is a hysteresis. */
const triggersSchema = z
  .strictObject({
    temperatureHighC: z.number().min(20).max(110).default(70),
    temperatureLowC: z.number().min(0).max(110).default(60),
    batteryLow: z.number().min(0).max(1).default(0.3),
    batteryOk: z.number().min(0).max(1).default(0.4),
    dwellSec: z.number().positive().default(8),
  })
  .refine((value) => value.temperatureLowC < value.temperatureHighC && value.batteryLow < value.batteryOk, {
    message: 'each low threshold must lie below its high one',
  });

/** To be spread into a body's own schema. */
export const roverFields = {
  id: idSchema.describe('Id of the rover in the fleet.'),
  site: idSchema.optional().describe('Default: as the identity says.'),
  mission: idSchema.default('search-and-rescue').describe('The mission that it joins.'),
  identity: z.string().min(1).max(500).optional().describe('Folder of the identity that `outrider site join` made.'),
  broker: z
    .url({ protocol: /^(mqtts?|wss?)$/ })
    .optional()
    .describe('Default: as the identity says; without one, mqtt://127.0.0.1:1883.'),
  insecure: z.boolean().default(false).describe('Use a broker elsewhere without TLS, on a network that everybody on is trusted.'),
  startPose: z
    .strictObject({ x: z.number(), y: z.number(), theta: z.number() })
    .prefault({ x: 0, y: 0, theta: 0 })
    .describe('In the common map frame [m, rad]: where the rover is put down.'),
  mapServer: z.strictObject({ placement: z.enum(['edge', 'onboard']).default('edge') }).prefault({}),
  detection: z
    .strictObject({
      ...detectorChoiceFields('classical'),
      placement: z.enum(['policy', 'edge', 'onboard']).default('policy'),
      periodSec: z.number().min(0.05).max(10).default(0.5),
      triggers: triggersSchema.prefault({}),
    })
    .superRefine(checkDetectorChoice)
    .prefault({}),
};

/** What a file says about its site; what the command line says goes before. */
export function membershipOf(file: z.infer<z.ZodObject<typeof roverFields>>): MembershipOptions {
  const { id, site, broker, identity, insecure } = file;
  return {
    id,
    insecure,
    ...(site === undefined ? {} : { site }),
    ...(broker === undefined ? {} : { broker }),
    ...(identity === undefined ? {} : { identity }),
  };
}
