// A secured site over a broker of another make, each part in a process of its own as docs/site.md has it, with the lines of that page:
// Mosquitto with a certificate of the site, the site, a host that joins "from another machine", a rover, and people at the dashboard.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MqttClient } from 'mqtt';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { decodeMessage, encodeMessage, filterOf, topicOf } from '../../shared/protocol/message.ts';
import { missionCommand, type MissionCommand } from '../../shared/protocol/mission.ts';
import { type HostPresent, hostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import { roverPresence, roverState, type RoverState } from '../../shared/protocol/rover.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { loadIdentity } from '../../shared/security/identity-folder.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { logIn, mqttStatus, openDashboard } from '../support/dashboard-client.ts';
import { brokerProcess, type BrokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { lastJson, outrider, REPOSITORY } from './cli-process.ts';

const SLOW_MS = 150_000;
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

describe.skipIf(!isInstalled('mosquitto') || !existsSync('dist/bin/cli.js'))('a secured site over Mosquitto', () => {
  let folder = '';
  let siteDir = '';
  let url = '';
  let ca = '';
  let broker: BrokerProcess;
  const commands: RunningCommand[] = [];
  let watcher: MessageBus;
  const states: RoverState[] = [];
  const pages: MqttClient[] = [];
  const present = new Map<string, HostPresent>();

  const token = async (id: string, ...more: readonly string[]): Promise<string> =>
    lastJson<{ token: string }>(await outrider('site', 'enroll', id, '--dir', siteDir, '--site-url', url, '--json', ...more)).token;
  /** The block of the page that begins with a comment of this. */
  const fromPage = async (begins: string): Promise<string> => {
    const page = await readFile(`${REPOSITORY}docs/site.md`, 'utf8');
    const [, block] = new RegExp(`\`\`\`text\\n(# ${begins}[^\`]*(?:\`barn\`[^\`]*)?)\`\`\``).exec(page) ?? [];
    if (block === undefined) throw new Error(`docs/site.md has no block that begins with # ${begins}`);
    return block;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-external-'));
    siteDir = join(folder, 'site');
    const local = ['--listen', '127.0.0.1', '--advertise', '127.0.0.1', '--port', '0'];
    expect((await outrider('site', 'init', siteDir, '--name', 'barn', ...local)).exitCode).toBe(0);
    const own = join(folder, 'mosquitto');
    const made = await outrider('site', 'certify', 'mosquitto', '--address', '127.0.0.1', '--out', own, '--dir', siteDir);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const port = await freePort();
    const conf = (await fromPage('mosquitto.conf'))
      .replace('listener 8883', `listener ${port} 127.0.0.1\nuser root`)
      .replaceAll(/(ca\.crt|server\.crt|server\.key|site\.acl)$/gm, (name) => join(own, name));
    await writeFile(join(own, 'mosquitto.conf'), conf);
    await writeFile(join(own, 'site.acl'), await fromPage('site.acl'));
    broker = await brokerProcess('mosquitto', ['-c', join(own, 'mosquitto.conf')], port);
    const brokerUrl = `mqtts://127.0.0.1:${port}`;
    const edge = startOutrider(['edge', '--config', join(siteDir, 'site.yaml'), '--broker', brokerUrl, '--hosts', '1', '--json'], folder);
    commands.push(edge);
    const [line] = await edge.until(/^\{"site".*\}$/m);
    ({ url } = JSON.parse(line) as { url: string });
    ca = await readFile(join(siteDir, 'ca.crt'), 'utf8');
    const [cert, key] = await Promise.all(['server.crt', 'server.key'].map((name) => readFile(join(siteDir, name), 'utf8')));
    watcher = await connectMqttBus({ url: brokerUrl, clientId: 'watcher', tls: { ca, cert: cert!, key: key! } });
    const channel = new MessageChannel(watcher, SILENT_LOGGER);
    await channel.on(roverState, { site: 'barn' }, (state) => void states.push(state));
    await channel.on(hostStatus, { site: 'barn' }, (status) => void (isHostPresent(status) && present.set(status.host, status)));
  }, SLOW_MS);

  afterAll(async () => {
    for (const page of pages) await page.endAsync(true);
    for (const command of commands.toReversed()) await command.stop();
    await watcher?.close();
    await broker?.kill();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test(
    'a host joins from another machine, and takes the modules of a rover over TLS when the first is drained',
    async () => {
      const join_ = ['edge', '--join', '--enroll', await token('barn-2', '--role', 'host', '--address', '127.0.0.1')];
      const host = startOutrider([...join_, '--listen', '127.0.0.1', '--data', join(folder, 'barn-2-data'), '--json'], folder);
      commands.push(host);
      await host.until(/^\{"site":"barn","host":"barn-2".*\}$/m);
      await expect.poll(() => [...present.keys()].toSorted(), { timeout: 20_000 }).toEqual(['barn-2', 'edge-1']);
      commands.push(startOutrider(['robot', '--sim', '--enroll', await token('rover-1')], folder));
      await expect.poll(() => states.filter(({ rover }) => rover === 'rover-1').length, { timeout: 60_000 }).toBeGreaterThan(5);
      const ada = join(folder, 'ada');
      await enrolInto(ada, { token: await token('ada', '--role', 'operator') });
      await outrider('edge', 'drain', 'edge-1', '--identity', ada, '--gateway', url, '--timeout', '1');
      const used = (): string[] =>
        (present.get('barn-2')?.instances ?? [])
          .filter(({ state, connected }) => state === 'running' && connected > 0)
          .map(({ addresses }) => addresses[0] ?? '');
      await expect.poll(used, { timeout: 90_000 }).toContainEqual(expect.stringMatching(/^tls:\/\/127\.0\.0\.1:\d+$/));
    },
    SLOW_MS,
  );

  test('the broker holds to its rules: no certificate no connection, and nobody speaks for another', async () => {
    const identity = await loadIdentity(join(folder, 'out', 'identity', 'rover-1'));
    const { brokerUrl, tls } = identity;
    await expect(connectMqttBus({ url: brokerUrl, clientId: 'anybody', tls: { ca: tls.ca } })).rejects.toMatchObject({
      code: expect.stringMatching(/^OUT_(BUS|SITE)_/) as string,
    });
    const mallory = await connectMqttBus({ url: brokerUrl, clientId: 'mallory', tls });
    const heard: string[] = [];
    await watcher.subscribe('outrider/barn/#', ({ topic, payload }) => {
      if (Buffer.from(payload).toString() === 'forged') heard.push(topic);
    });
    for (const topic of ['rover/rover-2/state', 'host/barn-2/status', 'placement/x', 'offload/request/rover-2', 'data/edge-1/rover-2/c/up'])
      await mallory.publish(`outrider/barn/${topic}`, 'forged', { qos: 1 });
    await mallory.publish('outrider/barn/mission/m/event', 'forged', { qos: 1 });
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['outrider/barn/mission/m/event']);
    await mallory.close();
  }, 30_000);

  describe('the dashboard', () => {
    const passwordOf = async (name: string, ...more: readonly string[]): Promise<string> =>
      lastJson<{ password: string }>(await outrider('site', 'operator', name, '--dir', siteDir, '--json', ...more)).password;
    /** A page of this user, and the states of rovers that it hears. */
    const open = async (name: string, ...more: readonly string[]): Promise<{ page: MqttClient; heard: RoverState[] }> => {
      const page = await openDashboard(url, { ca }, await logIn(url, ca, name, await passwordOf(name, ...more)));
      pages.push(page);
      const heard: RoverState[] = [];
      page.on('message', (topic, payload) => {
        if (topic === topicOf(roverState, { site: 'barn', rover: 'rover-1' })) heard.push(decodeMessage(roverState, payload));
      });
      await page.subscribeAsync([roverState, roverPresence].map((definition) => filterOf(definition, { site: 'barn' })));
      return { page, heard };
    };
    const toMission = topicOf(missionCommand, { site: 'barn', mission: 'search-and-rescue' });
    const said = (command: MissionCommand['command']): Buffer => Buffer.from(encodeMessage(missionCommand, { command }));

    test('shows an operator the rovers live, and its commands are obeyed; a viewer sees the same and is not heard', async () => {
      const commands: string[] = [];
      await new MessageChannel(watcher, SILENT_LOGGER).on(missionCommand, { site: 'barn' }, ({ command }) => void commands.push(command));
      const grace = await open('grace');
      const eve = await open('eve', '--view-only');
      for (const { heard } of [grace, eve]) await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThan(5);
      expect(grace.heard.at(-1)).toMatchObject({ rover: 'rover-1' });
      const cut = new Promise<void>((resolve) => void eve.page.once('close', () => resolve()));
      eve.page.publish(toMission, said('cancel'), { qos: 1 });
      await cut;
      await eve.page.endAsync(true);
      const activity = (): string | undefined => grace.heard.at(-1)?.activity;
      expect(activity()).not.toBe('waiting');
      await grace.page.publishAsync(toMission, said('pause'), { qos: 1 });
      await expect.poll(activity, { timeout: 10_000 }).toBe('waiting');
      await grace.page.publishAsync(toMission, said('resume'), { qos: 1 });
      await expect.poll(activity, { timeout: 10_000 }).not.toBe('waiting');
      expect(commands).toEqual(['pause', 'resume']);
    }, 60_000);

    test('gives strangers nothing, and an operator no more than its own rights', async () => {
      const rover = await loadIdentity(join(folder, 'out', 'identity', 'rover-1'));
      await expect(logIn(url, ca, 'grace', 'a guess')).rejects.toThrow('401');
      const stranger = { authorization: `Basic ${Buffer.from('grace:a guess').toString('base64')}` };
      for (const headers of [{}, stranger, { cookie: 'outrider_session=grace.operator.9999999999.x' }])
        expect(await mqttStatus(url, ca, headers), JSON.stringify(headers)).toBe(401);
      const session = await logIn(url, ca, 'grace', await passwordOf('grace'));
      expect(await mqttStatus(url, ca, { ...session, origin: 'https://elsewhere.example' })).toBe(403);
      expect(await mqttStatus(url, ca, session)).toBe(101);
      // Not as a rover, which has a connection of its own, and by no id of the site's parts.
      await expect(openDashboard(url, rover.tls, {}, 'rover-rover-1')).rejects.toMatchObject({ code: 5 });
      await expect(openDashboard(url, { ca }, session, 'manager-barn')).rejects.toMatchObject({ code: 5 });
      const { page } = await open('grace');
      for (const filter of ['#', 'outrider/barn/#', 'outrider/barn/offload/#', 'outrider/barn/host/+/request/+', 'outrider/barn/data/#'])
        await expect(page.subscribeAsync(filter), filter).rejects.toThrow();
      const heard: string[] = [];
      await watcher.subscribe('outrider/barn/#', ({ topic, payload }) => {
        if (Buffer.from(payload).toString() === 'by grace') heard.push(topic);
      });
      for (const topic of ['rover/rover-1/goal', 'host/edge-1/status', 'manager/barn', 'offload/request/rover-1', 'revoked']) {
        if (!page.connected) await new Promise<void>((resolve) => void page.once('connect', () => resolve()));
        const cut = new Promise<void>((resolve) => void page.once('close', () => resolve()));
        page.publish(`outrider/barn/${topic}`, 'by grace', { qos: 0 });
        await cut;
      }
      await new Promise<void>((resolve) => void page.once('connect', () => resolve()));
      await page.publishAsync('outrider/barn/mission/m/event', 'by grace', { qos: 1 });
      await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['outrider/barn/mission/m/event']);
    }, 60_000);

    test('many pages at once, the broker away, and back', async () => {
      const session = await logIn(url, ca, 'grace', await passwordOf('grace'));
      const heard = new Map<MqttClient, number>();
      const refusals = new Set<unknown>();
      for (let number = 0; number < 12; number += 1) {
        // All by the same id: each has a connection of its own.
        const page = await openDashboard(url, { ca }, session);
        pages.push(page);
        heard.set(page, 0);
        page.on('message', () => heard.set(page, (heard.get(page) ?? 0) + 1));
        page.on('error', (error) => refusals.add((error as { code?: unknown }).code));
        await page.subscribeAsync(filterOf(roverState, { site: 'barn' }));
      }
      const served = async (): Promise<void> => {
        for (const page of heard.keys()) heard.set(page, 0);
        await expect.poll(() => Math.min(...heard.values()), { timeout: 30_000 }).toBeGreaterThan(3);
      };
      await served();
      await broker.kill();
      await expect.poll(() => [...heard.keys()].some(({ connected }) => connected), { timeout: 10_000 }).toBe(false);
      await expect.poll(() => [...refusals], { timeout: 10_000 }).toEqual([3]);
      await broker.start();
      await served();
    }, 90_000);

    test.skipIf(CHROMIUM === undefined)(
      'in a browser: rovers, “Broker lost” while it is, and “Live” again',
      async () => {
        const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
        const context = await browser.newContext({
          ignoreHTTPSErrors: true,
          httpCredentials: { username: 'eve', password: await passwordOf('eve', '--view-only') },
        });
        const page = await context.newPage();
        const shown = (): Promise<string | null> => page.locator('#connection').textContent();
        await page.goto(`${url}/?site=barn`);
        await expect.poll(shown, { timeout: 20_000 }).toBe('Live');
        await expect.poll(() => page.locator('.card[aria-label="rover-1"]').count(), { timeout: 20_000 }).toBe(1);
        await broker.kill();
        await expect.poll(shown, { timeout: 20_000 }).toBe('Broker lost');
        // Who opens the page now is told as well.
        const late = await context.newPage();
        await late.goto(`${url}/?site=barn`);
        await expect.poll(() => late.locator('#connection').textContent(), { timeout: 20_000 }).toBe('Broker lost');
        await broker.start();
        await expect.poll(shown, { timeout: 30_000 }).toBe('Live');
        await expect.poll(() => late.locator('.card[aria-label="rover-1"]').count(), { timeout: 30_000 }).toBe(1);
        await browser.close();
      },
      SLOW_MS,
    );
  });
});
