// A thread that hogs a processor is put behind its neighbours; one that waits or works in short calls is not.
import { describe, expect, test } from 'vitest';
import { HogWatch } from '../../edge/host/sandbox/thread-priority.ts';

const THREAD = 4711;
/** As the sandbox looks [ms]. */
const PERIOD_MS = 25;

/** Looks every 25 ms at a thread that has been in its calls for `visitMs(t)` and on a processor for `usedMs(t)`; when it was demoted [ms]. */
function demotions(
  visitMs: (nowMs: number) => number,
  usedMs: (nowMs: number) => number | null,
): { readonly atMs: number; readonly id: number }[] {
  const found: { atMs: number; id: number }[] = [];
  let nowMs = 0;
  const watch = new HogWatch(
    THREAD,
    (id) => found.push({ atMs: nowMs, id }),
    () => usedMs(nowMs),
  );
  for (; nowMs <= 3000; nowMs += PERIOD_MS) watch.look(visitMs(nowMs));
  return found;
}

describe('a thread is put behind its neighbours', () => {
  test('once, when one call has used 50 ms of a processor', () => {
    expect(
      demotions(
        (nowMs) => nowMs,
        (nowMs) => nowMs,
      ),
    ).toEqual([{ atMs: 75, id: THREAD }]);
  });

  test('later, when it had to share its processor', () => {
    expect(
      demotions(
        (nowMs) => nowMs,
        (nowMs) => nowMs / 4,
      ),
    ).toEqual([{ atMs: 225, id: THREAD }]);
  });

  test('after honest calls too, counted from the start of the long one', () => {
    const longSinceMs = 1000;
    expect(
      demotions(
        (nowMs) => Math.max(0, nowMs - longSinceMs),
        (nowMs) => nowMs,
      ),
    ).toEqual([{ atMs: 1075, id: THREAD }]);
  });

  test.each([
    ['waits in its call', (nowMs: number) => nowMs, () => 7],
    ['works all the time, but in short calls', (nowMs: number) => nowMs % 50, (nowMs: number) => nowMs],
    ['runs where the system does not tell', (nowMs: number) => nowMs, () => null],
  ])('not when it %s', (_, visitMs, usedMs) => {
    expect(demotions(visitMs, usedMs)).toEqual([]);
  });
});
