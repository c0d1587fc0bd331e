// `outrider sim` and `outrider robot --sim`: reads the mission file and runs it, headless or live.
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { missionSchema } from '../missions/definition.ts';
import { writeOutputs } from '../missions/outputs.ts';
import type { MissionReport } from '../missions/report.ts';
import { runsSummary, summary } from '../missions/report-summary.ts';
import type { RoverBundles } from '../robot/assemble-rover.ts';
import { loadYaml } from '../shared/config/load-yaml.ts';
import { readBuiltModule } from '../shared/elastic/built-modules.ts';
import { OutriderError } from '../shared/errors.ts';
import { roverMembership } from '../robot/rover-membership.ts';
import { configureLocalServices } from '../shared/services/local-services.ts';
import { runHeadless } from './headless/main.ts';
import { fleetSchema, type RangeSensor } from './scenario/fleet-schema.ts';
import { worldSchema } from './scenario/world-schema.ts';
import { loadTwin } from './vehicle/twin.ts';
import type { VehicleSpec } from './vehicle/vehicle-spec.ts';

export const missionFileSchema = z.strictObject({ mission: missionSchema, world: worldSchema, fleet: fleetSchema });

export type MissionFile = z.infer<typeof missionFileSchema>;

/** The mission that comes with Outrider, wherever it is installed. */
const DEFAULT_MISSION = fileURLToPath(
  new URL(`${import.meta.url.endsWith('.ts') ? '..' : '../..'}/missions/search-and-rescue.yaml`, import.meta.url),
);

export interface SimOptions {
  readonly headless?: boolean;
  readonly rovers?: number;
  readonly seed: number;
  readonly seeds?: string;
  readonly out?: string;
  readonly speed?: number;
  readonly port: number;
  readonly keep?: boolean;
  readonly unknownStarts?: boolean;
  /** What the rovers map and drive by; default: as the mission file says. */
  readonly sensor?: RangeSensor;
  /** YAML of a calibrated rover: the simulated ones are its twins. */
  readonly twin?: string;
  readonly json?: boolean;
  /** Headless: random sites of these seeds instead of a mission file. */
  readonly randomSites?: string;
  /** With random sites: every n-th is searched by one rover as well. */
  readonly aloneEvery?: number;
}

/** Rovers in random sites, unless it is said how many. */
const RANDOM_SITE_ROVERS = 4;

/** Runs the mission; true when every run was completed. Throws coded errors for a bad mission file. */
export async function runSim(given: string | undefined, options: SimOptions): Promise<boolean> {
  if (options.randomSites !== undefined) return searchRandomSites(given, options.randomSites, options);
  const missionPath = given ?? DEFAULT_MISSION;
  const loaded = await loadYaml(missionPath, missionFileSchema);
  const file: MissionFile = {
    world: loaded.world,
    mission: options.unknownStarts === true ? { ...loaded.mission, startPoses: 'first' } : loaded.mission,
    fleet: options.sensor === undefined ? loaded.fleet : fleetSchema.parse({ ...loaded.fleet, range: options.sensor }),
  };
  configureLocalServices({ inference: { models: file.mission.detection.models, threads: options.headless === true ? 1 : 0 } });
  const bundles = await loadBundles();
  if (options.headless !== true) {
    if (options.seeds !== undefined) throw new OutriderError('OUT_CLI_USAGE', '--seeds needs --headless: a live mission runs once');
    const { runLive } = await import('./live/main.ts');
    return runLive(file, bundles, { ...options, vehicle: await twinOf(options), scenario: basename(missionPath) });
  }
  const seeds = options.seeds === undefined ? [options.seed] : parseSeeds(options.seeds);
  const reports: MissionReport[] = [];
  for (const seed of seeds) reports.push(await runOneSeed(file, bundles, missionPath, seed, seeds.length > 1, options));
  if (reports.length > 1) say(runsSummary(reports));
  if (options.json === true) console.log(JSON.stringify(reports.length === 1 ? reports[0] : { runs: reports }));
  return reports.every(({ outcome }) => outcome === 'completed');
}

/** True when every site was searched without a failure. */
async function searchRandomSites(given: string | undefined, range: string, options: SimOptions): Promise<boolean> {
  if (given !== undefined) throw new OutriderError('OUT_CLI_USAGE', `--random-sites draws the missions itself; leave ${given} out`);
  if (options.headless !== true) throw new OutriderError('OUT_CLI_USAGE', '--random-sites needs --headless');
  const { runRandomSites, siteLine } = await import('./sites/main.ts');
  configureLocalServices({ inference: { threads: 1 } });
  const result = await runRandomSites({
    seeds: parseSeeds(range, '--random-sites'),
    rovers: options.rovers ?? RANDOM_SITE_ROVERS,
    aloneEvery: options.aloneEvery ?? 0,
    bundles: await loadBundles(),
    onSite: (row) => say(siteLine(row)),
  });
  say(`${result.sites - result.failures.length} of ${result.sites} sites without a failure, ${result.collisions} collisions`);
  if (options.json === true) console.log(JSON.stringify(result));
  return result.failures.length === 0;
}

export interface RobotCommandOptions {
  /** Mission file, or true for the default one; absent: no simulated rover. */
  readonly sim?: string | true;
  /** Default: as the token or the identity says, else `rover-1`. */
  readonly id?: string;
  readonly index: number;
  readonly seed: number;
  /** Default: as the identity says, else the embedded broker on loopback. */
  readonly broker?: string;
  readonly site?: string;
  /** A one-time token, to make the identity with. */
  readonly enroll?: string;
  readonly siteUrl?: string;
  /** Folder of the identity. */
  readonly identity?: string;
  readonly insecure?: boolean;
  /** File that what the ports deliver is written to. */
  readonly record?: string;
  /** YAML of a calibrated rover, whose twin is simulated. */
  readonly twin?: string;
}

/** One rover in this process. Throws OUT_CLI_USAGE without `--sim`. */
export async function runRobot(options: RobotCommandOptions): Promise<boolean> {
  if (options.sim === undefined)
    throw new OutriderError('OUT_CLI_USAGE', 'which rover? Say --config rover.yaml for a real one, or --sim [mission file]');
  const file = await loadYaml(options.sim === true ? DEFAULT_MISSION : options.sim, missionFileSchema);
  const joining = await roverMembership(options);
  configureLocalServices({ inference: { models: file.mission.detection.models } });
  const { runSimulatedRover } = await import('./live/main.ts');
  const { index, seed, record } = options;
  const vehicle = await twinOf(options);
  return runSimulatedRover(file, await loadBundles(), { index, seed, vehicle, ...joining, ...(record === undefined ? {} : { record }) });
}

export async function loadBundles(): Promise<RoverBundles> {
  const [mapServer, detector, neuralDetector] = await Promise.all([
    readBuiltModule('map-server'),
    readBuiltModule('object-detection'),
    readBuiltModule('neural-detection'),
  ]);
  return { mapServer, detector, neuralDetector };
}

async function runOneSeed(
  file: MissionFile,
  bundles: RoverBundles,
  missionPath: string,
  seed: number,
  several: boolean,
  options: SimOptions,
): Promise<MissionReport> {
  const out = options.out === undefined ? undefined : several ? join(options.out, `seed-${seed}`) : options.out;
  if (out !== undefined) await mkdir(out, { recursive: true });
  const { report, map } = await runHeadless({
    ...file,
    bundles,
    scenario: basename(missionPath),
    seed,
    rovers: options.rovers,
    vehicle: await twinOf(options),
    recordingPath: out === undefined ? undefined : join(out, 'mission.mcap'),
    onProgress: ({ elapsedSec, exploredM2, hazards }) => {
      if (!several)
        say(`${elapsedSec.toFixed(0).padStart(4)} s  ${exploredM2.toFixed(0).padStart(4)} m² explored  ${hazards} hazards confirmed`);
    },
  });
  if (out !== undefined) await writeOutputs(out, report, map);
  say(summary(report));
  if (out !== undefined) say(`written to ${out}`);
  return report;
}

async function twinOf({ twin }: { readonly twin?: string }): Promise<VehicleSpec | undefined> {
  return twin === undefined ? undefined : loadTwin(twin);
}

/** Progress goes to stderr, so that stdout is for machines. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseSeeds(text: string, option = '--seeds'): number[] {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || from > to || to - from >= 10_000) {
    throw new OutriderError('OUT_CLI_USAGE', `${option} wants a range such as 1-20 (at most 10000 seeds), not ${JSON.stringify(text)}`);
  }
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
