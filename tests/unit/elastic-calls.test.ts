// What a caller can rely on: deadlines, cancellation, latest, back pressure, typed errors, wherever the module runs.
import { describe, expect, it } from 'vitest';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { LocalRunner } from '../../shared/elastic/local-runner.ts';
import { captureState, restoreState } from '../../shared/elastic/state-form.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Echo, Ledger, echoManifest, ledgerManifest, type EchoHandle, type LedgerHandle } from '../support/elastic-ledger.ts';
import { TestSite } from '../support/elastic-test-site.ts';
import { echo, inVirtualTime, ledger, settled } from '../support/elastic-rig.ts';

describe('a call', () => {
  it.each(['onboard', 'edge'])('%s throws registered errors as themselves, and others with their message', async (where) => {
    const rig = ledger();
    await inVirtualTime(rig, async () => {
      if (where === 'edge') await rig.module.offload();
      await expect(rig.module.handle.fail('too far')).rejects.toThrow('too far');
      if (where === 'edge') await expect(rig.module.handle.fail('x')).rejects.toMatchObject({ code: 'OUT_ELASTIC_REMOTE' });
      await expect(rig.module.handle.append('one' as never)).rejects.toMatchObject({ code: 'OUT_MODULE_VALUE' });
      expect(await rig.module.handle.append(1)).toBe(1);
    });
  });

  it('rejects at its deadline; one that has not begun takes no effect', async () => {
    const rig = ledger({ holdBackSec: (name) => (name === 'append' ? 0.1 : 0) });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const startedSec = rig.clock.nowSec();
      const calls = [1, 2, 3, 4].map((entry) => rig.module.handle.append(entry, { deadlineMs: 150 }));
      expect(await settled(calls)).toEqual(['1', 'OUT_ELASTIC_DEADLINE', 'OUT_ELASTIC_DEADLINE', 'OUT_ELASTIC_DEADLINE']);
      expect(rig.clock.nowSec() - startedSec).toBeCloseTo(0.15, 2);
      // The second had begun: it takes effect once, and nobody waits for it any more.
      expect([...(await rig.module.handle.entries())]).toEqual([1, 2]);
    });
  });

  it('can be cancelled: before it begins it takes no effect, wherever it waits', async () => {
    const rig = ledger({ holdBackSec: () => 0.05, prepareSec: 0.01 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const controller = new AbortController();
      const calls = [1, 2, 3].map((entry) => rig.module.handle.append(entry, { signal: controller.signal }));
      calls.push(rig.module.handle.append(4));
      await rig.clock.sleep(0.02);
      controller.abort(new Error('not wanted'));
      expect(await settled(calls)).toEqual(['not wanted', 'not wanted', 'not wanted', '2']);
      expect([...(await rig.module.handle.entries())]).toEqual([1, 4]);
      await expect(rig.module.handle.append(5, { signal: controller.signal })).rejects.toThrow('not wanted');
    });
  });

  it('that is cancelled while the module moves does not happen at the new place', async () => {
    const rig = ledger({ delaySec: () => 0.02 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      await rig.module.handle.append(1);
      const controller = new AbortController();
      const moving = rig.module.recall();
      while (rig.module.placement.kind !== 'moving') await rig.clock.sleep(0.001);
      const call = rig.module.handle.append(2, { signal: controller.signal });
      await rig.clock.sleep(0.001);
      controller.abort(new Error('not wanted'));
      await expect(call).rejects.toThrow('not wanted');
      expect((await moving).outcome).toBe('moved');
      expect([...(await rig.module.handle.entries())]).toEqual([1]);
    });
  });

  it('that was cancelled on its way to a host that died is not made again', async () => {
    const rig = ledger({ holdBackSec: () => 0.05 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const controller = new AbortController();
      const calls = [rig.module.handle.append(1), rig.module.handle.append(2, { signal: controller.signal }), rig.module.handle.append(3)];
      await rig.clock.sleep(0.01);
      controller.abort(new Error('not wanted'));
      rig.site.crash(rig.site.running[0]!);
      expect(await settled(calls)).toEqual(['1', 'not wanted', '2']);
      expect([...(await rig.module.handle.entries())]).toEqual([1, 3]);
    });
  });

  it('is refused when too many wait already, and accepted again when they are answered', async () => {
    const rig = ledger({}, { outboxMaxCalls: 10 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const calls = Array.from({ length: 11 }, (_, entry) => rig.module.handle.append(entry));
      expect((await settled(calls)).filter((answer) => answer === 'OUT_ELASTIC_OVERLOADED')).toHaveLength(1);
      expect(await rig.module.handle.append(10)).toBe(11);
    });
  });

  it('waits for a checkpoint when what may have to be made again fills the outbox', async () => {
    // The shell would make none by itself.
    const rig = ledger({ checkpointEverySec: 1e6, checkpointEveryCalls: 1e6 }, { outboxMaxCalls: 16 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      for (let entry = 0; entry < 200; entry += 1) expect(await rig.module.handle.append(entry)).toBe(entry + 1);
      expect(rig.module.stats.outbox.calls).toBeLessThanOrEqual(17);
    });
  });

  it('that traps is not made again: the instance is replaced, and the state before it is kept', async () => {
    const rig = ledger();
    await inVirtualTime(rig, async () => {
      await rig.module.handle.append(1);
      await rig.module.offload();
      await rig.module.handle.append(2);
      await expect(rig.module.handle.trap()).rejects.toMatchObject({ code: 'OUT_MODULE_TRAP' });
      expect(await rig.module.handle.append(3)).toBe(3);
      expect([...(await rig.module.handle.entries())]).toEqual([1, 2, 3]);
    });
  });

  it('rejects with OUT_ELASTIC_CLOSED once the module is closed', async () => {
    const rig = ledger({ holdBackSec: () => 1 });
    let pending = Promise.resolve(['']);
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      pending = settled([rig.module.handle.append(1)]);
    });
    expect(await pending).toEqual(['OUT_ELASTIC_CLOSED']);
    await expect(rig.module.handle.append(2)).rejects.toMatchObject({ code: 'OUT_ELASTIC_CLOSED' });
    await expect(rig.module.offload()).rejects.toMatchObject({ code: 'OUT_ELASTIC_CLOSED' });
  });
});

describe('a latest function', () => {
  it('drops what is stale: of the calls that wait only the newest is made', async () => {
    const rig = echo({ holdBackSec: () => 0.1 }, { latest: ['double'] });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const calls = [1, 2, 3, 4].map((value) => rig.module.handle.double(value));
      expect(await settled(calls)).toEqual(['2', 'OUT_ELASTIC_STALE', 'OUT_ELASTIC_STALE', '8']);
      expect(rig.module.stats.calls.stale).toBe(2);
    });
  });

  it('is not made again after a loss, and goes on with newer calls', async () => {
    const rig = ledger({ holdBackSec: () => 0.1 }, { latest: ['append'] });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const [first, second] = [rig.module.handle.append(1), rig.module.handle.append(2)];
      await rig.clock.sleep(0.02);
      rig.site.crash(rig.site.running[0]!);
      expect(await settled([first, second])).toEqual(['OUT_ELASTIC_STALE', '1']);
      expect([...(await rig.module.handle.entries())]).toEqual([2]);
    });
  });
});

describe('a move that fails', () => {
  it('is told as refused when the site has no place, and calls go on', async () => {
    const rig = ledger();
    await inVirtualTime(rig, async () => {
      rig.site.refuse = true;
      const report = await rig.module.offload();
      expect(report).toMatchObject({ outcome: 'refused', error: { code: 'OUT_ELASTIC_REFUSED' } });
      expect(await rig.module.handle.append(1)).toBe(1);
    });
  });

  it('leaves the module on board when the place dies at any moment of the move', async () => {
    for (let crashMs = 0; crashMs < 14; crashMs += 1) {
      const rig = ledger({ delaySec: () => 0.002 });
      await inVirtualTime(rig, async () => {
        await rig.module.handle.append(1);
        const moving = rig.module.offload();
        await rig.clock.sleep(crashMs / 1000 + 0.0005);
        const running = rig.site.running[0];
        if (running !== undefined) rig.site.crash(running);
        const report = await moving;
        expect(['failed', 'moved']).toContain(report.outcome);
        expect(await rig.module.handle.append(2)).toBe(2);
        expect([...(await rig.module.handle.entries())]).toEqual([1, 2]);
        expect(rig.module.placement.kind).toBe('onboard');
      });
    }
  });
});

describe('an on-board runner of its own', () => {
  it('serves calls one at a time, and its state moves like an inline instance’s', async () => {
    const clock = new VirtualClock();
    const manifest = ledgerManifest('per-rover');
    const instance = new Ledger();
    let busy = false;
    const runner: LocalRunner = {
      build: 'native',
      async call(name, args) {
        expect(busy).toBe(false);
        busy = true;
        await clock.sleep(0.01);
        busy = false;
        return instance.call(name, args);
      },
      capture: () => Promise.resolve(captureState(manifest, instance)),
      restore: (state) => Promise.resolve(restoreState(manifest, instance, state)),
      close: () => Promise.resolve(),
    };
    const site = new TestSite({ clock, manifest, createInstance: () => new Ledger(), delaySec: () => 0.001 });
    const module = new ElasticModule<LedgerHandle>({ manifest, channelId: 'r1', clock, site, createLocal: () => Promise.resolve(runner) });
    await inVirtualTime({ clock, site, module }, async () => {
      const answers = [1, 2, 3].map((entry) => module.handle.append(entry));
      expect((await module.offload()).outcome).toBe('moved');
      answers.push(module.handle.append(4));
      expect((await module.recall()).outcome).toBe('moved');
      answers.push(module.handle.append(5));
      expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5]);
      expect(instance.entries).toEqual([1, 2, 3, 4, 5]);
    });
  });

  it('is held back by the device model like an inline instance', async () => {
    const clock = new VirtualClock();
    const manifest = echoManifest();
    const instance = new Echo();
    const runner: LocalRunner = {
      build: 'native',
      call: (name, args) => Promise.resolve(instance.call(name, args)),
      capture: () => Promise.resolve(captureState(manifest, instance)),
      restore: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const site = new TestSite({ clock, manifest, createInstance: () => new Echo(), delaySec: () => 0.001 });
    const module = new ElasticModule<EchoHandle>({
      ...{ manifest, channelId: 'r1', clock, site, createLocal: () => Promise.resolve(runner) },
      holdBackSec: () => 0.25,
    });
    await inVirtualTime({ clock, site, module }, async () => {
      const startedSec = clock.nowSec();
      expect(await module.handle.double(7)).toBe(14);
      expect(clock.nowSec() - startedSec).toBeCloseTo(0.25, 9);
    });
  });
});
