// The offload sequence between the real Offload Handler, Offload Manager and Remote Offload Handler, on a virtual clock.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { credentialTable } from '../../edge/control/authenticator.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type HostCommand, hostCommand, type HostedInstance, type HostPresent, hostStatus } from '../../shared/protocol/host.ts';
import { missionEvent, missionStatus, type MissionEvent } from '../../shared/protocol/mission.ts';
import { decodeTransfer, encodeTransfer } from '../../shared/protocol/offload-transfer.ts';
import { placement, type PlacementRecord } from '../../shared/protocol/placement.ts';
import { activate, carried, detection, manifestOf, mapServer, MISSION, prepared, SITE, testSite, type TestSite } from './edge-support.ts';

describe('offload sequence', () => {
  test('a cold offload sends the bundle, a warm one does not', async () => {
    const site = await testSite();
    const first = await site.rover('rover-1', carried);
    const second = await site.rover('rover-2', carried);
    const cold = prepared(await site.run(first.prepare(detection, { reason: 'battery', epoch: 1 })));
    expect(cold.report.bundleBytesSent).toBe(carried[0]?.bytes.byteLength);
    expect(Object.keys(cold.report.stepsMs)).toEqual(['request', 'reserve', 'transfer', 'initialise']);
    const warm = prepared(await site.run(second.prepare(detection, { reason: 'heat', epoch: 1, preferHost: cold.endpoint.hostId })));
    expect(warm.report).toMatchObject({ bundleBytesSent: 0, warm: true, hostId: cold.endpoint.hostId });
    const transport = await site.run(warm.endpoint.connect());
    const echoed = new Promise<string>((resolve) => (transport.onFrame = (frame) => resolve(new TextDecoder().decode(frame))));
    transport.send([new TextEncoder().encode('hello')]);
    expect(await site.run(echoed)).toBe('hello');
  });

  test('of a shared module one instance runs; later rovers wait for it and are redirected', async () => {
    const site = await testSite();
    const rovers = [await site.rover('rover-1', carried), await site.rover('rover-2', carried), await site.rover('rover-3', carried)];
    const results = site.run(Promise.all(rovers.map((rover) => rover.prepare(mapServer, { reason: 'start', epoch: 1 }))));
    site.clock.after(1.5, () => {
      for (const sandbox of site.sandboxes.values()) for (const { options } of sandbox.started) options.onActivated();
    });
    const kinds = (await results).map((result) => result.kind).toSorted();
    expect(kinds).toEqual(['prepared', 'redirect', 'redirect']);
    expect([...site.sandboxes.values()].flatMap((sandbox) => sandbox.started)).toHaveLength(1);
    const endpoints = (await results).map((result) => (result.kind === 'refused' ? null : result.endpoint));
    expect(new Set(endpoints.map((endpoint) => endpoint?.instanceId)).size).toBe(1);
    expect(new Set(endpoints.map((endpoint) => endpoint?.token)).size).toBe(3);
  });

  test('per-rover instances spread over the hosts', async () => {
    const site = await testSite();
    const used = new Set<string>();
    for (const id of ['rover-1', 'rover-2']) {
      const rover = await site.rover(id, carried);
      const result = prepared(await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 })));
      await activate(site, result.endpoint.hostId);
      used.add(result.endpoint.hostId);
    }
    expect([...used].toSorted()).toEqual(['edge-1', 'edge-2']);
  });

  test('says what each host lacks when none fits', async () => {
    const site = await testSite({ memoryTotalBytes: 1024 ** 2, grants: [] });
    const rover = await site.rover('rover-1', carried);
    const result = await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
    expect(result.kind).toBe('refused');
    expect(result.kind === 'refused' && result.reason).toMatch(/edge-1: 16777216 bytes of memory are needed.*edge-2:/);
    const needy = manifestOf('object-detection', 'per-rover', {
      memoryMaxBytes: 1000,
      hostInterfaces: [{ name: 'vision', functions: [] }],
    });
    const other = await site.run(rover.prepare(needy, { reason: 'heat', epoch: 1 }));
    expect(other.kind === 'refused' && other.reason).toMatch(/does not grant vision/);
  });

  test('refuses a rover that the site does not know, and one with a wrong credential', async () => {
    const credentialSha256 = createHash('sha256').update('right').digest('hex');
    const site = await testSite({ manager: { authenticate: credentialTable([{ rover: 'rover-1', tenant: 'a', credentialSha256 }]) } });
    for (const [id, credential] of [
      ['rover-1', 'wrong'],
      ['rover-2', 'right'],
    ] as const) {
      const rover = await site.rover(id, carried, credential);
      const result = await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
      expect(result.kind === 'refused' && result.reason).toMatch(/OUT_EDGE_UNAUTHORIZED/);
    }
    const known = await site.rover('rover-1', carried, 'right');
    expect((await site.run(known.prepare(detection, { reason: 'heat', epoch: 1 }))).kind).toBe('prepared');
  });

  test('a tenant gets no more than its quota', async () => {
    const site = await testSite({ manager: { quotas: { default: { maxInstances: 1, maxMemoryBytes: 1024 ** 3 } } } });
    const first = await site.rover('rover-1', carried);
    const result = prepared(await site.run(first.prepare(detection, { reason: 'heat', epoch: 1 })));
    await activate(site, result.endpoint.hostId);
    const second = await site.rover('rover-2', carried);
    const refused = await site.run(second.prepare(detection, { reason: 'heat', epoch: 1 }));
    expect(refused.kind === 'refused' && refused.reason).toMatch(/OUT_EDGE_QUOTA.*1 of 1 instances/);
  });

  test('a host process that belongs to one fleet runs no module of another, not even after the loss of its host', async () => {
    const known = ['a', 'b'].map((tenant) => ({
      ...{ rover: `rover-${tenant}`, tenant },
      credentialSha256: createHash('sha256').update(`secret of ${tenant}`).digest('hex'),
    }));
    const site = await testSite({
      tenants: { 'edge-1': ['a'], 'edge-2': ['b'] },
      manager: { authenticate: credentialTable(known) },
    });
    const [a, b] = [await site.rover('rover-a', carried, 'secret of a'), await site.rover('rover-b', carried, 'secret of b')];
    const ofA = prepared(await site.run(a.prepare(mapServer, { reason: 'start', epoch: 1, preferHost: 'edge-2' })));
    const ofB = prepared(await site.run(b.prepare(mapServer, { reason: 'start', epoch: 1, preferHost: 'edge-1' })));
    expect([ofA.endpoint.hostId, ofB.endpoint.hostId]).toEqual(['edge-1', 'edge-2']);
    await activate(site, 'edge-1');
    await activate(site, 'edge-2');
    await site.sandboxes.get('edge-1')?.started[0]?.options.storeCheckpoint?.(new TextEncoder().encode('of fleet a'));
    site.network.crash('edge-1');
    await site.site.crashHost('edge-1');
    await site.pass(10);
    expect(site.sandboxes.get('edge-2')?.started).toHaveLength(1);
    expect(await site.run(b.locate(ofB.endpoint))).toMatchObject({ hostId: 'edge-2', epoch: ofB.endpoint.epoch });
    const refused = await site.run(a.prepare(detection, { reason: 'heat', epoch: 1 }));
    expect(refused.kind === 'refused' && refused.reason).toContain('edge-2: is for other fleets');
  });

  test('a released instance is stopped and its placement forgotten', async () => {
    const site = await testSite();
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 })));
    await activate(site, endpoint.hostId);
    expect(site.site.manager.book.all()).toHaveLength(1);
    await site.run(rover.release(endpoint));
    await site.pass(0.2);
    expect(site.site.manager.book.all()).toEqual([]);
    expect(site.sandboxes.get(endpoint.hostId)?.started[0]?.closed).toBe(true);
    expect(await site.run(rover.locate(endpoint))).toBeNull();
  });

  test('instances of a mission end some seconds after it', async () => {
    const site = await testSite();
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(mapServer, { reason: 'start', epoch: 1 })));
    await activate(site, endpoint.hostId);
    const status = {
      mission: MISSION,
      title: 'Drill',
      stampSec: 1,
      elapsedSec: 1,
      rovers: [],
      exploredM2: 0,
      hazardsConfirmed: 0,
      speed: 1,
      bounds: null,
    };
    const channel = new MessageChannel(site.bus('coordinator', 'manager'), SILENT_LOGGER);
    await site.run(channel.publish(missionStatus, { site: SITE, mission: MISSION }, { ...status, phase: 'completed' }));
    await site.pass(3);
    expect(site.site.manager.book.all()).toHaveLength(1);
    await site.pass(4);
    expect(site.site.manager.book.all()).toEqual([]);
    expect(site.sandboxes.get(endpoint.hostId)?.started[0]?.closed).toBe(true);
  });
});

describe('fail-over', () => {
  async function running(): Promise<{
    site: TestSite;
    endpoint: Awaited<ReturnType<typeof offloaded>>;
    events: MissionEvent[];
    records: (PlacementRecord | null)[];
  }> {
    const site = await testSite();
    const channel = new MessageChannel(site.bus('watch', 'manager'), SILENT_LOGGER);
    const events: MissionEvent[] = [];
    const records: (PlacementRecord | null)[] = [];
    await site.run(channel.on(missionEvent, { site: SITE }, (event) => events.push(event)));
    await site.run(
      channel.on(
        placement,
        { site: SITE },
        (record) => records.push(record),
        () => records.push(null),
      ),
    );
    return { site, endpoint: await offloaded(site), events, records };
  }
  async function offloaded(site: TestSite) {
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(mapServer, { reason: 'start', epoch: 1 })));
    await activate(site, endpoint.hostId);
    const store = site.sandboxes.get(endpoint.hostId)?.started[0]?.options.storeCheckpoint;
    await store?.(new TextEncoder().encode('the map so far'));
    return { ...endpoint, rover };
  }

  test('a shared instance is restarted on another host from its last checkpoint, under a higher epoch', async () => {
    const { site, endpoint, events, records } = await running();
    const other = endpoint.hostId === 'edge-1' ? 'edge-2' : 'edge-1';
    site.network.crash(endpoint.hostId);
    await site.site.crashHost(endpoint.hostId);
    await site.pass(8);
    const restarted = site.sandboxes.get(other)?.started.at(-1)?.options;
    expect(new TextDecoder().decode(restarted?.checkpoint ?? undefined)).toBe('the map so far');
    expect(restarted?.epoch).toBeGreaterThan(endpoint.epoch);
    const located = await site.run(endpoint.rover.locate(endpoint));
    expect(located).toMatchObject({ hostId: other, instanceId: endpoint.instanceId, epoch: restarted?.epoch });
    expect(events.map((event) => event.kind)).toEqual(['edge', 'failover']);
    expect(events[1]?.text).toMatch(new RegExp(`map-server restarted on ${other}`));
    expect(records.at(-1)).toMatchObject({ status: 'running', host: other });
  });

  test('what the replaced instance still wants to store is refused', async () => {
    const { site, endpoint } = await running();
    const old = site.sandboxes.get(endpoint.hostId)?.started[0]?.options;
    site.network.setOnline(endpoint.hostId, false);
    await site.pass(12);
    expect(site.site.manager.failover.completed).toBe(1);
    await expect(old?.storeCheckpoint?.(new Uint8Array(1))).rejects.toMatchObject({ code: 'OUT_EDGE_FENCED' });
    site.network.setOnline(endpoint.hostId, true);
    await site.pass(5);
    const alive = [...site.site.hosts.values()].flatMap((host) => host.execution.list()).filter((instance) => instance.state === 'running');
    expect(alive).toHaveLength(1);
    expect(alive[0]?.epoch).toBeGreaterThan(endpoint.epoch);
  });

  test('an instance that fails again and again is given up', async () => {
    const { site, endpoint, events } = await running();
    for (let round = 0; round < 8; round += 1) {
      for (const sandbox of site.sandboxes.values()) {
        const last = sandbox.started.filter((instance) => !instance.closed).at(-1);
        last?.options.onFailed(new Error('trap'));
      }
      await site.pass(2);
    }
    expect(site.site.manager.book.all()).toEqual([]);
    expect(events.at(-1)?.text).toMatch(/cannot be brought back: restarted 4 times/);
    expect(await site.run(endpoint.rover.locate(endpoint))).toBeNull();
  });

  test('what an earlier process of a host had said is no news when a broker says it again', async () => {
    const { site, endpoint } = await running();
    const present = site.site.manager.resources.host(endpoint.hostId) as HostPresent;
    const channel = new MessageChannel(site.bus('echo', 'manager'), SILENT_LOGGER);
    await site.run(channel.publish(hostStatus, { site: SITE, host: endpoint.hostId }, { ...present, session: '0', instances: [] }));
    await site.pass(3);
    expect(site.site.manager.failover.completed).toBe(0);
    expect(await site.run(endpoint.rover.locate(endpoint))).toMatchObject({ hostId: endpoint.hostId, epoch: endpoint.epoch });
  });

  test('an incarnation that was replaced is stopped, and the checkpoint stays with the one that replaces it', async () => {
    const { site, endpoint } = await running();
    const present = site.site.manager.resources.host(endpoint.hostId) as HostPresent;
    const record = site.site.manager.book.get(endpoint.instanceId) as PlacementRecord;
    const [hosted] = present.instances as [HostedInstance];
    site.site.manager.book.put({ ...record, epoch: record.epoch + 1 });
    const channel = new MessageChannel(site.bus('late', 'manager'), SILENT_LOGGER);
    const commands: HostCommand[] = [];
    await site.run(channel.on(hostCommand, { site: SITE, host: 'edge-9' }, (command) => commands.push(command)));
    const late = { ...present, host: 'edge-9', session: 's9', instances: [hosted] };
    await site.run(channel.publish(hostStatus, { site: SITE, host: 'edge-9' }, late));
    await site.pass(0.5);
    expect(commands[0]).toMatchObject({ kind: 'stop', instance: endpoint.instanceId, epoch: record.epoch, checkpoint: 'leave' });
    expect((await site.checkpoints.latest(endpoint.instanceId))?.bytes).toEqual(new TextEncoder().encode('the map so far'));
  });

  test('while nothing that is said reaches the manager, no host counts as lost', async () => {
    let hears = true;
    const site = await testSite({ manager: { hears: () => hears } });
    hears = false;
    site.network.setOnline('edge-1', false);
    await site.pass(20);
    expect(site.site.manager.resources.hosts()).toHaveLength(2);
    hears = true;
    await site.pass(6);
    expect(site.site.manager.resources.hosts().map(({ host }) => host)).toEqual(['edge-2']);
  });

  test('an outage of the broker is no loss of hosts', async () => {
    const { site, endpoint } = await running();
    site.broker.stop();
    await site.pass(20);
    site.broker.start();
    await site.pass(5);
    expect(site.site.manager.failover.completed).toBe(0);
    expect(await site.run(endpoint.rover.locate(endpoint))).toMatchObject({ hostId: endpoint.hostId, epoch: endpoint.epoch });
  });
});

describe('transfer', () => {
  const bundle = carried[0] as (typeof carried)[0];

  async function reserved(site: TestSite) {
    const rover = await site.rover('rover-1', carried);
    let ticket = '';
    let address = '';
    const bus = site.bus('spy', 'manager');
    await site.run(
      bus.subscribe(`outrider/${SITE}/offload/reply/+`, ({ payload }) => {
        const reply = JSON.parse(new TextDecoder().decode(payload)) as { kind: string; ticket: string; addresses: string[] };
        if (reply.kind === 'reserved') [ticket, address] = [reply.ticket, reply.addresses[0] ?? ''];
      }),
    );
    return { rover, ticket: () => ticket, address: () => address };
  }

  async function talk(site: TestSite, address: string, frames: (Uint8Array | readonly Uint8Array[])[]): Promise<string[]> {
    const transport = await site.run(site.dataPlane.at('intruder').connect(address));
    const said: string[] = [];
    transport.onFrame = (frame) => {
      const message = decodeTransfer(frame);
      said.push(message.kind === 'failed' ? `failed ${message.code}` : message.kind);
    };
    for (const frame of frames) transport.send(frame instanceof Uint8Array ? [frame] : frame);
    await site.pass(1);
    return said;
  }

  test('an invented ticket, a used one, and junk get a coded refusal', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const { rover, ticket, address } = await reserved(site);
    await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
    const open = (with_: string) => encodeTransfer({ kind: 'open', ticket: with_, digest: bundle.digest, bytes: bundle.bytes.byteLength });
    expect(await talk(site, address(), [open('invented')])).toEqual(['failed OUT_EDGE_UNAUTHORIZED']);
    expect(await talk(site, address(), [open(ticket())])).toEqual(['failed OUT_EDGE_UNAUTHORIZED']);
    expect(await talk(site, address(), [Uint8Array.of(9, 9, 9)])).toEqual(['failed OUT_EDGE_TRANSFER']);
    expect(await talk(site, address(), [encodeTransfer({ kind: 'chunk', bytes: new Uint8Array(10) })])).toEqual([
      'failed OUT_EDGE_TRANSFER',
    ]);
  });

  test('a bundle that is not what its digest says is refused and kept nowhere', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const changed = new Uint8Array(bundle.bytes);
    changed[changed.length - 1] = 0;
    const rover = await site.rover('rover-1', [{ ...bundle, bytes: changed }]);
    const result = await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
    expect(result.kind === 'refused' && result.reason).toMatch(/OUT_MODULE_TAMPERED/);
    expect(site.sandboxes.get('edge-1')?.started).toEqual([]);
    const honest = await site.rover('rover-2', carried);
    expect(prepared(await site.run(honest.prepare(detection, { reason: 'heat', epoch: 1 }))).report.bundleBytesSent).toBe(
      bundle.bytes.byteLength,
    );
  });

  test('an upload that was cut goes on where it stopped', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const handler = site.site.hosts.get('edge-1')?.handler;
    handler?.reserve(
      {
        ...{
          instance: 'i-1',
          epoch: 1,
          mission: MISSION,
          rover: 'rover-1',
          requestedBy: 'rover-1',
          tenant: 'default',
          memoryMaxBytes: detection.memoryMaxBytes,
          key: '0'.repeat(64),
        },
        module: { name: detection.name, version: '1.0.0', digest: bundle.digest, sharing: 'per-rover' },
      },
      'ticket-1',
      30,
    );
    const to = handler?.addresses[0] ?? '';
    const open = encodeTransfer({ kind: 'open', ticket: 'ticket-1', digest: bundle.digest, bytes: bundle.bytes.byteLength });
    const half = 300_000;
    const first = await site.run(site.dataPlane.at('rover-1').connect(to));
    first.send(open);
    await site.pass(0.5);
    first.send(encodeTransfer({ kind: 'chunk', bytes: bundle.bytes.subarray(0, half) }));
    await site.pass(0.5);
    first.close(new Error('out of range'));
    const second = await site.run(site.dataPlane.at('rover-1').connect(to));
    const got: unknown[] = [];
    second.onFrame = (frame) => got.push(decodeTransfer(frame));
    second.send(open);
    await site.pass(0.5);
    expect(got).toEqual([{ kind: 'have', bytes: half }]);
    second.send(encodeTransfer({ kind: 'chunk', bytes: bundle.bytes.subarray(half) }));
    await site.pass(0.5);
    expect(got[1]).toMatchObject({ kind: 'ready', instance: 'i-1' });
  });
});
