// What neighbours of a hostile module feel: latency of an honest module's calls on the same host while another instance attacks it,
// against the same calls in quiet, in turns so that both see the same machine; all quiet turns together are what each attack is held
// against, since the slowest hundredth of one alone is a matter of chance. The honest rover is a process of its own.
import { joinSite } from '../robot/join-site.ts';
import { buildModule } from '../toolchain/build/build-module.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { benchSite } from './support/edge-bench-site.ts';
import { honestRover } from './support/honest-rover.ts';
import { NOWHERE } from './support/nowhere.ts';

interface HostileHandle {
  spin(start: number): Promise<number>;
  grow(): Promise<number>;
  recurse(depth: number): Promise<number>;
  huge(bytes: number): Promise<Uint8Array>;
  flood(count: number): Promise<number>;
}

const ATTACKS: Readonly<Record<string, (handle: HostileHandle) => Promise<unknown>>> = {
  endless_loop: (handle) => handle.spin(1),
  memory_bomb: (handle) => handle.grow(),
  stack_overflow: (handle) => handle.recurse(0),
  huge_result: (handle) => handle.huge(200_000_000),
  flood: (handle) => handle.flood(5000),
};

/** All attacks take turns, so that what warms up on the way is no attack's own; each window has about 900 calls, of which nine decide. */
const ROUNDS = 4;
/** Each window lasts so long; in an attacked one the attack begins at its start, and again as soon as it was contained [ms]. */
const WINDOW_MS = 2000;
/** How many attackers stand ready for one window: each works once. */
const ATTACKERS = 2;
/** How long an attacker's call may take: two endless loops fill a window. */
const DEADLINE_MS = WINDOW_MS / ATTACKERS;

/** Both processes compile what is hot in their first seconds of calls [ms], and what an attack calls for in the first one: that round is not counted. */
const WARM_UP_MS = 8000;

interface Turns {
  readonly quiet: number[];
  readonly attacked: number[];
  contained: number;
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const bench: Bench = {
  name: 'isolation',
  description: 'call latency of an honest module while a neighbour on its host attacks: endless loop, memory, stack, output, messages',
  run: async ({ log }) => {
    const { bundle } = await buildModule('tests/fixtures/modules/hostile');
    const site = await benchSite({ hosts: 1, spareWorkers: 2, callDeadlineMs: DEADLINE_MS });
    const honest = await honestRover(site.live.brokerUrl, bundle);
    const enlist = async (rover: string) => {
      const joined = await joinSite({ broker: site.live.brokerUrl, site: 'bench', rover, bundles: [bundle] });
      const module = await joined.open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
      const { outcome, error } = await module.offload({ reason: 'bench' });
      if (outcome !== 'moved') throw new Error(`${rover} was not offloaded: ${error ?? outcome}`);
      return { handle: module.handle, close: () => joined.close() };
    };
    try {
      await pass(WARM_UP_MS);
      const turns = new Map<string, Turns>();
      for (let round = 0; round <= ROUNDS; round += 1) {
        if (round === 1) turns.clear();
        for (const [name, attack] of Object.entries(ATTACKS)) {
          const seen: Turns = turns.get(name) ?? { quiet: [], attacked: [], contained: 0 };
          turns.set(name, seen);
          const names = Array.from({ length: ATTACKERS }, (_, index) => `${name.replaceAll('_', '-')}-${round}-${index}`);
          const attackers = [];
          for (const rover of names) attackers.push(await enlist(rover));
          await pass(WINDOW_MS / 4);
          await honest.cut();
          await pass(WINDOW_MS);
          seen.quiet.push(...(await honest.cut()));
          const over = pass(WINDOW_MS);
          for (const { handle } of attackers) {
            const failed = await attack(handle).then(
              () => false,
              () => true,
            );
            // A flood is cut by dropping what is too much, the others by an error.
            if (failed || name === 'flood') seen.contained += 1;
          }
          await over;
          seen.attacked.push(...(await honest.cut()));
          for (const attacker of attackers) await attacker.close();
        }
        log(round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}`);
      }
      const quietP99Ms = quantile(
        [...turns.values()].flatMap(({ quiet }) => quiet),
        0.99,
      );
      const results: Record<string, unknown> = { quiet_p99_ms: quietP99Ms };
      const targets: Record<string, ReturnType<typeof atMost>> = {};
      for (const [name, { quiet, attacked, contained }] of turns) {
        const p99Ms = quantile(attacked, 0.99);
        results[name] = {
          ...{ contained, attacks: ROUNDS * ATTACKERS },
          ...{ quiet_p50_ms: quantile(quiet, 0.5), attacked_p50_ms: quantile(attacked, 0.5) },
          ...{ quiet_p99_ms: quantile(quiet, 0.99), attacked_p99_ms: p99Ms },
          ...{ quiet_calls: quiet.length, attacked_calls: attacked.length },
        };
        targets[`${name}_neighbour_p99_ratio`] = atMost(p99Ms / quietP99Ms, 2);
        log(`${name}: p99 ${quietP99Ms.toFixed(2)} → ${p99Ms.toFixed(2)} ms`);
      }
      return { results, targets };
    } finally {
      honest.close();
      await site.close();
    }
  },
};
