// Every interleaving of calls, moves, cuts and crashes within small bounds: the move protocol loses, doubles and reorders nothing, and never gets stuck.
import { describe, expect, it } from 'vitest';
import { explore } from '../support/move-protocol-exploration.ts';
import type { Mutation } from '../support/move-protocol-state.ts';

describe('the move protocol', () => {
  it.each([
    { calls: 3, moves: 2, faults: 2 },
    { calls: 2, moves: 2, faults: 3 },
    { calls: 2, moves: 3, faults: 1 },
    { calls: 4, moves: 3, faults: 0 },
  ])(
    'keeps its promises in every state: $calls calls, $moves moves, $faults faults',
    (bounds) => {
      const { states, transitions, finals, counterexample } = explore({ ...bounds, mutation: 'none' });
      console.log(`move protocol, ${JSON.stringify(bounds)}: ${states} states, ${transitions} transitions, ${finals} final states`);
      expect(counterexample).toBeNull();
      expect(states).toBeGreaterThan(10_000);
      expect(finals).toBeGreaterThan(0);
    },
    120_000,
  );

  it.each<Mutation>(['no-dedup', 'no-replay', 'answers-forgotten', 'safe-when-answered', 'checkpoint-before-answer', 'no-resume'])(
    'would not keep them with a fault planted: %s',
    (mutation) => {
      const { counterexample } = explore({ calls: 2, moves: 2, faults: 2, mutation });
      expect(counterexample?.what).toMatch(/call|effects|answers/);
      expect(counterexample?.trace.length).toBeGreaterThan(3);
    },
    120_000,
  );
});
