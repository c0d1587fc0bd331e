// What may go wrong in a chaos run. Each fault begins, lasts, and ends; the fleet has to be whole again within seconds of its end.
import type { Random } from '../../shared/ports/random.ts';
import type { ChaosRover } from './chaos-rover.ts';
import type { SiteParts } from './site-parts.ts';

export interface Stage {
  readonly parts: SiteParts;
  readonly rovers: readonly ChaosRover[];
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  /** Resolves when the fault has ended; says what it was, for the log. */
  run(stage: Stage): Promise<string>;
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Some of the rovers, at least one. */
function some(stage: Stage): ChaosRover[] {
  const count = 1 + stage.random.integer(Math.ceil(stage.rovers.length / 2));
  return stage.rovers.toSorted(() => stage.random.next() - 0.5).slice(0, count);
}

const names = (rovers: readonly ChaosRover[]): string => rovers.map(({ id }) => id).join(' ');

export const FAULTS: readonly Fault[] = [
  {
    name: 'host killed',
    run: async ({ parts, random }) => {
      const alive = parts.hosts.hosts.filter(({ pid }) => pid !== null);
      const victim = alive[random.integer(alive.length)];
      if (victim === undefined || victim.pid === null || alive.length < 2) return 'too few hosts are up: nothing was killed';
      process.kill(victim.pid, 'SIGKILL');
      return victim.host;
    },
  },
  {
    name: 'acting manager killed',
    run: async ({ parts }) => {
      const victim = await parts.acting();
      if (victim === null) return 'no manager acted: nothing was killed';
      // Its successor does not wait for its next process, and neither does the end of the fault.
      void victim.kill().catch((error: unknown) => process.stderr.write(`${(error as Error).message}\n`));
      return victim.name;
    },
  },
  {
    name: 'broker killed',
    run: async ({ parts }) => {
      await parts.broker.kill();
      return 'and started again, without what it had retained';
    },
  },
  {
    name: 'links dropped',
    run: async (stage) => {
      const hit = some(stage);
      for (const rover of hit) rover.link.drop();
      return names(hit);
    },
  },
  {
    name: 'links slow',
    run: async (stage) => {
      const hit = some(stage);
      const milliseconds = 50 + stage.random.integer(250);
      for (const rover of hit) rover.link.delay(milliseconds);
      await pass(2 + stage.random.next() * 2);
      for (const rover of hit) rover.link.delay(0);
      return `${milliseconds} ms: ${names(hit)}`;
    },
  },
  {
    name: 'links partitioned',
    run: async (stage) => {
      const hit = some(stage);
      const seconds = 1 + stage.random.next() * 5;
      for (const rover of hit) rover.link.partition(true);
      await pass(seconds);
      for (const rover of hit) rover.link.partition(false);
      return `${seconds.toFixed(1)} s: ${names(hit)}`;
    },
  },
  {
    name: 'host and acting manager killed together',
    run: async (stage) => {
      const [host, manager] = await Promise.all([FAULTS[0]?.run(stage), FAULTS[1]?.run(stage)]);
      return `${host}, ${manager}`;
    },
  },
];
