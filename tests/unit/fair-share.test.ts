// Fairness between fleets on a full site.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairShare } from '../../edge/control/fair-share.ts';

const GIB = 2 ** 30;

describe('fair share', () => {
  test('with nobody waiting, one fleet may use the whole site', () => {
    new FairShare().check('a', GIB, [{ tenant: 'a', memoryBytes: 7 * GIB }], 8 * GIB, 0);
  });

  test('a fleet with more than its share waits while one with less is waiting, and no longer', () => {
    const fairness = new FairShare();
    const use = [{ tenant: 'a', memoryBytes: 7 * GIB }];
    fairness.turnedAway('b', GIB, 0);
    expect(() => fairness.check('a', GIB, use, 8 * GIB, 1)).toThrow(expect.objectContaining({ code: 'OUT_EDGE_QUOTA' }));
    fairness.check('b', GIB, use, 8 * GIB, 1);
    fairness.served('b');
    fairness.check('a', GIB, use, 8 * GIB, 2);
  });

  test('one that stopped asking does not hold others back', () => {
    const fairness = new FairShare();
    fairness.turnedAway('b', GIB, 0);
    fairness.check('a', GIB, [{ tenant: 'a', memoryBytes: 7 * GIB }], 8 * GIB, 15);
  });

  test('whatever fleets ask for, each that keeps asking comes to its equal share of a full site', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 20, maxLength: 120 }), (order) => {
        const fairness = new FairShare();
        const tenants = ['a', 'b', 'c', 'd'];
        const places = 8;
        // The first fleet has taken everything before the others came; a place is given back each step, the oldest first.
        const running = Array.from({ length: places }, () => 'a');
        const asks = [...order, ...Array.from({ length: 60 }, (_, index) => index % 4)];
        for (const [step, index] of asks.entries()) {
          const tenant = tenants[index] as string;
          if (step % 2 === 0) running.shift();
          const use = running.map((name) => ({ tenant: name, memoryBytes: 1 }));
          try {
            fairness.check(tenant, 1, use, places, step * 0.1);
          } catch {
            continue;
          }
          if (running.length >= places) fairness.turnedAway(tenant, 1, step * 0.1);
          else {
            fairness.served(tenant);
            running.push(tenant);
          }
        }
        for (const tenant of tenants) expect(running.filter((name) => name === tenant).length).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });
});
