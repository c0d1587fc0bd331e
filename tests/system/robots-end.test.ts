// Rovers that are interrupted end soon, with a clean exit: several at once while their modules move and are shared, and without a broker.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';

const SLOW_MS = 120_000;
/** What a goodbye may take on a busy machine: the modules' last word to their hosts, and at most 3 s for the broker's answer. */
const END_MS = 15_000;

describe.skipIf(!existsSync('dist/bin/cli.js'))('rovers that are interrupted', () => {
  let folder = '';
  let site: LiveSite;
  let robots: RunningCommand[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-robots-end-'));
    site = await startEdgeSite(
      defineSite({ site: 'test', data: join(folder, 'data'), hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }),
    );
  }, SLOW_MS);
  afterEach(() => {
    for (const { child } of robots) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  async function start(): Promise<void> {
    robots = ['rover-1', 'rover-2'].map((id, index) =>
      startOutrider(['robot', '--sim', '--id', id, '--index', `${index}`, '--site', 'test', '--broker', site.brokerUrl], folder),
    );
    for (const robot of robots) await robot.until(/searches; Ctrl-C ends it/);
  }
  /** Interrupts all at the same time; how they ended, and after how long. */
  async function interrupt(): Promise<{ readonly codes: readonly (number | null)[]; readonly ms: number }> {
    const began = performance.now();
    const ends = robots.map(async ({ child }) => {
      if (child.exitCode === null) await once(child, 'exit');
      return child.exitCode;
    });
    for (const { child } of robots) child.kill('SIGINT');
    return { codes: await Promise.all(ends), ms: performance.now() - began };
  }

  test(
    'at once, as their modules begin to move',
    async () => {
      await start();
      const { codes, ms } = await interrupt();
      expect(codes).toEqual([0, 0]);
      expect(ms).toBeLessThan(END_MS);
    },
    SLOW_MS,
  );

  test(
    'while they share an instance, and after the broker has gone',
    async () => {
      await start();
      const shared = (): number =>
        Math.max(0, ...site.manager.resources.hosts().flatMap(({ instances }) => instances.map(({ connected }) => connected)));
      await expect.poll(shared, { timeout: 60_000 }).toBe(2);
      // Who looks at their terminals sees what they do; which of them came first is a matter of chance.
      const did = /rover-\d: (?:map-server moves to|joins the shared map-server at) edge-1 /;
      for (const robot of robots) await robot.until(did);
      await site.stopBroker();
      const { codes, ms } = await interrupt();
      expect(codes).toEqual([0, 0]);
      expect(ms).toBeLessThan(END_MS);
      await site.startBroker();
    },
    SLOW_MS,
  );
});
