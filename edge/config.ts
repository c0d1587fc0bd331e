// Configuration of a live edge site: checked at start, with every problem listed; plain data after.
import { z } from 'zod';
import { OutriderError } from '../shared/errors.ts';
import { checkConfig } from '../shared/config/load-yaml.ts';
import { type ProcessLimits, processLimitsSchema } from '../shared/process-limits/process-limits.ts';
import { idSchema } from '../shared/protocol/message.ts';
import { DEFAULT_GRANTS } from './host/host-functions/registry.ts';
import { LEAF_DAYS } from './security/authority.ts';
import { inferenceConfigSchema } from './host/inference-config.ts';

const port = z.number().int().min(0).max(65_535);

const quotaSchema = z.strictObject({
  maxInstances: z.number().int().positive(),
  maxMemoryBytes: z.number().int().positive(),
});

const tenantHostSchema = z.strictObject({
  hosts: z.number().int().min(1).max(16).default(1).describe('Processes for this fleet alone, called <hostPrefix>-<fleet>-1 and so on.'),
  memoryBytes: z.number().int().positive().optional().describe('What its modules get together [bytes]; default: as `host` says.'),
  instancesMax: z.number().int().min(1).max(1024).optional(),
  limits: processLimitsSchema.optional().describe('Default: as `host` says.'),
});

const roverSchema = z.strictObject({
  rover: idSchema,
  tenant: idSchema.default('default'),
  credentialSha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits: the SHA-256 of the credential'),
});

export const siteConfigSchema = z.strictObject({
  site: idSchema.default('site'),
  /** Interface that everything listens on. Other than loopback asks for `security`, or for `insecure`. */
  listen: z.string().default('127.0.0.1'),
  /** What others are told to connect to; default: `listen`, or this machine's loopback address where that is all interfaces. */
  advertise: z.string().nullable().default(null),
  /** TLS, certificates and enrolment by the folder that `outrider site init` made. */
  security: z
    .strictObject({
      folder: z.string(),
      memberDays: z
        .number()
        .positive()
        .max(LEAF_DAYS)
        .default(LEAF_DAYS)
        .describe('How long certificates of members hold; they renew them.'),
      requireSigned: z.boolean().default(false).describe('Hosts run only bundles that the site’s key has signed.'),
    })
    .nullable()
    .default(null),
  /** Listen outside loopback without TLS and authentication: for networks that everybody on is trusted. */
  insecure: z.boolean().default(false),
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
  /** `nats://host:4222,…`: checkpoints and bundles in the object store of a NATS JetStream cluster, so that any machine can take over. */
  checkpoints: z
    .string()
    .regex(/^nats:\/\/[^,\s]+(\s*,\s*nats:\/\/[^,\s]+)*$/, 'nats://host:port, several separated by commas')
    .nullable()
    .default(null),
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
      tenants: z.array(idSchema).min(1).max(64).optional().describe('Fleets whose modules alone run in these host processes.'),
      limits: processLimitsSchema.optional().describe('Of each host process, by the operating system.'),
      dataOverBroker: z.boolean().default(true).describe('Rovers that reach the broker but not the host’s ports use modules over MQTT.'),
      trustedKeys: z.array(z.string()).default([]).describe('PEM public keys; with any, only signed bundles run.'),
    })
    .prefault({}),
  tenantHosts: z.record(idSchema, tenantHostSchema).default({}).describe('Fleets with host processes of their own on this machine.'),
  rovers: z.array(roverSchema).nullable().default(null).describe('Known rovers, where there is no `security`; null trusts every rover.'),
  quotas: z.record(idSchema, quotaSchema).default({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
});

export type SiteConfig = z.infer<typeof siteConfigSchema>;
export type SiteConfigInput = z.input<typeof siteConfigSchema>;

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost', '[::1]']);

export const isLoopback = (address: string): boolean => LOOPBACK.has(address);

/** The host processes of this machine: any fleet's first, then those of single fleets. Without `limits`, which the process itself does not see. */
export function plannedHosts({ hosts, hostPrefix, host, tenantHosts }: SiteConfig): readonly {
  readonly name: string;
  readonly settings: Omit<SiteConfig['host'], 'limits'>;
  readonly limits: ProcessLimits | undefined;
}[] {
  const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
  const { limits, ...settings } = host;
  const forAny = numbered(hostPrefix, hosts).map((name) => ({ name, settings, limits }));
  const forOne = Object.entries(tenantHosts).flatMap(([tenant, own]) => {
    const { memoryBytes = settings.memoryBytes, instancesMax = settings.instancesMax } = own;
    const kept = { ...settings, memoryBytes, instancesMax, tenants: [tenant] };
    return numbered(`${hostPrefix}-${tenant}`, own.hosts).map((name) => ({ name, settings: kept, limits: own.limits ?? limits }));
  });
  return [...forAny, ...forOne];
}

const siteSchema = siteConfigSchema.superRefine((config, context) => {
  for (const { name } of plannedHosts(config)) {
    if (!idSchema.safeParse(name).success)
      context.addIssue({ code: 'custom', path: ['tenantHosts'], message: `a host would be called ${name}: at most 64 characters` });
  }
  if (!config.manager && config.broker === null && plannedHosts(config).length > 0) {
    context.addIssue({
      code: 'custom',
      path: ['broker'],
      message: 'hosts without a manager here join a site: say which broker it has (mqtt://…)',
    });
  }
});

/** What would be open outside loopback, as the problem says it; null: nothing. */
function openTo({ listen, broker, security, insecure }: Pick<SiteConfig, 'listen' | 'broker' | 'security' | 'insecure'>): string | null {
  if (insecure) return null;
  if (!isLoopback(listen) && security === null) return `listening on ${listen} needs TLS and authentication`;
  if (broker === null || isLoopback(new URL(broker).hostname)) return null;
  return /^(mqtts|wss):/.test(broker) ? null : `${broker.replace(/\/\/[^@/]*@/, '//')} would be used without TLS`;
}

/** Checks a configuration; throws OUT_CONFIG_INVALID with every problem, OUT_SITE_INSECURE when something would be open outside loopback. */
export function defineSite(input: SiteConfigInput, source = 'site configuration'): SiteConfig {
  const config = checkConfig(input, source, siteSchema);
  const open = openTo(config);
  if (open !== null) throw new OutriderError('OUT_SITE_INSECURE', `${source}: ${open}`);
  return config;
}
