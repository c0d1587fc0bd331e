// A secured site over a broker of another make, each part in a process of its own as docs/site.md has it, with the lines of that page:
// Mosquitto with a certificate of the site, the site, a host that joins "from another machine", and a rover.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { type HostPresent, hostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import { roverState, type RoverState } from '../../shared/protocol/rover.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { loadIdentity } from '../../shared/security/identity-folder.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { brokerProcess, type BrokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { lastJson, outrider, REPOSITORY } from './cli-process.ts';

const SLOW_MS = 150_000;

describe.skipIf(!isInstalled('mosquitto') || !existsSync('dist/bin/cli.js'))('a secured site over Mosquitto', () => {
  let folder = '';
  let siteDir = '';
  let url = '';
  let broker: BrokerProcess;
  const commands: RunningCommand[] = [];
  let watcher: MessageBus;
  const states: RoverState[] = [];
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
    const [ca, cert, key] = await Promise.all(['ca.crt', 'server.crt', 'server.key'].map((name) => readFile(join(siteDir, name), 'utf8')));
    watcher = await connectMqttBus({ url: brokerUrl, clientId: 'watcher', tls: { ca: ca!, cert: cert!, key: key! } });
    const channel = new MessageChannel(watcher, SILENT_LOGGER);
    await channel.on(roverState, { site: 'barn' }, (state) => void states.push(state));
    await channel.on(hostStatus, { site: 'barn' }, (status) => void (isHostPresent(status) && present.set(status.host, status)));
  }, SLOW_MS);

  afterAll(async () => {
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
});
