// `outrider doctor`: what is missing on this machine for the rover that its YAML describes, and what to do about it.
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { z } from 'zod';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { limitMeans } from '../../shared/process-limits/limit-means.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { filterOf } from '../../shared/protocol/message.ts';
import { freenoveSchema } from '../freenove-4wd/config.ts';
import { SystemFiles } from '../linux/system-files.ts';
import { type Finding, type Machine, type Needs, NOTHING_NEEDED } from './check.ts';
import { examine, isHealthy } from './doctor.ts';
import { examineIdentity } from './identity-checks.ts';

export interface DoctorOptions {
  readonly config?: string;
  readonly broker?: string;
  readonly site?: string;
  /** Folder of an enrolled identity: only this and its site are looked at, unless a rover's file is given, too. */
  readonly identity?: string;
  /** Root of the file tree to look at; for images that are mounted elsewhere, and for tests. */
  readonly root?: string;
  readonly json?: boolean;
}

/** What the rover's file says about its machine; the rest of it is the agent's to check. */
const needsSchema = z.looseObject({
  body: z.enum(['freenove-4wd', 'ros2']),
  site: z.string().default('site'),
  broker: z.string().default('mqtt://127.0.0.1:1883'),
  freenove: freenoveSchema.optional(),
  watchdog: z.unknown().optional(),
  lidar: z.looseObject({ port: z.string() }).nullish(),
  camera: z.looseObject({}).nullish(),
});

/** True when nothing that is needed is missing. Throws coded errors for a bad file. */
export async function runDoctor(options: DoctorOptions): Promise<boolean> {
  const { config, identity } = options;
  const ofMachine =
    identity !== undefined && config === undefined ? [] : await examine(thisMachine(options.root ?? '/'), await needsOf(options));
  const findings = [...ofMachine, ...(identity === undefined ? [] : await examineIdentity(identity))];
  const healthy = isHealthy(findings);
  if (options.json === true) console.log(JSON.stringify({ healthy, findings }));
  else console.log(findings.map(lineOf).join('\n'));
  return healthy;
}

export async function needsOf({ config, broker, site }: DoctorOptions): Promise<Needs> {
  const given = { ...(broker === undefined ? {} : { broker }), ...(site === undefined ? {} : { site }) };
  if (config === undefined) return { ...NOTHING_NEEDED, ...given };
  const file = await loadYaml(config, needsSchema);
  const car = file.body === 'freenove-4wd' ? freenoveSchema.parse(file.freenove ?? {}) : null;
  return {
    body: file.body,
    i2cBus: car?.i2cBus ?? null,
    gpio: car !== null && (car.sonar !== null || car.lineSensors !== null || car.buzzerLine !== null),
    serialPort: car === null ? null : (file.lidar?.port ?? null),
    watchdog: car !== null && file.watchdog !== null,
    camera: file.camera !== null && file.camera !== undefined,
    broker: file.broker,
    site: file.site,
    ...given,
  };
}

const MARKS = { ok: 'ok     ', missing: 'MISSING', 'not-applicable': '-      ' } as const;

function lineOf({ name, state, code, detail, remedy, needed }: Finding): string {
  const mark = state === 'missing' && !needed ? 'missing' : MARKS[state];
  return `${mark}  ${name.padEnd(24)} ${code === undefined ? '' : `${code}: `}${detail}${remedy === undefined ? '' : `\n${' '.repeat(34)}${remedy}`}`;
}

function thisMachine(root: string): Machine {
  return {
    files: new SystemFiles(root),
    nodeVersion: process.version,
    environment: process.env,
    user: userInfo().username,
    groupIds: process.getgroups?.() ?? [],
    limitMeans: limitMeans(root),
    loadPackage,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(process.cwd());
      return bavail * bsize;
    },
    askSite,
  };
}

/** Packages with native parts are loaded for real, except rclnodejs, whose import has effects beyond this process. */
async function loadPackage(name: string): Promise<string | null> {
  try {
    const path = createRequire(import.meta.url).resolve(name);
    if (name !== 'rclnodejs') await import(path);
    return null;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return code === 'MODULE_NOT_FOUND' ? 'it is not installed' : `it does not load: ${message.split('\n')[0]}`;
  }
}

/** Retained messages come at once; hosts say something every second. */
const LISTEN_MS = 1500;

async function askSite(broker: string, site: string): ReturnType<Machine['askSite']> {
  try {
    const bus = await connectMqttBus({ url: broker, clientId: `doctor-${process.pid}`, connectTimeoutSec: 4 });
    const hosts = new Set<string>();
    await bus.subscribe(filterOf(hostStatus, { site }), ({ topic, payload }) => {
      if (payload.byteLength > 0) hosts.add(topic.split('/')[3] ?? topic);
    });
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    await bus.close();
    return { connected: true, hosts: [...hosts].toSorted(), reason: '' };
  } catch (error) {
    return { connected: false, hosts: [], reason: isOutriderError(error) ? error.message : String(error) };
  }
}
