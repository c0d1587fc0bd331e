import { describe, expect, it } from 'vitest';
import type { LocalRunner } from '../../shared/elastic/local-runner.ts';
import { captureState, restoreState } from '../../shared/elastic/state-form.ts';
import { ParkingRunner } from '../../shared/services/parking-runner.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Ledger, ledgerManifest } from '../support/elastic-ledger.ts';

const IDLE_SEC = 15;
const manifest = ledgerManifest('per-rover');

/** Ledgers whose state is what was appended; `log` tells when one is made and put away. */
function rig(failures = 0) {
  const clock = new VirtualClock();
  const log: string[] = [];
  let left = failures;
  const start = async (): Promise<LocalRunner> => {
    await clock.sleep(0.5);
    if (left > 0) {
      left -= 1;
      throw new Error('no memory');
    }
    const instance = new Ledger();
    log.push('made');
    return {
      build: 'native',
      call: async (name, args) => {
        await clock.sleep(0.1);
        return instance.call(name, args);
      },
      capture: () => Promise.resolve(captureState(manifest, instance)),
      restore: (state) => Promise.resolve(restoreState(manifest, instance, state)),
      close: () => Promise.resolve(void log.push('closed')),
    };
  };
  return { clock, log, runner: new ParkingRunner({ build: 'native', start, clock, idleSec: IDLE_SEC }) };
}

describe('an instance that is put away when nobody uses it', () => {
  it('is made with the first call, and not before', async () => {
    const { clock, log, runner } = rig();
    await clock.runUntilSettled(clock.sleep(100));
    expect([log, runner.running]).toEqual([[], false]);
    expect(await clock.runUntilSettled(runner.call('append', [1]))).toBe(1);
    expect([log, runner.running]).toEqual([['made'], true]);
  });

  it('stays while calls come, goes when none came for a while, and goes on from its state', async () => {
    const { clock, log, runner } = rig();
    for (let call = 1; call <= 5; call += 1) {
      expect(await clock.runUntilSettled(runner.call('append', [call]))).toBe(call);
      await clock.runUntilSettled(clock.sleep(IDLE_SEC - 1));
    }
    expect(log).toEqual(['made']);
    await clock.runUntilSettled(clock.sleep(2));
    expect([log, runner.running]).toEqual([['made', 'closed'], false]);
    expect(await clock.runUntilSettled(runner.call('append', [6]))).toBe(6);
    expect(log).toEqual(['made', 'closed', 'made']);
  });

  it('gives the state that it was put away with without being made again', async () => {
    const { clock, log, runner } = rig();
    await clock.runUntilSettled(runner.call('append', [7]));
    const there = await clock.runUntilSettled(runner.capture());
    await clock.runUntilSettled(clock.sleep(IDLE_SEC + 1));
    expect(await clock.runUntilSettled(runner.capture())).toEqual(there);
    expect(log).toEqual(['made', 'closed']);
  });

  it('tells the state that it would begin with without being made, where that is known', async () => {
    const { clock, log } = rig();
    const initial = captureState(manifest, new Ledger());
    const start = (): Promise<LocalRunner> => Promise.reject(new Error('not needed'));
    const runner = new ParkingRunner({ build: 'native', start, clock, idleSec: IDLE_SEC, initialState: () => Promise.resolve(initial) });
    expect(await runner.capture()).toBe(initial);
    expect([log, runner.running]).toEqual([[], false]);
  });

  it('takes a state from elsewhere instead of its own', async () => {
    const { clock, runner } = rig();
    const other = rig();
    for (const entry of [1, 2, 3]) await other.clock.runUntilSettled(other.runner.call('append', [entry]));
    const state = await other.clock.runUntilSettled(other.runner.capture());
    await clock.runUntilSettled(runner.call('append', [9]));
    await clock.runUntilSettled(clock.sleep(IDLE_SEC + 1));
    await clock.runUntilSettled(runner.restore(state));
    expect(await clock.runUntilSettled(runner.call('append', [4]))).toBe(4);
  });

  it('is tried again after it could not be made', async () => {
    const { clock, log, runner } = rig(1);
    await expect(clock.runUntilSettled(runner.call('append', [1]))).rejects.toThrow('no memory');
    expect(await clock.runUntilSettled(runner.call('append', [1]))).toBe(1);
    expect(log).toEqual(['made']);
  });

  it('closes what is there, and nothing else', async () => {
    const { clock, log, runner } = rig();
    await clock.runUntilSettled(runner.close());
    expect(log).toEqual([]);
    await clock.runUntilSettled(runner.call('append', [1]));
    await clock.runUntilSettled(runner.close());
    expect(log).toEqual(['made', 'closed']);
    await clock.runUntilSettled(clock.sleep(IDLE_SEC + 1));
    expect(log).toEqual(['made', 'closed']);
  });
});
