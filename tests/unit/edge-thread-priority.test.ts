// A thread that hogs a processor is put behind its neighbours until it has kept to its share; one that waits or works in short calls is not.
import { describe, expect, test } from 'vitest';
import { HogWatch } from '../../edge/host/sandbox/thread-priority.ts';

const THREAD = 4711;
/** As the sandbox looks [ms]. */
const PERIOD_MS = 10;

interface Guest {
  readonly inGuest: (nowMs: number) => boolean;
  /** Processor time up to then [ms]. */
  readonly usedMs: (nowMs: number) => number | null;
  readonly reversible?: boolean;
}

/** Looks at a thread every 10 ms for three seconds: what became of it, and when [ms]. */
function turns({ inGuest, usedMs, reversible = true }: Guest): readonly (readonly ['put' | 'back', number])[] {
  const found: ['put' | 'back', number][] = [];
  let nowMs = 0;
  const note =
    (what: 'put' | 'back') =>
    (id: number): void => {
      expect(id).toBe(THREAD);
      found.push([what, nowMs]);
    };
  const watch = new HogWatch(THREAD, { reversible, put: note('put'), takeBack: note('back') }, () => usedMs(nowMs));
  for (; nowMs <= 3000; nowMs += PERIOD_MS) watch.look(inGuest(nowMs), nowMs);
  return found;
}

const always = (): boolean => true;
/** Calls of `busyMs` every `periodMs`. */
const inCalls = (busyMs: number, periodMs: number): Guest => ({
  inGuest: (nowMs) => nowMs % periodMs < busyMs,
  usedMs: (nowMs) => Math.floor(nowMs / periodMs) * busyMs + Math.min(nowMs % periodMs, busyMs),
});

describe('a thread is put behind its neighbours', () => {
  test('when it has used 20 ms beyond a quarter of a processor, and stays there while it goes on', () => {
    expect(turns({ inGuest: always, usedMs: (nowMs) => nowMs })).toEqual([['put', 30]]);
  });

  test('later, when it had to share its processor', () => {
    expect(turns({ inGuest: always, usedMs: (nowMs) => nowMs / 2 })).toEqual([['put', 80]]);
  });

  test('counted from the start of a long call, after rest or honest calls', () => {
    const longSinceMs = 1000;
    const honest = inCalls(5, 100);
    const usedMs = (nowMs: number): number => (honest.usedMs(Math.min(nowMs, longSinceMs)) ?? 0) + Math.max(0, nowMs - longSinceMs);
    expect(turns({ inGuest: (nowMs) => nowMs >= longSinceMs, usedMs })).toEqual([['put', 1030]]);
    expect(turns({ inGuest: (nowMs) => nowMs >= longSinceMs || honest.inGuest(nowMs), usedMs })).toEqual([['put', 1030]]);
  });

  test('when it takes a whole processor in short calls', () => {
    expect(turns({ inGuest: (nowMs) => nowMs % 20 !== 0, usedMs: (nowMs) => nowMs })).toEqual([['put', 40]]);
  });
});

describe('a thread that was put behind', () => {
  const once: Guest = { inGuest: (nowMs) => nowMs < 100, usedMs: (nowMs) => Math.min(nowMs, 100) };

  test('is back a second after its long call', () => {
    expect(turns(once)).toEqual([
      ['put', 30],
      ['back', 1100],
    ]);
  });

  test('stays there when it uses more than its share for good, rather than going to and fro', () => {
    expect(turns(inCalls(60, 200))).toEqual([['put', 30]]);
  });

  test('stays there for good where there is no way back, for which it takes ten times as long a stretch', () => {
    expect(turns({ ...once, reversible: false })).toEqual([]);
    expect(turns({ inGuest: (nowMs) => nowMs < 400, usedMs: (nowMs) => Math.min(nowMs, 400), reversible: false })).toEqual([['put', 270]]);
  });
});

test.each<[string, Guest]>([
  ['waits in its call', { inGuest: always, usedMs: () => 7 }],
  ['keeps to its share in short calls', inCalls(12, 60)],
  ['runs where the system does not tell', { inGuest: always, usedMs: () => null }],
])('a thread is left alone when it %s', (_, guest) => {
  expect(turns(guest)).toEqual([]);
});

test('a thread at rest is not even looked at', () => {
  let looks = 0;
  const watch = new HogWatch(THREAD, { reversible: true, put: () => undefined, takeBack: () => undefined }, () => ++looks);
  for (let nowMs = 0; nowMs < 1000; nowMs += PERIOD_MS) watch.look(false, nowMs);
  expect(looks).toBe(0);
});
