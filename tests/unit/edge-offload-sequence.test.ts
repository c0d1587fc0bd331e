// The offload sequence between the real Offload Handler, Offload Manager and Remote Offload Handler, on a virtual clock.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { credentialTable } from '../../edge/control/authenticator.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { missionStatus } from '../../shared/protocol/mission.ts';
import { activate, carried, detection, manifestOf, mapServer, MISSION, prepared, SITE, testSite } from './edge-support.ts';

describe('offload sequence', () => {
  test('a cold offload sends the bundle, a warm one does not', async () => {
    const site = await testSite();
    const first = await site.rover('rover-1', carried);
    const second = await site.rover('rover-2', carried);
    const cold = prepared(await site.run(first.prepare(detection, { reason: 'battery', epoch: 1 })));
    expect(cold.report.bundleBytesSent).toBe(carried[0]?.bytes.byteLength);
    expect(Object.keys(cold.report.stepsMs)).toEqual(['request', 'reserve', 'reach', 'transfer', 'initialise']);
    const warm = prepared(await site.run(second.prepare(detection, { reason: 'heat', epoch: 1, preferHost: cold.endpoint.hostId })));
    expect(warm.report).toMatchObject({ bundleBytesSent: 0, warm: true, hostId: cold.endpoint.hostId });
    const transport = await site.run(warm.endpoint.connect());
    const echoed = new Promise<string>((resolve) => (transport.onFrame = (frame) => resolve(new TextDecoder().decode(frame))));
    transport.send([new TextEncoder().encode('hello')]);
    expect(await site.run(echoed)).toBe('hello');
  });

  test('a host that has the module loaded starts the instance with its place: nothing is transferred', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const [first, second] = [await site.rover('rover-1', carried), await site.rover('rover-2', carried)];
    const started = (): (string | null)[] => site.sandboxes.get('edge-1')?.started.map(({ options }) => options.rover) ?? [];
    prepared(await site.run(first.prepare(detection, { reason: 'battery', epoch: 1 })));
    const { report, endpoint, abandon } = prepared(await site.run(second.prepare(detection, { reason: 'heat', epoch: 1 })));
    expect(Object.keys(report.stepsMs)).toEqual(['request', 'reserve']);
    expect(started()).toEqual(['rover-1', 'rover-2']);
    expect(endpoint).toMatchObject({ hostId: 'edge-1', epoch: 1 });
    // Given back, it is over like one whose bundle was brought.
    await site.run(abandon());
    await site.pass(0.1);
    expect(site.sandboxes.get('edge-1')?.started.map(({ closed }) => closed)).toEqual([false, true]);
  });

  test('a place for a network alone starts no instance of its module', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const [first, second] = [await site.rover('rover-1', carried), await site.rover('rover-2', carried)];
    prepared(await site.run(first.prepare(detection, { reason: 'battery', epoch: 1 })));
    expect(await site.run(second.share(detection, { reason: 'heat', epoch: 1 }))).toMatchObject({ kind: 'shared' });
    expect(site.sandboxes.get('edge-1')?.started).toHaveLength(1);
  });

  test('a module that is not what was negotiated is not started, and its place is free again', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const [honest] = carried;
    const first = await site.rover('rover-1', carried);
    prepared(await site.run(first.prepare(detection, { reason: 'battery', epoch: 1 })));
    const small = manifestOf('object-detection', 'per-rover', { memoryMaxBytes: 1024 * 1024 });
    const second = await site.rover('rover-2', [{ ...honest!, manifest: small }]);
    const freeBytes = (): number | undefined => site.site.manager.resources.hosts()[0]?.memoryFreeBytes;
    await site.pass(2);
    const before = freeBytes();
    const result = await site.run(second.prepare(small, { reason: 'heat', epoch: 1 }));
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringContaining('not what was negotiated') as string });
    await site.pass(2);
    expect(freeBytes()).toBe(before);
    expect(site.sandboxes.get('edge-1')?.started).toHaveLength(1);
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
    expect(await site.run(rover.locate(endpoint))).toBe('unknown');
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
