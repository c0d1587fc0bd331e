// Configuration of a live edge site: checked at start, with every problem listed; plain data after.
import { z } from 'zod';
import { checkConfig } from '../shared/config/load-yaml.ts';
import { idSchema } from '../shared/protocol/message.ts';
import { DEFAULT_GRANTS } from './host/host-functions/registry.ts';
import { inferenceConfigSchema } from './host/inference-config.ts';

const port = z.number().int().min(0).max(65_535);

const quotaSchema = z.strictObject({
  maxInstances: z.number().int().positive(),
  maxMemoryBytes: z.number().int().positive(),
});

const roverSchema = z.strictObject({
  rover: idSchema,
  tenant: idSchema.default('default'),
  credentialSha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits: the SHA-256 of the credential'),
});

export const siteConfigSchema = z.strictObject({
  site: idSchema.default('site'),
  /** Interface that everything listens on. Other than loopback asks for `rovers`. */
  listen: z.string().default('127.0.0.1'),
  gatewayPort: port.default(8080),
  /** Embedded broker's TCP port; ignored with `broker`. */
  mqttPort: port.default(1883),
  /** `mqtt://…` or `mqtts://…`: use this broker in place of the embedded one. */
  broker: z
    .string()
    .regex(/^(mqtts?|wss?):\/\//, 'mqtt://host:port, mqtts://host:port, ws://… or wss://…')
    .nullable()
    .default(null),
  brokerCredentials: z.strictObject({ username: z.string(), password: z.string() }).nullable().default(null),
  /** Takes part in the election of the site's Offload Manager: one acts, others stand by. Without it: broker and hosts only. */
  manager: z.boolean().default(true),
  hosts: z.number().int().min(0).max(64).default(2),
  /** Hosts are called `<hostPrefix>-1` and so on: different on each machine of a site. */
  hostPrefix: idSchema.default('edge'),
  /** Folder of bundles, checkpoints and the site key. */
  data: z.string().default('out/site'),
  host: z
    .strictObject({
      memoryBytes: z
        .number()
        .int()
        .positive()
        .default(1024 ** 3),
      instancesMax: z.number().int().min(1).max(1024).default(128),
      spareWorkers: z.number().int().min(0).max(32).default(2),
      callDeadlineMs: z.number().positive().default(5000),
      effectsPerSec: z.number().positive().default(500),
      grants: z.array(idSchema).default([...DEFAULT_GRANTS]),
      inference: inferenceConfigSchema,
      trustedKeys: z.array(z.string()).default([]).describe('PEM public keys; with any, only signed bundles run.'),
    })
    .prefault({}),
  rovers: z.array(roverSchema).nullable().default(null).describe('Known rovers; null trusts every rover (loopback only).'),
  quotas: z.record(idSchema, quotaSchema).default({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
});

export type SiteConfig = z.infer<typeof siteConfigSchema>;
export type SiteConfigInput = z.input<typeof siteConfigSchema>;

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

const safeSchema = siteConfigSchema.superRefine((config, context) => {
  if (!LOOPBACK.has(config.listen) && config.rovers === null) {
    context.addIssue({
      code: 'custom',
      path: ['rovers'],
      message: `listening on ${config.listen} needs the list of known rovers with their credentials`,
    });
  }
  if (!config.manager && config.broker === null && config.hosts > 0) {
    context.addIssue({
      code: 'custom',
      path: ['broker'],
      message: 'hosts without a manager here join a site: say which broker it has (mqtt://…)',
    });
  }
});

/** Checks a configuration; throws OUT_CONFIG_INVALID with every problem. */
export function defineSite(input: SiteConfigInput, source = 'site configuration'): SiteConfig {
  return checkConfig(input, source, safeSchema);
}
