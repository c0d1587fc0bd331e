// What the Offload Manager does when hosts and incarnations are lost, with the real parts on a virtual clock.
import { describe, expect, test } from 'vitest';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type HostCommand, hostCommand, type HostedInstance, type HostPresent, hostStatus } from '../../shared/protocol/host.ts';
import { missionEvent, type MissionEvent } from '../../shared/protocol/mission.ts';
import { placement, type PlacementRecord } from '../../shared/protocol/placement.ts';
import { activate, carried, mapServer, prepared, SITE, testSite, type TestSite } from './edge-support.ts';

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

  test('a failed instance stays listed with its error for a while, even when it is stopped', async () => {
    const { site, endpoint } = await running();
    const host = site.site.hosts.get(endpoint.hostId);
    site.sandboxes.get(endpoint.hostId)?.started[0]?.options.onFailed(new Error('trap'));
    await host?.execution.stop(endpoint.instanceId, endpoint.epoch, 'discard');
    expect(host?.execution.list()).toMatchObject([{ instance: endpoint.instanceId, state: 'failed', error: 'trap' }]);
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
    expect(await site.run(endpoint.rover.locate(endpoint))).toBe('unknown');
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
