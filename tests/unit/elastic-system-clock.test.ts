// The real clock keeps the port's promises: order, speed, phase, cancellation.
import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../shared/clock/system-clock.ts';

describe('the system clock', () => {
  it('runs timers in order of their due times, also within a millisecond', async () => {
    const clock = new SystemClock();
    const ran: number[] = [];
    const delays = Array.from({ length: 200 }, (_, index) => ((index * 37) % 50) / 10_000);
    const startSec = clock.nowSec();
    const dues = delays.map((delay, index) => {
      const due = clock.nowSec() + delay;
      clock.after(delay, () => ran.push(index));
      return due;
    });
    await clock.sleep(0.03);
    expect(ran).toHaveLength(delays.length);
    for (const [at, index] of ran.slice(1).entries()) {
      // Reading the time and scheduling are two readings of it: a microsecond apart at most times.
      expect((dues[index] ?? 0) - (dues[ran[at] ?? 0] ?? 0)).toBeGreaterThan(-0.0005);
    }
    expect(clock.nowSec() - startSec).toBeGreaterThanOrEqual(0.03);
  });

  it('runs timers of one due time in the order of their scheduling', async () => {
    const clock = new SystemClock();
    const ran: number[] = [];
    for (let index = 0; index < 50; index += 1) clock.after(0, () => ran.push(index));
    await clock.sleep(0.01);
    expect(ran).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('goes as fast as it is told', async () => {
    const clock = new SystemClock({ speed: 20 });
    const started = performance.now();
    await clock.sleep(1);
    const tookMs = performance.now() - started;
    expect(tookMs).toBeGreaterThanOrEqual(49);
    expect(tookMs).toBeLessThan(500);
    expect(() => new SystemClock({ speed: 0 })).toThrow(RangeError);
  });

  it('stops timers, also from another timer of the same instant, and rejects an aborted sleep with its reason', async () => {
    const clock = new SystemClock();
    const ran: string[] = [];
    clock.after(0.001, () => {
      ran.push('first');
      second.stop();
    });
    const second = clock.after(0.001, () => ran.push('second'));
    const controller = new AbortController();
    const sleeping = clock.sleep(60, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await clock.sleep(0.01);
    expect(ran).toEqual(['first']);
  });

  it('keeps the phase of a periodic call and never doubles a slow one', async () => {
    const clock = new SystemClock();
    let under = 0;
    let most = 0;
    const starts: number[] = [];
    const timer = clock.every(0.01, async () => {
      starts.push(clock.nowSec());
      under += 1;
      most = Math.max(most, under);
      await clock.sleep(starts.length === 2 ? 0.035 : 0.001);
      under -= 1;
    });
    await clock.sleep(0.12);
    timer.stop();
    const count = starts.length;
    await clock.sleep(0.03);
    expect(starts).toHaveLength(count);
    expect(most).toBe(1);
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThanOrEqual(9);
  });
});
