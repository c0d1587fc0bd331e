// The command line: `outrider <command>`. Declares what there is; each command's code is loaded only when it is called.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { MembershipOptions } from '../robot/rover-membership.ts';
import { registerCalibration } from '../robot/calibration/commands.ts';
import type { RobotCommandOptions } from '../sim/main.ts';
import { loadYaml } from '../shared/config/load-yaml.ts';
import { OutriderError } from '../shared/errors.ts';

/** Exit codes: 0 success, 1 a command failed, 2 wrong usage. */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The bodies that a rover's YAML can name. */
const BODIES = ['freenove-4wd', 'ros2'] as const;

const integer = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  return value;
};

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('must be a number above 0.');
  return value;
};

const json = (): Option => new Option('--json', 'one JSON object, last on stdout, for machines');

async function buildProgram(): Promise<Command> {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  const program = new Command('outrider')
    .description('A robotics edge framework for collaborating rover fleets.')
    .version(version)
    .enablePositionalOptions() // a command's own options come before a command of it, whose options may have the same names
    .showHelpAfterError('(run with --help for the options)')
    .exitOverride();

  program
    .command('sim')
    .description('run a mission with simulated rovers: live with broker, edge hosts and dashboard, or headless on a virtual clock')
    .argument('[mission]', 'mission file (default: the search and rescue that comes with Outrider)')
    .option('--headless', 'virtual clock, as fast as the machine allows, deterministic by seed')
    .option('--rovers <n>', 'number of rovers (default: as the mission file says)', integer(1, 100))
    .option('--seed <n>', 'seed of everything random', integer(0, 2 ** 31 - 1), 1)
    .option('--seeds <from-to>', 'headless: one run for each seed of a range, e.g. 1-20')
    .option('--random-sites <from-to>', 'headless: instead of a mission file, a random site for each seed of a range; 4 rovers unless said')
    .option(
      '--alone-every <n>',
      'with --random-sites: search every n-th site with one rover, too, and compare the times',
      integer(0, 10_000),
    )
    .option('--out <dir>', 'folder for report.json, report.html, map and recording')
    .option('--speed <factor>', 'live: mission seconds per wall second (default: as the mission file says)', positive)
    .option('--twin <file>', 'YAML of a calibrated rover: the simulated ones are its twins')
    .option('--port <port>', 'live: port of the dashboard (0: any free one)', integer(0, 65_535), 8080)
    .addOption(
      new Option('--sensor <kind>', 'what the rovers map and drive by (default: as the mission file says)').choices(['lidar', 'sonar']),
    )
    .option('--unknown-starts', 'only the first rover knows where it starts: the Map Server places the others by their maps')
    .option('--keep', 'live: go on serving the dashboard after the mission')
    .addOption(json())
    .action(async (mission: string | undefined, options) => finish(await (await import('../sim/main.ts')).runSim(mission, options)));

  program
    .command('replay')
    .description('play a recorded CARMEN log (.log or .log.gz), or what `robot --record` wrote (.mcap), through the rover agent')
    .argument('<log>', 'the log or recording')
    .option('--rovers <n>', 'split the log in time among so many rovers', integer(1, 16), 1)
    .addOption(new Option('--odometry <kind>', 'which pose the rovers drive by').choices(['corrected', 'raw']).default('corrected'))
    .option('--evaluate', "measure the relative pose error against the log's corrected poses")
    .option('--unknown-starts', 'only the first rover knows where it starts: the Map Server places the others by their maps')
    .option('--relations <file>', 'evaluate against a file of known relations (t1 t2 dx dy dz roll pitch yaw)')
    .option('--out <dir>', 'folder for report.json, map and pictures')
    .addOption(json())
    .action(async (log: string, options) => finish(await (await import('../robot/main.ts')).runReplay(log, options)));

  const edge = program
    .command('edge')
    .description('run an edge site: broker, manager and edge hosts, with the dashboard')
    .option('--config <file>', 'site configuration (YAML)')
    .option('--hosts <n>', 'number of edge hosts on this machine', integer(0, 64))
    .option('--listen <address>', 'interface to listen on (default: loopback; others need a site of `outrider site init`, or --insecure)')
    .option('--port <port>', 'port of the gateway (default: 8080)', integer(0, 65_535))
    .option('--mqtt-port <port>', 'port of the embedded broker (default: 1883)', integer(0, 65_535))
    .option('--insecure', 'listen outside loopback without TLS and authentication, on a network that everybody on is trusted')
    .option('--join', 'run one edge host only, for the site that it is enrolled at (--identity, or --enroll the first time)')
    .option('--enroll <token>', 'with --join: the one-time token of `outrider site enroll HOST --role host`')
    .option('--site-url <url>', 'with --enroll: https://host:port of the gateway (default: as the token says)')
    .option('--identity <dir>', 'with --join: folder of the identity (default: out/identity/HOST)')
    .option('--broker <url>', 'use this broker (mqtt://, mqtts://) in place of the embedded one')
    .option('--no-manager', 'take no part in the election of the Offload Manager: broker and hosts only')
    .option('--host-prefix <id>', 'hosts are called <id>-1, <id>-2 … (default: edge); different on each machine of a site')
    .option('--site <id>', 'id of the site (default: site)')
    .option('--data <dir>', 'folder for checkpoints and module bundles')
    .addOption(json())
    .action(async (options) => finish(await (await import('../edge/main.ts')).runEdge(options)));
  edge
    .command('drain')
    .description('move everything off an edge host while it is in use, e.g. before its machine goes down')
    .argument('<host>', 'id of the host')
    .option('--gateway <url>', "the site's gateway (default: as the identity says, else http://127.0.0.1:8080)")
    .option('--identity <dir>', "an operator's identity, from `outrider site join`")
    .option('--undo', 'let the host take modules again')
    .option('--timeout <s>', 'how long the modules may take to leave [s]', positive, 60)
    .addOption(json())
    .action(async (host: string, options) => finish(await (await import('../edge/main.ts')).drainHost(host, options)));

  program
    .command('top')
    .description('what a site does now, in a terminal: rovers, hosts, where modules run, the last events; q ends it')
    .option('--broker <url>', 'broker of the site (default: as the identity says, else mqtt://127.0.0.1:1883)')
    .option('--site <id>', 'id of the site (default: as the identity says, else site)')
    .option('--identity <dir>', "an operator's identity, from `outrider site join`")
    .option('--once', 'one frame as plain text, for scripts')
    .addOption(json())
    .action(async (options) => finish(await (await import('../edge/top/main.ts')).runTop(options)));

  const robot = program
    .command('robot')
    .enablePositionalOptions()
    .description('run one rover and join the fleet')
    .option('--sim [mission]', 'a simulated rover in the site of a mission file')
    .option('--config <file>', `a real rover: its YAML names the body (${BODIES.join(', ')})`)
    .option('--id <id>', 'id of the rover (default: as its file, token or identity says, else rover-1)')
    .option('--twin <file>', 'with --sim: YAML of a calibrated rover, whose twin is simulated')
    .option('--index <n>', "which of the mission's start poses a simulated rover takes", integer(0, 99), 0)
    .option('--seed <n>', 'seed of the simulated site', integer(0, 2 ** 31 - 1), 1)
    .option('--enroll <token>', 'join a site by the one-time token of `outrider site enroll`')
    .option('--site-url <url>', 'https://host:port of the gateway to enroll at (default: as the token says)')
    .option('--identity <dir>', 'folder of the identity that enrolment makes (default: out/identity/ID)')
    .option('--broker <url>', 'broker of the edge site (default: as the identity says, else mqtt://127.0.0.1:1883)')
    .option('--site <id>', 'id of the site (default: as the identity says, else site)')
    .option('--insecure', 'use a broker outside loopback without TLS, on a network that everybody on is trusted')
    .option('--record <file>', 'write down all that the ports deliver (MCAP), for `outrider replay`')
    .addOption(json())
    .action(async (options) => finish(await runRobot(options)));

  robot
    .command('watchdog')
    .description('switch the motors off when the agent is killed, hangs or falls silent; run it beside every real rover')
    .requiredOption('--config <file>', 'YAML of the rover')
    .action(async ({ config }: { config: string }) => finish(await (await import('../hardware/watchdog/main.ts')).runWatchdog(config)));

  registerCalibration(robot);

  program
    .command('map')
    .description('work with maps')
    .command('merge')
    .description('register maps with unknown poses and merge those that agree')
    .argument('<maps...>', 'PNG or PGM (with YAML or --resolution), or CARMEN logs; LOG#0-0.5 names a part of a log')
    .option('--resolution <m>', 'edge of a cell of pictures without YAML [m]', positive)
    .option('--yaw-b <rad>', 'rotate the second map first', Number)
    .option('--out <dir>', 'folder for the merged map')
    .addOption(json())
    .action(async (maps: string[], options) => finish(await (await import('../robot/main.ts')).runMapMerge(maps, options)));

  (await import('../edge/site-commands.ts')).registerSiteCommands(program);
  await (await import('../toolchain/commands.ts')).registerModuleCommands(program);

  program
    .command('doctor')
    .description('find what is missing on this machine for a rover, and say what to do about it')
    .option('--config <file>', 'YAML of the rover: what it needs must be there')
    .option('--broker <url>', 'broker to reach (default: as the file says)')
    .option('--site <id>', 'site to look for behind the broker')
    .option('--identity <dir>', 'check this enrolled identity, and the way to its site, too; alone: nothing else')
    .option('--root <folder>', 'look at the machine whose files lie here')
    .addOption(json())
    .action(async (options) => finish(await (await import('../hardware/doctor/main.ts')).runDoctor(options)));

  program
    .command('bench')
    .description('run the benchmarks (all, or those named)')
    .argument('[names...]')
    .addOption(json())
    .action((names: string[], options: { json?: boolean }) => finish(runBench([...names, ...(options.json === true ? ['--json'] : [])])));

  return program;
}

/** Only what was said: a flag goes before the file. */
function membershipFlags(flags: RobotFlags): MembershipOptions {
  const names = ['id', 'broker', 'site', 'enroll', 'siteUrl', 'identity', 'insecure'] as const;
  return Object.fromEntries(names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

interface RobotFlags extends RobotCommandOptions {
  readonly config?: string;
}

/** A simulated rover, or the body that the rover's YAML names; only that body's code is loaded. */
async function runRobot(flags: RobotFlags): Promise<boolean> {
  if (flags.config === undefined) return (await import('../sim/main.ts')).runRobot(flags);
  if (flags.sim !== undefined) throw new OutriderError('OUT_CLI_USAGE', '--config and --sim exclude each other');
  const { body } = await loadYaml(flags.config, z.looseObject({ body: z.enum(BODIES) }));
  const recording = flags.record === undefined ? {} : { record: flags.record };
  switch (body) {
    case 'freenove-4wd':
      return (await import('../robot/freenove/main.ts')).runFreenoveRobot(flags.config, { ...membershipFlags(flags), ...recording });
    case 'ros2':
      return (await import('../robot/bridges/ros2/main.ts')).runRosRobot(flags.config, {
        ...membershipFlags(flags),
        ...recording,
        metrics: (await import('../hardware/linux/board-metrics.ts')).boardMetrics,
      });
  }
}

/** Benchmarks run in a process of their own, so that nothing here disturbs them. */
function runBench(args: readonly string[]): boolean {
  const script = fileURLToPath(new URL('../bench/main.js', import.meta.url));
  return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status === 0;
}

function finish(ok: boolean): void {
  process.exitCode = ok ? 0 : EXIT_FAILED;
}

try {
  await (await buildProgram()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else if (error instanceof OutriderError) {
    console.error(`${error.code}: ${error.message}\n${error.remedy}`);
    process.exitCode = error.code === 'OUT_CLI_USAGE' ? EXIT_USAGE : EXIT_FAILED;
  } else {
    console.error(error);
    process.exitCode = EXIT_FAILED;
  }
}
