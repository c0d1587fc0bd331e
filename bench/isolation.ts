// What neighbours of a hostile module feel: latency of an honest module's calls on the same host while another instance attacks it,
// against the same calls in quiet, taken in turns so that both see the same machine.
import { buildModule } from '../toolchain/build/build-module.ts';
import { joinSite } from '../robot/join-site.ts';
import type { ModuleInstance } from '../shared/elastic/module-instance.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { benchSite } from './support/edge-bench-site.ts';

interface HostileHandle {
  echo(value: number): Promise<number>;
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

/** On board nothing of it runs: an endless loop there would be the benchmark's own. */
const NOWHERE: ModuleInstance = {
  build: 'wasm',
  image: null,
  call: () => {
    throw new Error('not on board');
  },
  snapshot: () => new Uint8Array(0),
  restore: () => undefined,
  memoryBytes: () => 0,
};

const ROUNDS = 6;
/** Honest calls per window at least; the window of an attack lasts at least as long as the attack. */
const CALLS = 300;
/** Pause between two honest calls [ms]: a rover's pace, not a flood of its own. */
const PAUSE_MS = 2;

export const bench: Bench = {
  name: 'isolation',
  description: 'call latency of an honest module while a neighbour on its host attacks: endless loop, memory, stack, output, messages',
  run: async ({ log }) => {
    const { bundle } = await buildModule('tests/fixtures/modules/hostile');
    const site = await benchSite({ hosts: 1, spareWorkers: 2 });
    const enlist = async (rover: string) => {
      const joined = await joinSite({ broker: site.live.brokerUrl, site: 'bench', rover, bundles: [bundle] });
      const module = await joined.open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
      const { outcome, error } = await module.offload({ reason: 'bench' });
      if (outcome !== 'moved') throw new Error(`${rover} was not offloaded: ${error ?? outcome}`);
      return { module, close: () => joined.close() };
    };
    const honest = await enlist('honest');
    const window = async (attack: Promise<unknown> | null): Promise<number[]> => {
      const taken: number[] = [];
      let over = attack === null;
      void attack?.catch(() => undefined).finally(() => (over = true));
      while (!over || taken.length < CALLS) {
        const sentMs = performance.now();
        await honest.module.handle.echo(sentMs);
        taken.push(performance.now() - sentMs);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return taken;
    };
    try {
      await window(null);
      const results: Record<string, unknown> = {};
      const ratios: Record<string, number> = {};
      for (const [name, attack] of Object.entries(ATTACKS)) {
        const quiet: number[] = [];
        const attacked: number[] = [];
        let contained = 0;
        for (let round = 0; round < ROUNDS; round += 1) {
          quiet.push(...(await window(null)));
          const attacker = await enlist(`attacker-${name.replaceAll('_', '-')}-${round}`);
          const ended = attack(attacker.module.handle).then(
            () => name === 'flood',
            () => true,
          );
          attacked.push(...(await window(ended)));
          if (await ended) contained += 1;
          await attacker.close();
        }
        const [quietP99, attackedP99] = [quantile(quiet, 0.99), quantile(attacked, 0.99)];
        ratios[name] = attackedP99 / quietP99;
        results[name] = {
          contained,
          rounds: ROUNDS,
          ...{ quiet_p50_ms: quantile(quiet, 0.5), attacked_p50_ms: quantile(attacked, 0.5) },
          ...{ quiet_p99_ms: quietP99, attacked_p99_ms: attackedP99, p99_ratio: attackedP99 / quietP99 },
          calls: attacked.length,
        };
        log(`${name}: p99 ${quietP99.toFixed(2)} → ${attackedP99.toFixed(2)} ms`);
      }
      return {
        results,
        targets: Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [`${name}_neighbour_p99_ratio`, atMost(ratio, 2)])),
      };
    } finally {
      await honest.close();
      await site.close();
    }
  },
};
