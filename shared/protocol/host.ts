// Between the manager and the edge hosts: what a host has and runs (retained), and what it is told to do.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';
import { termSchema } from './manager.ts';
import { moduleReferenceSchema, startedSchema, startSchema } from './offload.ts';
import { traceparentSchema } from './trace-context.ts';

const addressesSchema = z.array(z.string().min(1).max(256)).min(1).max(4);
const epochSchema = z.number().int().nonnegative();
const bytesSchema = z.number().int().nonnegative();
const hexKeySchema = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits');

/** One instance that a host runs, complete enough for a new manager to take over from. */
export const hostedInstanceSchema = z.strictObject({
  instance: idSchema,
  module: moduleReferenceSchema,
  mission: idSchema,
  rover: idSchema.nullable().describe('Whose instance it is; null for a shared one.'),
  requestedBy: idSchema.nullable().describe('The rover that brings it; null where a manager restarted it.'),
  tenant: idSchema,
  epoch: epochSchema,
  state: z
    .enum(['reserved', 'preparing', 'embryo', 'running', 'retired', 'failed'])
    .describe(
      '`reserved`: its rover has not come yet. `embryo`: waits for its state. `retired`: its state went elsewhere. `failed`: trap, deadline or limit.',
    ),
  addresses: z.array(z.string().min(1).max(256)).max(4),
  memoryMaxBytes: bytesSchema,
  calls: z.number().int().nonnegative(),
  connected: z.number().int().nonnegative().describe('Fixed ends that are connected now.'),
});

export const hostStatus = defineMessage({
  name: 'host status',
  description:
    'An edge host says what it has and what it runs, every second and on each change; its last will says that it is lost. Retained.',
  topic: 'outrider/{site}/host/{host}/status',
  retain: true,
  qos: 1,
  maxBytes: 512 * 1024,
  schema: z.discriminatedUnion('status', [
    z.strictObject({
      status: z.enum(['online', 'draining']),
      host: idSchema,
      session: idSchema.describe('New with each start of the process, and greater than the ones before.'),
      managerTerm: termSchema.describe('Of the newest manager that the host knows; commands of older ones are refused.'),
      stampSec: z.number(),
      cores: z.number().int().positive(),
      loadFraction: z.number().nonnegative().describe('Busy share of all cores; above 1 work is waiting.'),
      memoryTotalBytes: bytesSchema.describe('What the host gives to modules.'),
      memoryFreeBytes: bytesSchema.describe('Not yet promised to an instance.'),
      instancesMax: z.number().int().positive(),
      accelerator: z.string().max(100).nullable(),
      hostInterfaces: z.array(idSchema).max(64).describe('Host functions that the site grants to modules here.'),
      tenants: z.array(idSchema).min(1).max(64).optional().describe('Fleets whose modules alone run here; absent: any.'),
      addresses: addressesSchema.describe('Of the Remote Offload Handler.'),
      bundles: z.array(hexKeySchema).max(256).describe('Digests of bundles that are ready here.'),
      instances: z.array(hostedInstanceSchema).max(1024),
    }),
    z.strictObject({ status: z.enum(['offline', 'lost']), host: idSchema, session: idSchema }),
  ]),
});

const command = {
  id: idSchema,
  replyTo: idSchema.describe('Place of the reply topic.'),
  term: termSchema.describe('Of the manager that commands; 0 where there is no other manager.'),
};
const placed = {
  instance: idSchema,
  epoch: epochSchema,
  module: moduleReferenceSchema,
  mission: idSchema,
  rover: idSchema.nullable(),
  requestedBy: idSchema.nullable(),
  tenant: idSchema,
  memoryMaxBytes: bytesSchema,
  key: hexKeySchema.describe('Secret of the instance: tokens of its users are made and checked with it.'),
};

export const hostCommand = defineMessage({
  name: 'host command',
  description: 'The manager tells a host to reserve a place, to restart a shared instance from its checkpoint, or to stop one.',
  topic: 'outrider/{site}/host/{host}/command',
  retain: false,
  qos: 1,
  schema: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('reserve'),
      ...command,
      ...placed,
      ticket: z.string().min(1).max(256),
      validSec: z.number().positive().describe('The reservation lapses when the rover does not come by then [s].'),
      start: startSchema,
      traceparent: traceparentSchema,
    }),
    z.strictObject({ kind: z.literal('restart'), ...command, ...placed, traceparent: traceparentSchema }),
    z.strictObject({
      kind: z.literal('stop'),
      ...command,
      instance: idSchema,
      epoch: epochSchema.describe('Only this incarnation.'),
      checkpoint: z
        .enum(['store', 'leave', 'discard'])
        .describe(
          '`store`: freeze into the store first, so that another host can go on; `leave`: the store belongs to a newer incarnation.',
        ),
    }),
    z.strictObject({ kind: z.literal('drain'), ...command, draining: z.boolean() }),
  ]),
});

export const hostReply = defineMessage({
  name: 'host reply',
  description: 'A host answers a command of the manager.',
  topic: 'outrider/{site}/host/{host}/reply/{inbox}',
  retain: false,
  qos: 1,
  schema: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('reserved'), id: idSchema, addresses: addressesSchema, started: startedSchema }),
    z.strictObject({ kind: z.literal('running'), id: idSchema, addresses: addressesSchema }),
    z.strictObject({ kind: z.literal('done'), id: idSchema }),
    z.strictObject({ kind: z.literal('refused'), id: idSchema, code: z.string().max(64), reason: z.string().max(500) }),
  ]),
});

export type HostedInstance = z.infer<typeof hostedInstanceSchema>;
export type HostStatus = z.infer<typeof hostStatus.schema>;
export type HostPresent = Extract<HostStatus, { status: 'online' | 'draining' }>;
export type HostCommand = z.infer<typeof hostCommand.schema>;
export type HostReply = z.infer<typeof hostReply.schema>;

/** Whether the host is there (a discriminant with two literals does not narrow by itself). */
export function isHostPresent(status: HostStatus): status is HostPresent {
  return status.status === 'online' || status.status === 'draining';
}
