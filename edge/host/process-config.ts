// What a host process is told when it starts (over the channel to its parent, or from a file on another machine).
import { z } from 'zod';
import { idSchema } from '../../shared/protocol/message.ts';
import { inferenceConfigSchema } from './inference-config.ts';

export const hostProcessSchema = z.strictObject({
  site: idSchema,
  host: idSchema,
  brokerUrl: z.string(),
  username: z.string().nullable(),
  password: z.string().nullable(),
  /** Folder with `bundles/` and `checkpoints/`, shared by the hosts of a machine. */
  data: z.string(),
  /** PEM texts: for the broker, the data plane and the REST API; null on loopback. */
  tls: z.strictObject({ ca: z.string(), cert: z.string(), key: z.string() }).nullable(),
  /** `nats://…` of a cluster that keeps checkpoints and bundles; null: the folder does. */
  checkpoints: z.string().nullable(),
  dataOverBroker: z.boolean(),
  tenants: z.array(idSchema).optional(),
  bindHost: z.string(),
  advertisedHost: z.string(),
  memoryBytes: z.number().int().positive(),
  instancesMax: z.number().int().positive(),
  spareWorkers: z.number().int().nonnegative(),
  callDeadlineMs: z.number().positive(),
  effectsPerSec: z.number().positive(),
  grants: z.array(idSchema),
  inference: inferenceConfigSchema,
  trustedKeys: z.array(z.string()),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
});

export type HostProcessConfig = z.infer<typeof hostProcessSchema>;

export type ToHostProcess =
  | { readonly type: 'start'; readonly config: HostProcessConfig }
  | { readonly type: 'certificate'; readonly cert: string }
  | { readonly type: 'stop' };
export type FromHostProcess =
  | { readonly type: 'up' }
  | { readonly type: 'running'; readonly rest: string }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
