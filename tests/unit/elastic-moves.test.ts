// Moves of an elastic module: the same handle answers on board, at the edge and back, with its state.
import { describe, expect, it } from 'vitest';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Echo, Ledger, echoManifest, ledgerManifest, type EchoHandle, type LedgerHandle } from '../support/elastic-ledger.ts';
import { TestSite } from '../support/elastic-test-site.ts';

function ledgerRig(sharing: 'shared' | 'per-rover', options: Partial<ConstructorParameters<typeof TestSite>[0]> = {}) {
  const clock = new VirtualClock();
  const manifest = ledgerManifest(sharing);
  const site = new TestSite({ clock, manifest, createInstance: () => new Ledger(), delaySec: () => 0.001, ...options });
  const rover = (channelId: string): ElasticModule<LedgerHandle> =>
    new ElasticModule<LedgerHandle>({ manifest, channelId, clock, site, createLocal: () => Promise.resolve(new Ledger()) });
  return { clock, site, rover, manifest };
}

describe('an elastic module', () => {
  it('keeps its state and its order through offload, handoff and recall', async () => {
    const { clock, rover } = ledgerRig('per-rover');
    const module = rover('r1');
    const run = async (): Promise<void> => {
      await module.start();
      expect(await module.handle.append(1)).toBe(1);
      const offloaded = await module.offload({ reason: 'battery' });
      expect(offloaded).toMatchObject({ outcome: 'moved', kind: 'offload', from: null, to: 'host-a' });
      expect(module.placement).toMatchObject({ kind: 'edge', hostId: 'host-a', epoch: 2 });
      expect(await module.handle.append(2)).toBe(2);
      const handed = await module.handoff();
      expect(handed).toMatchObject({ outcome: 'moved', kind: 'handoff', from: 'host-a' });
      expect(await module.handle.append(3)).toBe(3);
      const recalled = await module.recall();
      expect(recalled).toMatchObject({ outcome: 'moved', kind: 'recall', to: null });
      expect(module.placement.kind).toBe('onboard');
      expect(await module.handle.append(4)).toBe(4);
      expect([...(await module.handle.entries())]).toEqual([1, 2, 3, 4]);
      await module.close();
    };
    await clock.runUntilSettled(run());
  });

  it('answers calls that are made while it moves, in order', async () => {
    const { clock, rover } = ledgerRig('per-rover', { prepareSec: 0.05 });
    const module = rover('r1');
    const run = async (): Promise<number[]> => {
      await module.start();
      const counts: Promise<number>[] = [];
      const ticker = clock.every(0.002, () => void counts.push(module.handle.append(counts.length)));
      for (const move of ['offload', 'handoff', 'recall', 'offload', 'recall'] as const) {
        await clock.sleep(0.05);
        const report = await module[move]();
        expect(report.outcome, `${move}: ${report.error?.message}`).toBe('moved');
      }
      ticker.stop();
      const answers = await Promise.all(counts);
      expect(answers).toEqual(answers.map((_, index) => index + 1));
      const entries = [...(await module.handle.entries())];
      expect(entries).toEqual(answers.map((_, index) => index));
      await module.close();
      return answers;
    };
    const answers = await clock.runUntilSettled(run());
    expect(answers.length).toBeGreaterThan(150);
  });

  it('comes back on board from its last checkpoint when its host dies, and makes the calls after it again', async () => {
    const { clock, rover, site } = ledgerRig('per-rover', { checkpointEveryCalls: 5 });
    const module = rover('r1');
    const recovered: unknown[] = [];
    module.on('recovered', (event) => recovered.push(event));
    await clock.runUntilSettled(
      (async () => {
        await module.start();
        await module.offload();
        for (let entry = 0; entry < 13; entry += 1) await module.handle.append(entry);
        site.crash(site.running[0]!);
        expect(await module.handle.append(13)).toBe(14);
        expect(module.placement.kind).toBe('onboard');
        expect([...(await module.handle.entries())]).toEqual(Array.from({ length: 14 }, (_, index) => index));
        await module.close();
      })(),
    );
    expect(recovered).toMatchObject([{ how: 'fallback', hostId: null }]);
    expect((recovered[0] as { replayed: number }).replayed).toBeGreaterThan(0);
    expect((recovered[0] as { replayed: number }).replayed).toBeLessThan(10);
  });

  it('goes on with the same instance after a cut connection', async () => {
    const { clock, rover, site } = ledgerRig('per-rover');
    const module = rover('r1');
    const how: string[] = [];
    module.on('recovered', (event) => how.push(event.how));
    await clock.runUntilSettled(
      (async () => {
        await module.start();
        await module.offload();
        const answers = Array.from({ length: 40 }, (_, entry) => module.handle.append(entry));
        await clock.sleep(0.0015);
        site.cut(site.running[0]!);
        expect(await Promise.all(answers)).toEqual(answers.map((_, index) => index + 1));
        expect([...(await module.handle.entries())]).toEqual(answers.map((_, index) => index));
        await module.close();
      })(),
    );
    expect(how).toEqual(['reconnect']);
  });

  it('redirects a second rover to the shared instance, with what it did on board before', async () => {
    const { clock, rover, site } = ledgerRig('shared');
    const [first, second] = [rover('r1'), rover('r2')];
    await clock.runUntilSettled(
      (async () => {
        await first.start();
        await second.start();
        await first.handle.append(1);
        await second.handle.append(2);
        expect((await first.offload()).kind).toBe('offload');
        const joined = await second.offload();
        expect(joined).toMatchObject({ outcome: 'moved', kind: 'redirect', replayed: 1 });
        await second.handle.append(3);
        expect([...(await first.handle.entries())]).toEqual([1, 2, 3]);
        expect((await first.recall()).outcome).toBe('refused');
        expect(await first.handle.append(4)).toBe(4);
        expect(site.running).toHaveLength(1);
        await first.close();
        await second.close();
      })(),
    );
  });

  it('finds a shared instance that was restarted from its checkpoint, and makes later calls again', async () => {
    const { clock, rover, site } = ledgerRig('shared', { checkpointEveryCalls: 4 });
    const [first, second] = [rover('r1'), rover('r2')];
    await clock.runUntilSettled(
      (async () => {
        await first.start();
        await second.start();
        await first.offload();
        await second.offload();
        for (let entry = 0; entry < 10; entry += 1) await (entry % 2 === 0 ? first : second).handle.append(entry);
        site.crash(site.running[0]!);
        const answers = [first.handle.append(10), second.handle.append(11)];
        await clock.sleep(3);
        expect(first.placement.kind).toBe('waiting');
        site.start('host-b', 7, site.stored!.bytes);
        await Promise.all(answers);
        expect(first.placement).toMatchObject({ kind: 'edge', hostId: 'host-b', epoch: 7 });
        const entries = [...(await first.handle.entries())];
        expect(entries.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
        expect(entries.filter((entry) => entry % 2 === 0)).toEqual([0, 2, 4, 6, 8, 10]);
        expect(entries.filter((entry) => entry % 2 === 1)).toEqual([1, 3, 5, 7, 9, 11]);
        await first.close();
        await second.close();
      })(),
    );
  });

  it('runs stateless calls on board at once when the edge is gone', async () => {
    const clock = new VirtualClock();
    const manifest = echoManifest();
    const site = new TestSite({ clock, manifest, createInstance: () => new Echo(), delaySec: () => 0.001 });
    const module = new ElasticModule<EchoHandle>({
      manifest,
      channelId: 'r1',
      clock,
      site,
      createLocal: () => Promise.resolve(new Echo()),
    });
    await clock.runUntilSettled(
      (async () => {
        await module.start();
        await module.offload();
        expect(await module.handle.double(4)).toBe(8);
        const pending = module.handle.double(5);
        site.linkUp = false;
        site.crash(site.running[0]!);
        const lostSec = clock.nowSec();
        expect(await pending).toBe(10);
        expect(await module.handle.double(6)).toBe(12);
        expect(clock.nowSec() - lostSec).toBeLessThan(0.01);
        await module.close();
      })(),
    );
  });

  it('does not wait for a place that is being looked for when it is closed', async () => {
    const { clock, site, manifest } = ledgerRig('per-rover');
    const patient: RemoteSite = {
      reachable: true,
      prepare: (_manifest, { signal }) =>
        new Promise((resolve) => signal?.addEventListener('abort', () => resolve({ kind: 'refused', reason: 'given up' }))),
      locate: (endpoint) => site.locate(endpoint),
      release: () => Promise.resolve(),
    };
    const module = new ElasticModule<LedgerHandle>({
      manifest,
      channelId: 'r1',
      clock,
      site: patient,
      createLocal: () => Promise.resolve(new Ledger()),
    });
    await clock.runUntilSettled(
      (async () => {
        await module.start();
        const move = module.offload({ reason: 'nobody answers' });
        await clock.sleep(1);
        const beganSec = clock.nowSec();
        await module.close();
        expect(clock.nowSec()).toBe(beganSec);
        expect(await move).toMatchObject({ outcome: 'refused' });
      })(),
    );
  });
});
