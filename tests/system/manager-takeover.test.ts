// The acting Offload Manager is killed or hangs while rovers offload: a standby takes over, rovers finish, two never act.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { hostCommand, type HostReply, hostReply } from '../../shared/protocol/host.ts';
import { type ManagerStatus, managerStatus } from '../../shared/protocol/manager.ts';
import { type OffloadReply, offloadReply } from '../../shared/protocol/offload.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';
import { type SiteProcess, startSiteProcess } from '../support/edge-site-process.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

interface SitePage {
  readonly manager: { readonly role: string; readonly term: number; readonly session: string };
  readonly placements: readonly { readonly instance: string }[];
}

const page = async (process: SiteProcess): Promise<SitePage> => (await (await fetch(`${process.up.url}/api/site`)).json()) as SitePage;

async function aedes() {
  const server = await startEmbeddedBroker({ site: 'test', port: 0 });
  return { port: server.port as number, close: () => server.close() };
}

async function mosquitto() {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-mosquitto-'));
  const port = await freePort();
  const config = join(directory, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const broker = await brokerProcess('mosquitto', ['-c', config], port);
  return { port, close: () => broker.kill() };
}

function describeTakeover(name: string, start: () => Promise<{ readonly port: number; close(): Promise<void> }>): void {
  describe.skipIf(!existsSync('dist/bin/cli.js'))(`takeover by a standby manager: ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let brokerUrl: string;
    let data: string;
    let bundle: ModuleBundle;
    let hosts: SiteProcess;
    let witness: MessageBus;
    let channel: MessageChannel;
    const processes: SiteProcess[] = [];
    const rovers: LiveRover<TallyHandle>[] = [];
    const replies: { readonly rover: string; readonly reply: OffloadReply }[] = [];
    const managers: ManagerStatus[] = [];
    let onReply: (reply: OffloadReply) => void = () => undefined;

    const manager = async (): Promise<SiteProcess> => {
      const started = await startSiteProcess({ site: 'test', broker: brokerUrl, data, hosts: 0, gatewayPort: 0, logLevel: 'warn' });
      processes.push(started);
      return started;
    };
    const rover = async (id: string): Promise<LiveRover<TallyHandle>> => {
      const started = await liveRover<TallyHandle>({ rover: id, bundle, brokerUrl, mission: `mission-${id}` });
      rovers.push(started);
      return started;
    };

    beforeAll(async () => {
      broker = await start();
      brokerUrl = `mqtt://127.0.0.1:${broker.port}`;
      data = await mkdtemp(join(tmpdir(), 'outrider-takeover-'));
      bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
      witness = await connectMqttBus({ url: brokerUrl, clientId: 'witness' });
      channel = new MessageChannel(witness, SILENT_LOGGER);
      await channel.on(managerStatus, { site: 'test' }, (status) => void managers.push(status));
      await channel.on(offloadReply, { site: 'test' }, (reply, { places }) => {
        replies.push({ rover: places['rover'] ?? '', reply });
        onReply(reply);
      });
      hosts = await startSiteProcess({ site: 'test', broker: brokerUrl, data, manager: false, hosts: 2, gatewayPort: 0, logLevel: 'warn' });
      processes.push(hosts);
    }, 120_000);

    afterAll(async () => {
      for (const one of rovers) await one.close();
      for (const process of processes) await process.kill(process === hosts ? 'SIGTERM' : 'SIGKILL');
      await witness?.close();
      await broker?.close();
      await rm(data, { recursive: true, force: true });
    });

    let active: SiteProcess;
    let standby: SiteProcess;

    for (const kind of ['offers', 'reserved'] as const) {
      test(`killed just after it said ${kind}: the rover's offload is finished by the standby`, async () => {
        active ??= await manager();
        standby = await manager();
        expect([(await page(active)).manager.role, (await page(standby)).manager.role]).toEqual(['active', 'standby']);
        const one = await rover(`r-${kind}`);
        await one.module.handle.record(`r-${kind}`, 1);
        let killedMs = 0;
        onReply = (reply) => {
          if (reply.kind !== kind || killedMs !== 0) return;
          killedMs = performance.now();
          process.kill(active.pid, 'SIGKILL');
        };
        const report = await one.module.offload({ reason: 'test' });
        expect(report).toMatchObject({ outcome: 'moved', kind: 'offload', error: null });
        await expect.poll(async () => (await page(standby)).manager.role).toBe('active');
        expect(performance.now() - killedMs).toBeLessThan(8000);
        expect(await one.module.handle.record(`r-${kind}`, 2)).toBe(2);
        // What the host runs is in the new manager's book, once.
        await expect.poll(async () => (await page(standby)).placements.length).toBe(rovers.length);
        active = standby;
      });
    }

    test('an acting manager that hangs is replaced; when it wakes it stands by, and its late commands are refused', async () => {
      standby = await manager();
      const before = await page(active);
      process.kill(active.pid, 'SIGSTOP');
      await expect.poll(async () => (await page(standby)).manager.role).toBe('active');
      const after = await page(standby);
      expect(after.manager.term).toBeGreaterThan(before.manager.term);
      // What it may still have under way arrives after its successor began: a host refuses it, and the instance goes on.
      const instance = after.placements[0]?.instance ?? '';
      const host = (await fetchHost(standby, instance)) ?? '';
      const answer = new Promise<HostReply>((resolve) => {
        void channel.on(hostReply, { site: 'test', inbox: 'late' }, resolve).then(() =>
          channel.publish(
            hostCommand,
            { site: 'test', host },
            {
              ...{ kind: 'stop', id: 'late-1', replyTo: 'late', term: before.manager.term },
              ...{ instance, epoch: 1, checkpoint: 'discard' },
            },
          ),
        );
      });
      expect(await answer).toMatchObject({ kind: 'refused', code: 'OUT_EDGE_FENCED' });
      process.kill(active.pid, 'SIGCONT');
      await expect.poll(async () => (await page(active)).manager.role).toBe('standby');
      const [first] = rovers;
      expect(await first?.module.handle.record('after', 3)).toBeGreaterThan(0);
      // One answer to each request: two managers that acted would both have answered.
      const one = await rover('r-hang');
      expect(await one.module.offload({ reason: 'test' })).toMatchObject({ outcome: 'moved' });
      const ids = replies.filter(({ rover: whose }) => whose === 'r-hang').map(({ reply }) => reply.id);
      expect(new Set(ids).size).toBe(ids.length);
      // Each term had one session.
      const sessions = new Map<number, Set<string>>();
      for (const status of managers) {
        if (status.status === 'active') sessions.set(status.term, (sessions.get(status.term) ?? new Set()).add(status.session));
      }
      expect([...sessions.values()].every((of) => of.size === 1)).toBe(true);
    });
  });
}

async function fetchHost(manager: SiteProcess, instance: string): Promise<string | null> {
  const { placements } = (await (await fetch(`${manager.up.url}/api/site`)).json()) as {
    placements: { instance: string; host: string | null }[];
  };
  return placements.find((placement) => placement.instance === instance)?.host ?? null;
}

describeTakeover('Aedes', aedes);
if (isInstalled('mosquitto')) describeTakeover('Mosquitto', mosquitto);
else describe.skip('takeover by a standby manager: Mosquitto (not installed)');
