// Random interleavings of calls, moves, crashes and cut connections on a virtual clock: none lost, none doubled, none out of order.
import { describe, expect, it } from 'vitest';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { Random } from '../../shared/ports/random.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { Ledger, ledgerManifest, type LedgerHandle } from '../support/elastic-ledger.ts';
import { TestSite } from '../support/elastic-test-site.ts';

interface Outcome {
  messages: number;
  moves: number;
  crashes: number;
  cuts: number;
  recoveries: Record<string, number>;
  replayed: number;
}

/** Entries name their rover: rover · 1e6 + n. */
const ROVER_FACTOR = 1e6;

const MAX_TROUBLES = 60;

async function exercise(clock: VirtualClock, random: Random, sharing: 'shared' | 'per-rover', messagesPerRover: number): Promise<Outcome> {
  const rovers = sharing === 'shared' ? 3 : 1;
  const manifest = ledgerManifest(sharing);
  const site = new TestSite({
    clock,
    manifest,
    createInstance: () => new Ledger(),
    // Latencies vary; order within a connection is the transport's promise.
    delaySec: () => 0.0002 + 0.003 * random.next(),
    checkpointEverySec: 0.05,
    checkpointEveryCalls: 20,
    prepareSec: 0.01,
    ...(random.next() < 0.3 ? { holdBackSec: () => 0.0005 } : {}),
  });
  const modules = Array.from(
    { length: rovers },
    (_, rover) =>
      new ElasticModule<LedgerHandle>({
        manifest,
        channelId: `rover-${rover}`,
        clock,
        site,
        createLocal: () => Promise.resolve(new Ledger()),
        reconnectSec: 0.05,
        heartbeatSec: 0.02,
        lostAfterSec: 0.1,
      }),
  );
  const outcome: Outcome = { messages: 0, moves: 0, crashes: 0, cuts: 0, recoveries: {}, replayed: 0 };
  for (const module of modules) {
    await module.start();
    module.on('recovered', ({ how, replayed }) => {
      outcome.recoveries[how] = (outcome.recoveries[how] ?? 0) + 1;
      outcome.replayed += replayed;
    });
    module.on('moved', () => (outcome.moves += 1));
  }
  let calling = true;
  const callers = modules.map(async (module, rover) => {
    const answers: Promise<number>[] = [];
    for (let n = 0; n < messagesPerRover; n += 1) {
      answers.push(module.handle.append(rover * ROVER_FACTOR + n));
      if (random.next() < 0.2) await clock.sleep(0.01 * random.next());
    }
    return Promise.all(answers);
  });
  const trouble = (async () => {
    // Bounded: that all calls end once the trouble ends is part of what is tested.
    for (let n = 0; n < MAX_TROUBLES && calling; n += 1) {
      await clock.sleep(0.02 * random.next());
      await disturb();
    }
  })();

  async function disturb(): Promise<void> {
    const dice = random.next();
    const alive = site.running.filter((running) => running.alive);
    const victim = alive[random.integer(Math.max(1, alive.length))];
    const module = modules[random.integer(modules.length)] as ElasticModule<LedgerHandle>;
    if (dice < 0.55) {
      // One rover's recall would take a shared state away from the others' later joins; elastic-moves.test.ts has that case.
      const moves = sharing === 'shared' ? (['offload', 'handoff'] as const) : (['offload', 'recall', 'handoff'] as const);
      const move = moves[random.integer(moves.length)] ?? 'offload';
      // Not awaited half of the time: troubles then strike in the middle of the move.
      const moving = module[move]({ reason: 'test' });
      if (random.next() < 0.5) await moving;
    } else if (dice < 0.75 && victim !== undefined) {
      site.cut(victim);
      outcome.cuts += 1;
    } else if (dice < 0.9 && victim !== undefined) {
      if (sharing === 'shared' && (site.stored === null || site.stored.epoch !== victim.epoch)) return;
      site.crash(victim);
      outcome.crashes += 1;
      if (sharing === 'shared' && site.stored !== null) site.start('host-r', site.stored.epoch + 1, site.stored.bytes);
    } else if (sharing === 'shared' && victim !== undefined) {
      // The site drains a host.
      const checkpoint = await victim.shell.freeze().catch(() => null);
      if (checkpoint === null) return;
      site.start('host-d', victim.epoch + 1, checkpoint);
      await site.stop(victim);
      outcome.moves += 1;
    } else if (random.next() < 0.3) {
      site.linkUp = false;
      clock.after(0.1 * random.next(), () => (site.linkUp = true));
    }
  }

  const answers = await Promise.all(callers);
  calling = false;
  await trouble;
  site.linkUp = true;
  const reader = modules[0] as ElasticModule<LedgerHandle>;
  // All at the same shared instance again, and what had to be made again has been made.
  for (const module of sharing === 'shared' ? modules : []) {
    while (module.placement.kind !== 'edge') {
      await module.offload();
      await clock.sleep(0.1);
    }
  }
  await clock.sleep(0.2);
  const entries = [...(await reader.handle.entries())];
  for (const [rover, counts] of answers.entries()) {
    outcome.messages += counts.length;
    const own = entries.filter((entry) => Math.floor(entry / ROVER_FACTOR) === rover).map((entry) => entry % ROVER_FACTOR);
    // None lost, none doubled, order kept.
    expect(own).toEqual(Array.from({ length: messagesPerRover }, (_, n) => n));
    if (sharing === 'per-rover') expect(counts).toEqual(counts.map((_, n) => n + 1));
  }
  expect(entries).toHaveLength(rovers * messagesPerRover);
  for (const module of modules) expect(module.stats.calls).toMatchObject({ failed: 0, lost: 0, pending: 0 });
  for (const module of modules) await module.close();
  return outcome;
}

function total(outcomes: readonly Outcome[]): Outcome {
  const sum: Outcome = { messages: 0, moves: 0, crashes: 0, cuts: 0, recoveries: {}, replayed: 0 };
  for (const outcome of outcomes) {
    sum.messages += outcome.messages;
    sum.moves += outcome.moves;
    sum.crashes += outcome.crashes;
    sum.cuts += outcome.cuts;
    sum.replayed += outcome.replayed;
    for (const [how, count] of Object.entries(outcome.recoveries)) sum.recoveries[how] = (sum.recoveries[how] ?? 0) + count;
  }
  return sum;
}

describe.each(['per-rover', 'shared'] as const)('every call of a %s module takes effect exactly once and in order', (sharing) => {
  it('over random moves, crashes and cut connections', async () => {
    const runs = sharing === 'shared' ? 20 : 24;
    const messages = sharing === 'shared' ? 300 : 500;
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= runs; seed += 1) {
      const clock = new VirtualClock();
      const run = exercise(clock, new SeededRandom(seed), sharing, messages);
      outcomes.push(
        await clock.runUntilSettled(run).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        }),
      );
    }
    const sum = total(outcomes);
    console.log(`${sharing}: ${JSON.stringify(sum)}`);
    expect(sum.messages).toBeGreaterThanOrEqual(10_000);
    expect(sum.moves + sum.crashes + sum.cuts).toBeGreaterThanOrEqual(200);
    expect(sum.moves).toBeGreaterThanOrEqual(sharing === 'shared' ? 50 : 200);
    expect(sum.crashes).toBeGreaterThanOrEqual(20);
    expect(sum.cuts).toBeGreaterThanOrEqual(20);
  });
});
