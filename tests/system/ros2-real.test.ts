// Against a real ROS 2: a robot node, the Outrider agent and a ROS tool as processes of their own that know each other only by topics.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { REPOSITORY } from './cli-process.ts';

/** What is missing for this test, in words; null: everything is there. */
function missing(): string | null {
  if ((process.env['AMENT_PREFIX_PATH'] ?? '') === '') return 'no ROS 2 environment is sourced';
  try {
    createRequire(import.meta.url).resolve('rclnodejs/package.json');
  } catch {
    return 'rclnodejs is not installed';
  }
  return existsSync(join(REPOSITORY, 'dist/bin/cli.js')) ? null : 'dist/ is not built';
}

const reason = missing();
if (reason !== null) console.warn(`ROS 2 integration test skipped: ${reason}`);

interface Truth {
  readonly x: number;
  readonly y: number;
  readonly collisions: number;
  readonly commands: number;
  readonly distanceM: number;
}

interface Seen {
  readonly maps: number;
  readonly transforms: number;
  readonly scans: number;
  readonly knownM2: number;
  readonly bytes: number;
  readonly frame: string;
  readonly robot: { readonly x: number; readonly y: number } | null;
}

/** A process that prints lines of JSON. */
class Reporter<T> {
  readonly child: ChildProcess;
  readonly lines: T[] = [];
  errors = '';
  #wake: () => void = () => {};

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [...args], { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) this.lines.push(JSON.parse(line) as T);
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
      this.#wake();
    });
    this.child.once('exit', () => this.#wake());
  }

  async until(found: () => boolean): Promise<void> {
    while (!found()) {
      if (this.child.exitCode !== null) throw new Error(`the process ended with ${this.child.exitCode}: ${this.errors}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }
}

const LIMIT_MS = 240_000;
/** Of the 48 m² of the site; the rest lies behind pillar and walls. */
const EXPLORED_M2 = 42;

describe.skipIf(reason !== null)(`a robot known only through ROS 2 (${reason ?? process.env['ROS_DISTRO']})`, () => {
  let folder: string;
  let site: LiveSite;
  const started: Reporter<unknown>[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-ros-'));
    site = await startEdgeSite(defineSite({ site: 'site', data: folder, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
  }, LIMIT_MS);

  afterAll(async () => {
    for (const process of started) await process.stop('SIGKILL');
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'is explored by an Outrider agent, whose map and transform come back over topics',
    async () => {
      const config = join(folder, 'rover.yaml');
      await writeFile(config, 'body: ros2\nid: rover-1\nstartPose: { x: 1.2, y: 1.2, theta: 0 }\n');
      const typescript = ['--import', 'tsx'];
      const robot = new Reporter<Truth>([...typescript, 'tests/support/ros-robot-process.ts']);
      started.push(robot);
      await robot.until(() => robot.lines.length > 0);
      const agent = new Reporter<never>(['bin/outrider.js', 'robot', '--config', config, '--broker', site.brokerUrl]);
      started.push(agent);
      await agent.until(() => agent.errors.includes('Ctrl-C ends it'));
      const beganMs = performance.now();
      const observer = new Reporter<Seen>([...typescript, 'tests/support/ros-observer-process.ts']);
      started.push(observer);
      const last = (): Seen | undefined => observer.lines.at(-1);
      await observer.until(() => (last()?.knownM2 ?? 0) > EXPLORED_M2);
      const seen = last();
      const truth = robot.lines.at(-1);
      if (seen === undefined || truth === undefined) throw new Error('the processes said nothing');
      const errorM = Math.hypot((seen.robot?.x ?? 99) - truth.x, (seen.robot?.y ?? 99) - truth.y);
      console.log(JSON.stringify({ seconds: (performance.now() - beganMs) / 1000, ...seen, truth, errorM }));
      expect(seen.frame).toBe('map');
      expect(truth.collisions).toBe(0);
      expect(truth.distanceM).toBeGreaterThan(2);
      expect(errorM).toBeLessThan(0.8); // the two lines may be a second of driving apart
      expect(await agent.stop('SIGINT')).toBe(0);
      const commands = robot.lines.at(-1)?.commands ?? 0;
      await robot.until(() => robot.lines.length > 3 && robot.lines.at(-1)?.distanceM === robot.lines.at(-2)?.distanceM); // it stands
      expect(robot.lines.at(-1)?.commands).toBeLessThan(commands + 15);
      const late = new Reporter<Seen>([...typescript, 'tests/support/ros-observer-process.ts']);
      started.push(late);
      await late.until(() => (late.lines.at(-1)?.scans ?? 0) > 0); // ROS goes on without Outrider
      for (const process of [robot, observer, late]) expect(await process.stop('SIGTERM')).toBe(0);
    },
    LIMIT_MS,
  );
});
