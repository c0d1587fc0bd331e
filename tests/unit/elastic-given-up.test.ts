// A shared instance that its site cannot bring back: its rovers go on with what they have, and bring it to the edge anew.
import { describe, expect, it } from 'vitest';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { RecoveredEvent } from '../../shared/elastic/module-events.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Ledger, ledgerManifest, type LedgerHandle } from '../support/elastic-ledger.ts';
import { TestSite } from '../support/elastic-test-site.ts';

type Rig = ReturnType<typeof rig>;

function rig() {
  const clock = new VirtualClock();
  const manifest = ledgerManifest('shared');
  const site = new TestSite({ clock, manifest, createInstance: () => new Ledger(), delaySec: () => 0.001, checkpointEveryCalls: 4 });
  const recovered: RecoveredEvent[] = [];
  const [first, second] = ['r1', 'r2'].map((channelId) => {
    const module = new ElasticModule<LedgerHandle>({
      ...{ manifest, channelId, clock, site, createLocal: () => Promise.resolve(new Ledger()) },
    });
    module.on('recovered', (event) => void recovered.push(event));
    return module;
  }) as [ElasticModule<LedgerHandle>, ElasticModule<LedgerHandle>];
  return { clock, site, first, second, recovered };
}

/** Both use the instance, of which the first one brought an entry. */
async function share({ first, second }: Rig): Promise<void> {
  await first.start();
  await second.start();
  await first.handle.append(0);
  await first.offload();
  await second.offload();
  for (let entry = 1; entry < 10; entry += 1) await (entry % 2 === 0 ? first : second).handle.append(entry);
}

const sorted = async (module: ElasticModule<LedgerHandle>): Promise<number[]> =>
  [...(await module.handle.entries())].toSorted((a, b) => a - b);

describe('a shared instance that cannot be brought back', () => {
  it('costs nothing when nothing was stored yet: every effect is made again', async () => {
    const at = rig();
    const { clock, site, first, second, recovered } = at;
    await clock.runUntilSettled(
      (async () => {
        site.storeFails = true;
        await share(at);
        site.givesUp = true;
        site.crash(site.running[0]!);
        const answers = [first.handle.append(10), second.handle.append(11)];
        await clock.sleep(3);
        expect(first.placement.kind, 'it might come back').toBe('waiting');
        await Promise.all(answers);
        expect(recovered).toMatchObject([
          { how: 'fallback', lost: 0 },
          { how: 'fallback', lost: 0 },
        ]);
        expect(await sorted(first)).toEqual([0, 2, 4, 6, 8, 10]);
        expect(await sorted(second)).toEqual([1, 3, 5, 7, 9, 11]);
        site.storeFails = false;
        expect(await second.offload()).toMatchObject({ outcome: 'moved', kind: 'offload' });
        expect(await first.offload()).toMatchObject({ outcome: 'moved', kind: 'redirect' });
        expect(await sorted(first)).toEqual(Array.from({ length: 12 }, (_, index) => index));
        await first.close();
        await second.close();
      })(),
    );
  });

  it('says how much went with it when what was stored is lost, and takes everyone in again', async () => {
    const at = rig();
    const { clock, site, first, second, recovered } = at;
    await clock.runUntilSettled(
      (async () => {
        await share(at);
        await clock.sleep(6);
        site.givesUp = true;
        site.crash(site.running[0]!);
        await Promise.all([first.handle.append(10), second.handle.append(11)]);
        // The first one has its state of the move with one entry in it; the other one never had a state of its own.
        expect(recovered.map(({ lost }) => lost).toSorted((a, b) => a - b)).toEqual([4, 5]);
        expect([first.stats.calls.lost, second.stats.calls.lost]).toEqual([4, 5]);
        expect((await first.offload()).outcome).toBe('moved');
        expect(await second.offload()).toMatchObject({ outcome: 'moved', kind: 'redirect' });
        await second.handle.append(12);
        expect(await sorted(first)).toEqual([0, 10, 11, 12]);
        await first.close();
        await second.close();
      })(),
    );
  });

  it('is waited for while the site does not say so, however long', async () => {
    const at = rig();
    const { clock, site, first, second } = at;
    await clock.runUntilSettled(
      (async () => {
        await share(at);
        site.crash(site.running[0]!);
        const answer = first.handle.append(10);
        await clock.sleep(60);
        expect([first.placement.kind, second.placement.kind]).toEqual(['waiting', 'waiting']);
        site.start('host-b', 7, site.stored!.bytes);
        await answer;
        expect(await sorted(first)).toEqual(Array.from({ length: 11 }, (_, index) => index));
        await first.close();
        await second.close();
      })(),
    );
  });
});

it('a shared instance is in the store as soon as it runs', async () => {
  const { clock, site, first } = rig();
  await clock.runUntilSettled(
    (async () => {
      await first.start();
      await first.handle.append(0);
      await first.offload();
      site.crash(site.running[0]!);
      const answer = first.handle.append(1);
      site.start('host-b', 7, site.stored!.bytes);
      await answer;
      expect(await sorted(first)).toEqual([0, 1]);
      await first.close();
    })(),
  );
});
