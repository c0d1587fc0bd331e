// Steps 2 to 4 of the offload sequence between a rover's Offload Handler and the site's Offload Manager.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';
import { traceparentSchema } from './trace-context.ts';

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'a digest is 64 lower-case hex digits');
const addressSchema = z.string().min(1).max(256);
const addressesSchema = z.array(addressSchema).min(1).max(4).describe('Data-plane addresses, the best way first.');
const tokenSchema = z.string().min(1).max(256);
const epochSchema = z.number().int().nonnegative();

export const startSchema = z
  .boolean()
  .optional()
  .describe('A host that has the bundle loaded starts the instance with its place; absent: the rover comes for it first.');
export const startedSchema = addressesSchema
  .optional()
  .describe('Of the instance, where it was started at once: nothing is to be transferred.');

/** Which module, as the manager and the hosts need to know it. */
export const moduleReferenceSchema = z.strictObject({
  name: idSchema,
  version: z.string().max(64),
  digest: digestSchema.describe('SHA-256 of the bundle.'),
  sharing: z.enum(['shared', 'per-rover']),
});

export const moduleNeedsSchema = z.strictObject({
  memoryBytes: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 32)
    .describe('Upper bound of the guest’s memory.'),
  accelerator: z.boolean().describe('Whether it needs an accelerator for inference.'),
  hostInterfaces: z.array(idSchema).max(32).describe('Host functions that it imports.'),
  maxLatencyMs: z.number().positive().nullable().describe('Hosts that are farther away than this are no use.'),
});

const common = {
  id: idSchema.describe('Correlates the reply; a repeated id is the same request.'),
  rover: idSchema,
  credential: z.string().max(256).nullable().describe('What the site knows the rover by, where the broker does not prove it.'),
};

export const offloadRequest = defineMessage({
  name: 'offload request',
  description: 'A rover asks the Offload Manager for a place, takes an offer, asks where an instance is now, or gives it back.',
  topic: 'outrider/{site}/offload/request/{rover}',
  retain: false,
  qos: 1,
  schema: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('negotiate'),
      ...common,
      mission: idSchema,
      module: moduleReferenceSchema,
      needs: moduleNeedsSchema,
      epoch: epochSchema.describe('The epoch that the new instance is to run under.'),
      reason: z.string().max(200),
      preferHost: idSchema.nullable(),
      excludeHost: idSchema.nullable(),
      traceparent: traceparentSchema,
    }),
    z.strictObject({
      kind: z.literal('accept'),
      ...common,
      offer: idSchema,
      start: startSchema,
      traceparent: traceparentSchema,
    }),
    z.strictObject({ kind: z.literal('locate'), ...common, instance: idSchema }),
    z.strictObject({ kind: z.literal('release'), ...common, instance: idSchema, host: idSchema, epoch: epochSchema }),
  ]),
});

export const offerSchema = z.strictObject({
  offer: idSchema,
  host: idSchema,
  load: z.number().nonnegative().describe('Price of the place: busy share of the host with what it has promised, 0 is idle.'),
  warm: z.boolean().describe('The host has the bundle: nothing needs to be sent.'),
  accelerator: z.boolean(),
  validSec: z.number().positive().describe('How long the offer stands [s].'),
});

/** A running instance and the right to use it. */
export const grantSchema = z.strictObject({
  instance: idSchema,
  host: idSchema,
  epoch: epochSchema,
  addresses: addressesSchema,
  token: tokenSchema.describe('Proves to the instance that this rover may use it.'),
});

export const offloadReply = defineMessage({
  name: 'offload reply',
  description: 'The Offload Manager answers a rover’s offload request.',
  topic: 'outrider/{site}/offload/reply/{rover}',
  retain: false,
  qos: 1,
  schema: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('offers'), id: idSchema, offers: z.array(offerSchema).min(1).max(8) }),
    z.strictObject({ kind: z.literal('redirect'), id: idSchema, grant: grantSchema }),
    z.strictObject({
      kind: z.literal('wait'),
      id: idSchema,
      retrySec: z.number().positive().describe('Another rover is bringing this shared module just now: ask again then.'),
    }),
    z.strictObject({
      kind: z.literal('reserved'),
      id: idSchema,
      instance: idSchema,
      host: idSchema,
      epoch: epochSchema,
      addresses: addressesSchema.describe('Of the host’s Remote Offload Handler.'),
      ticket: tokenSchema.describe('Opens the transfer; good once.'),
      token: tokenSchema.describe('For the instance that will run.'),
      started: startedSchema,
    }),
    z.strictObject({ kind: z.literal('located'), id: idSchema, grant: grantSchema.nullable() }),
    z.strictObject({ kind: z.literal('released'), id: idSchema }),
    z.strictObject({ kind: z.literal('refused'), id: idSchema, code: z.string().max(64), reason: z.string().max(500) }),
  ]),
});

export const offloadAdvice = defineMessage({
  name: 'offload advice',
  description:
    'The Offload Manager advises a rover to move its instance to another host: its host is being drained, or is busier than others.',
  topic: 'outrider/{site}/offload/advice/{rover}',
  retain: false,
  qos: 1,
  schema: z.strictObject({
    instance: idSchema,
    epoch: epochSchema.describe('Advice about another incarnation is out of date.'),
    leaveHost: idSchema,
    preferHost: idSchema.nullable(),
    reason: z.string().max(200),
  }),
});

export type OffloadAdvice = z.infer<typeof offloadAdvice.schema>;
export type ModuleReference = z.infer<typeof moduleReferenceSchema>;
export type ModuleNeeds = z.infer<typeof moduleNeedsSchema>;
export type OffloadRequest = z.infer<typeof offloadRequest.schema>;
export type OffloadReply = z.infer<typeof offloadReply.schema>;
export type Offer = z.infer<typeof offerSchema>;
export type Grant = z.infer<typeof grantSchema>;
