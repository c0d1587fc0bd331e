// What an operator writes down about a mission: the `mission:` section of a mission file, checked with every problem listed.
import { z } from 'zod';
import { checkDetectorChoice, detectorChoiceFields } from '../shared/inference/detector-choice.ts';
import { idSchema } from '../shared/protocol/message.ts';

const seconds = z.number().positive();

/** When a rover's Object Detection leaves for the edge and when it comes back; each pair is a hysteresis. */
const detectionTriggersSchema = z
  .strictObject({
    temperatureHighC: z.number().min(20).max(110).default(62).describe('Offload at or above [°C].'),
    temperatureLowC: z.number().min(0).max(110).default(54).describe('Recall at or below [°C].'),
    batteryLow: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('Offload at or below this state of charge; there is no recall before batteryOk.'),
    batteryOk: z.number().min(0).max(1).default(0.4).describe('Recall only at or above this state of charge.'),
    dwellSec: seconds.default(8).describe('Least time between two moves [s].'),
  })
  .refine((value) => value.temperatureLowC < value.temperatureHighC, {
    path: ['temperatureLowC'],
    message: 'must lie below temperatureHighC',
  })
  .refine((value) => value.batteryLow < value.batteryOk, { path: ['batteryLow'], message: 'must lie below batteryOk' });

export const missionSchema = z.strictObject({
  id: idSchema,
  title: z.string().min(1).max(200),
  timeLimitSec: seconds.max(86_400).default(900).describe('The mission fails when it takes longer [mission seconds].'),
  speed: z.number().positive().max(20).default(1).describe('Mission seconds per wall second in a live simulation.'),
  startPoses: z
    .enum(['all', 'first'])
    .default('all')
    .describe('Which rovers know where they start in the common frame; the others are placed by the Map Server, from their maps.'),
  mapServer: z.strictObject({ placement: z.enum(['edge', 'onboard']).default('edge') }).prefault({}),
  detection: z
    .strictObject({
      ...detectorChoiceFields('network'),
      placement: z.enum(['policy', 'edge', 'onboard']).default('policy'),
      periodSec: z.number().min(0.05).max(10).default(0.5).describe('Time between two camera frames given to the detector [s].'),
      triggers: detectionTriggersSchema.prefault({}),
    })
    .superRefine(checkDetectorChoice)
    .prefault({}),
});

export type MissionDefinition = z.infer<typeof missionSchema>;
