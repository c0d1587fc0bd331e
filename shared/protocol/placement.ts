// Where each module instance of a site runs: retained, so that dashboards, hosts and a new manager know at once.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';
import { moduleReferenceSchema } from './offload.ts';

export const placement = defineMessage({
  name: 'placement',
  description:
    'The manager’s record of one instance. Retained; deleted when the instance is gone. A host that runs it under a lower epoch stops it.',
  topic: 'outrider/{site}/placement/{instance}',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    instance: idSchema,
    module: moduleReferenceSchema,
    mission: idSchema,
    rover: idSchema.nullable().describe('Whose instance it is; null for a shared one.'),
    tenant: idSchema,
    status: z.enum(['running', 'restarting']).describe('`restarting`: its host was lost, and it waits for another one.'),
    host: idSchema.nullable(),
    epoch: z.number().int().nonnegative(),
    addresses: z.array(z.string().min(1).max(256)).max(4),
    memoryMaxBytes: z.number().int().nonnegative(),
    needsAccelerator: z.boolean(),
    hostInterfaces: z.array(idSchema).max(32),
    stampSec: z.number(),
  }),
});

export type PlacementRecord = z.infer<typeof placement.schema>;
