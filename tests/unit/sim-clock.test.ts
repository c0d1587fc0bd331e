import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

describe('virtual clock', () => {
  it('runs events by time, and events of one time in the order of scheduling', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(2, () => seen.push('c'));
    clock.after(1, () => seen.push('a'));
    clock.after(1, () => seen.push('b'));
    await clock.run({ untilSec: 1.5 });
    expect(seen).toEqual(['a', 'b']);
    expect(clock.nowSec()).toBe(1.5);
    await clock.run({ untilSec: 3 });
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('lets continuations run before time goes on', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    void (async () => {
      await clock.sleep(1);
      for (let hop = 0; hop < 5; hop += 1) await Promise.resolve();
      seen.push(`woke at ${clock.nowSec()}`);
    })();
    clock.after(1, () => seen.push(`next at ${clock.nowSec()}`));
    await clock.run({ untilSec: 2 });
    expect(seen).toEqual(['woke at 1', 'next at 1']);
  });

  it('keeps a period on its grid and never doubles a slow call', async () => {
    const clock = new VirtualClock();
    const starts: number[] = [];
    let running = 0;
    const timer = clock.every(1, async () => {
      running += 1;
      expect(running).toBe(1);
      starts.push(clock.nowSec());
      await clock.sleep(starts.length === 1 ? 2.5 : 0.1);
      running -= 1;
    });
    await clock.run({ untilSec: 6.5 });
    timer.stop();
    expect(starts).toEqual([1, 4, 5, 6]);
  });

  it('starts a period after its offset', async () => {
    const clock = new VirtualClock();
    const ticks: number[] = [];
    clock.every(1, () => void ticks.push(clock.nowSec()), { offsetSec: 0.25 });
    await clock.run({ untilSec: 3 });
    expect(ticks).toEqual([1.25, 2.25]);
  });

  it('stands still while held work is under way', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(1, () => {
      void clock.hold(new Promise((resolve) => setTimeout(resolve, 30))).then(() => seen.push(`work done at ${clock.nowSec()}`));
    });
    clock.after(1.001, () => seen.push('later event'));
    await clock.run({ untilSec: 2 });
    expect(seen).toEqual(['work done at 1', 'later event']);
  });

  it('goes on after held work that fails', async () => {
    const clock = new VirtualClock();
    const failing = clock.hold(Promise.reject(new Error('broken')));
    failing.catch(() => undefined);
    await clock.run({ untilSec: 1 });
    await expect(failing).rejects.toThrow('broken');
    expect(clock.nowSec()).toBe(1);
  });

  it('rejects a sleep whose signal aborts, at once', async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const sleeping = clock.sleep(100, { signal: stop.signal });
    sleeping.catch(() => undefined);
    clock.after(1, () => stop.abort(new Error('enough')));
    await clock.run({ untilSec: 2 });
    await expect(sleeping).rejects.toThrow('enough');
  });

  it('says that it is stalled when nothing is left to happen', async () => {
    const clock = new VirtualClock();
    await expect(clock.runUntilSettled(new Promise(() => undefined))).rejects.toMatchObject({ code: 'OUT_SIM_STALLED' });
  });

  it('passes on what an event or a periodic call throws', async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error('event failed');
    });
    await expect(clock.run({ untilSec: 2 })).rejects.toThrow('event failed');
    const other = new VirtualClock();
    other.every(1, async () => {
      await other.sleep(0.5);
      throw new Error('call failed');
    });
    await expect(other.run({ untilSec: 5 })).rejects.toThrow('call failed');
  });

  it('drops a stopped timer', async () => {
    const clock = new VirtualClock();
    let fired = 0;
    const timer = clock.after(1, () => (fired += 1));
    clock.after(0.5, () => timer.stop());
    await clock.run({ untilSec: 2 });
    expect(fired).toBe(0);
  });
});
