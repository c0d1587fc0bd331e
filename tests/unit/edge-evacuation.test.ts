// Draining a host and evening out load, with the real manager, hosts and Offload Handler, on a virtual clock.
import { describe, expect, test } from 'vitest';
import type { MoveAdvice } from '../../shared/elastic/remote-site.ts';
import { activate, carried, detection, mapServer, prepared, testSite } from './edge-support.ts';

describe('draining a host', () => {
  test('a shared instance goes on elsewhere from what its host froze, under a higher epoch, and is not counted as a failure', async () => {
    const site = await testSite();
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(mapServer, { reason: 'start', epoch: 1 })));
    await activate(site, endpoint.hostId);
    const other = endpoint.hostId === 'edge-1' ? 'edge-2' : 'edge-1';
    for (let round = 0; round < 6; round += 1) {
      const [from, to] = round % 2 === 0 ? [endpoint.hostId, other] : [other, endpoint.hostId];
      await site.run(site.site.manager.drain(from, true));
      await site.pass(2);
      expect(site.site.hosts.get(from)?.occupied).toBe(0);
      const located = await site.run(rover.locate(endpoint));
      expect(located).toMatchObject({ hostId: to, instanceId: endpoint.instanceId });
      const started = site.sandboxes.get(to)?.started.at(-1)?.options;
      expect(new TextDecoder().decode(started?.checkpoint ?? undefined)).toMatch(new RegExp(`^frozen ${endpoint.instanceId} \\d+$`));
      await site.run(site.site.manager.drain(from, false));
      await site.pass(1.1);
    }
  });

  test('a rover is advised to move its own instance, again if it does not, and no new module comes', async () => {
    const site = await testSite();
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(detection, { reason: 'heat', epoch: 3 })));
    await activate(site, endpoint.hostId);
    const advice: MoveAdvice[] = [];
    const stop = rover.onAdvice((one) => advice.push(one));
    await site.run(site.site.manager.drain(endpoint.hostId, true));
    await site.pass(5);
    expect(advice).toHaveLength(2);
    expect(advice[0]).toMatchObject({ instanceId: endpoint.instanceId, epoch: 3, leaveHost: endpoint.hostId, preferHost: null });
    const next = prepared(await site.run(rover.prepare(detection, { reason: 'drain', epoch: 4, excludeHost: endpoint.hostId })));
    expect(next.endpoint.hostId).not.toBe(endpoint.hostId);
    await activate(site, next.endpoint.hostId);
    await site.run(rover.release(endpoint));
    await site.pass(4);
    expect(site.site.hosts.get(endpoint.hostId)?.occupied).toBe(0);
    expect(advice).toHaveLength(2);
    stop();
  });

  test('with no other host an instance stays where it is', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const rover = await site.rover('rover-1', carried);
    const { endpoint } = prepared(await site.run(rover.prepare(mapServer, { reason: 'start', epoch: 1 })));
    await activate(site, 'edge-1');
    await site.run(site.site.manager.drain('edge-1', true));
    await site.pass(10);
    expect(await site.run(rover.locate(endpoint))).toMatchObject({ hostId: 'edge-1', epoch: endpoint.epoch });
  });

  test('a host that the site does not have is an error that names those it has', async () => {
    const site = await testSite();
    await expect(site.run(site.site.manager.drain('edge-9', true))).rejects.toMatchObject({
      code: 'OUT_EDGE_UNKNOWN',
      message: expect.stringContaining('edge-1, edge-2') as string,
    });
  });
});

describe('rebalancing', () => {
  async function uneven(loads: Record<string, number>) {
    const site = await testSite({ load: (host) => loads[host] ?? 0 });
    const advice: MoveAdvice[] = [];
    for (const id of ['rover-1', 'rover-2', 'rover-3']) {
      const rover = await site.rover(id, carried);
      const { endpoint } = prepared(await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1, preferHost: 'edge-1' })));
      await activate(site, endpoint.hostId);
      rover.onAdvice((one) => advice.push(one));
    }
    return { site, advice };
  }

  test('a lasting difference moves one instance after the other, with a pause between', async () => {
    const loads = { 'edge-1': 0.9, 'edge-2': 0.1 };
    const { site, advice } = await uneven(loads);
    await site.pass(9);
    expect(advice).toEqual([]);
    await site.pass(3);
    expect(advice).toHaveLength(1);
    expect(advice[0]).toMatchObject({ leaveHost: 'edge-1', preferHost: 'edge-2' });
    await site.pass(5.5);
    expect(advice).toHaveLength(2);
    // The difference that began it would not begin it now, but it goes on until the hosts are nearly even.
    loads['edge-1'] = 0.35;
    await site.pass(5.5);
    expect(advice).toHaveLength(3);
    loads['edge-1'] = 0.15;
    await site.pass(30);
    expect(advice).toHaveLength(3);
  });

  test('a burst moves nothing', async () => {
    const loads = { 'edge-1': 0.9, 'edge-2': 0.1 };
    const { site, advice } = await uneven(loads);
    for (let round = 0; round < 5; round += 1) {
      loads['edge-1'] = 0.9;
      await site.pass(6);
      loads['edge-1'] = 0.1;
      await site.pass(3);
    }
    expect(advice).toEqual([]);
  });
});
