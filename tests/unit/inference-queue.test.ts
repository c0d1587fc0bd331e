import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchQueue } from '../../shared/inference/batch-queue.ts';
import { BatchSizer } from '../../shared/inference/batch-sizer.ts';
import type { Graph, Tensor } from '../../shared/inference/graph.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

/** A graph that doubles its input, and finishes a run when told to. */
class SlowGraph implements Graph {
  readonly provider = 'test';
  readonly inputs;
  readonly outputs;
  /** First values of the requests of each run. */
  readonly runs: number[][] = [];
  #finish: (() => void) | null = null;
  #started: (() => void) | null = null;

  constructor(batch = -1) {
    this.inputs = [{ name: 'in', type: 'float32', dimensions: [batch, 2] }];
    this.outputs = [{ name: 'out', type: 'float32', dimensions: [batch, 2] }];
  }

  async run([input]: readonly Tensor[]): Promise<readonly Tensor[]> {
    const { dimensions, data } = input as Tensor;
    this.runs.push(Array.from({ length: dimensions[0] ?? 0 }, (_, row) => data[row * 2] ?? Number.NaN));
    const finished = new Promise<void>((resolve) => (this.#finish = resolve));
    this.#started?.();
    await finished;
    return [{ name: 'out', dimensions, data: data.map((value) => 2 * value) }];
  }

  /** Resolves when a run has begun that was not finished yet. */
  started(): Promise<void> {
    if (this.#finish !== null) return Promise.resolve();
    return new Promise((resolve) => (this.#started = resolve));
  }

  async finish(): Promise<void> {
    await this.started();
    const finish = this.#finish;
    this.#finish = null;
    finish?.();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const row = (value: number): Tensor[] => [{ name: 'in', dimensions: [1, 2], data: Float32Array.of(value, value + 0.5) }];

function queue(options: { readonly maxBatch?: number; readonly deadlineMs?: number } = {}) {
  const clock = { ms: 0 };
  const made = new BatchQueue({ nowMs: () => clock.ms, breathe: () => Promise.resolve(), maxBatch: 8, deadlineMs: 100, ...options });
  return { clock, queue: made };
}

/** Eight callers ask, and every run takes 5 ms whatever its size, until the queue computes eight requests at once. */
async function learn({ queue: line, clock }: ReturnType<typeof queue>, graph: SlowGraph): Promise<void> {
  for (let round = 0; graph.runs.at(-1)?.length !== 8; round += 1) {
    expect(round).toBeLessThan(2000);
    let left = 8;
    const answers = Array.from({ length: left }, (_, index) => line.submit(`rover-${index}`, graph, row(index)).then(() => (left -= 1)));
    while (left > 0) {
      clock.ms += 5;
      await graph.finish();
      // The queue takes the next ones meanwhile, or everything is answered.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(answers);
  }
  graph.runs.length = 0;
}

describe('the inference queue', () => {
  it('starts at once when idle, without waiting for company', async () => {
    const { queue: line, clock } = queue();
    const graph = new SlowGraph();
    const answer = line.submit('a', graph, row(1));
    await graph.started();
    expect(clock.ms).toBe(0);
    await graph.finish();
    expect((await answer)[0]?.data).toEqual(Float32Array.of(2, 3));
  });

  it('computes together what has come meanwhile, and gives everyone their own part', async () => {
    const made = queue({ deadlineMs: 1e6 });
    const { queue: line } = made;
    const graph = new SlowGraph();
    await learn(made, graph);
    const before = line.stats;
    const answers = [line.submit('a', graph, row(1))];
    await graph.started();
    for (const value of [2, 3, 4, 5]) answers.push(line.submit(`rover-${value}`, graph, row(value)));
    await graph.finish();
    await graph.finish();
    const parts = await Promise.all(answers);
    expect(graph.runs).toEqual([[1], [2, 3, 4, 5]]);
    expect(parts.map(([output]) => [output?.dimensions, output?.data[0]])).toEqual([1, 2, 3, 4, 5].map((value) => [[1, 2], 2 * value]));
    expect(line.stats).toMatchObject({ runs: before.runs + 2, requests: before.requests + 5, waiting: 0 });
  });

  it('lets callers take turns: who asks more does not get more', async () => {
    const { queue: line } = queue({ maxBatch: 1 });
    const graph = new SlowGraph();
    const answers = [line.submit('greedy', graph, row(1))];
    await graph.started();
    for (const value of [11, 12, 13]) answers.push(line.submit('greedy', graph, row(value)));
    answers.push(line.submit('b', graph, row(20)), line.submit('c', graph, row(30)));
    for (let run = 0; run < 6; run += 1) await graph.finish();
    await Promise.all(answers);
    expect(graph.runs.flat()).toEqual([1, 11, 20, 30, 12, 13]);
  });

  it('refuses more than one caller may have waiting', async () => {
    const { queue: line } = queue();
    const graph = new SlowGraph();
    const first = line.submit('a', graph, row(0));
    await graph.started();
    const waiting = [1, 2, 3, 4].map((value) => line.submit('a', graph, row(value)));
    await expect(line.submit('a', graph, row(5))).rejects.toMatchObject({ code: 'OUT_MODEL_BUSY' });
    for (let run = 0; run < 5; run += 1) await graph.finish();
    await Promise.all([first, ...waiting]);
  });

  it('drops frames that have grown old, and computes those that have not', async () => {
    const { queue: line, clock } = queue();
    const graph = new SlowGraph();
    const first = line.submit('a', graph, row(1));
    await graph.started();
    const old = line.submit('b', graph, row(2));
    clock.ms = 60;
    const fresh = line.submit('c', graph, row(3));
    clock.ms = 101;
    const refused = expect(old).rejects.toMatchObject({ code: 'OUT_MODEL_STALE' });
    await graph.finish();
    await refused;
    await graph.finish();
    await Promise.all([first, fresh]);
    expect(graph.runs).toEqual([[1], [3]]);
    expect(line.stats.stale).toBe(1);
  });

  it('forgets a caller that is gone', async () => {
    const { queue: line } = queue();
    const graph = new SlowGraph();
    const first = line.submit('a', graph, row(1));
    await graph.started();
    const gone = line.submit('b', graph, row(2));
    const refused = expect(gone).rejects.toMatchObject({ code: 'OUT_MODEL_STALE' });
    line.forget('b');
    await graph.finish();
    await first;
    await refused;
    expect(graph.runs).toEqual([[1]]);
  });

  it('does not batch a graph whose batch size is fixed, nor requests of different graphs', async () => {
    const { queue: line } = queue();
    const [fixed, free] = [new SlowGraph(1), new SlowGraph()];
    const answers = [line.submit('a', fixed, row(1)), line.submit('b', fixed, row(2)), line.submit('c', free, row(3))];
    await fixed.finish();
    await fixed.finish();
    await free.finish();
    await Promise.all(answers);
    expect([fixed.runs, free.runs]).toEqual([[[1], [2]], [[3]]]);
  });

  it('blames a NaN on the request that it belongs to, not on the batch', async () => {
    const made = queue({ deadlineMs: 1e6 });
    const { queue: line } = made;
    const graph = new SlowGraph();
    await learn(made, graph);
    const first = line.submit('a', graph, row(1));
    await graph.started();
    const sick = line.submit('b', graph, row(Number.NaN));
    const well = line.submit('c', graph, row(3));
    const refused = expect(sick).rejects.toMatchObject({ code: 'OUT_MODEL_OUTPUT' });
    await graph.finish();
    await graph.finish();
    await refused;
    expect((await well)[0]?.data[0]).toBe(6);
    await first;
    expect(graph.runs).toHaveLength(2);
  });

  it('tells everyone of a batch when the run fails, and goes on', async () => {
    const { queue: line } = queue();
    const broken: Graph = {
      ...new SlowGraph(),
      inputs: [],
      outputs: [],
      run: () => Promise.reject(new Error('out of memory')),
      close: () => Promise.resolve(),
    };
    await expect(line.submit('a', broken, row(1))).rejects.toThrow('out of memory');
    const graph = new SlowGraph();
    const answer = line.submit('a', graph, row(1));
    await graph.finish();
    expect(await answer).toHaveLength(1);
  });
});

describe('the size of batches', () => {
  /** Tells the sizer of `runs` runs for which `waiting` requests waited. */
  function learn(sizer: BatchSizer, costMs: (size: number) => number, waiting: number, runs = 400): number {
    for (let run = 0; run < runs; run += 1) {
      const size = sizer.choose(waiting);
      sizer.note(size, costMs(size));
    }
    return sizer.choose(waiting);
  }

  it('grows to the largest where a run costs the same for any size', () => {
    expect(learn(new BatchSizer(8), () => 5, 8)).toBe(8);
    expect(learn(new BatchSizer(8), () => 5, 5)).toBe(4);
  });

  it('stays single where a batch costs as much as its parts, or more', () => {
    expect(learn(new BatchSizer(8), (size) => 5 * size, 8)).toBe(1);
    expect(learn(new BatchSizer(8), (size) => 6 * size ** 1.1, 8)).toBe(1);
  });

  it('takes the size in the middle where memory makes large batches dear', () => {
    expect(learn(new BatchSizer(8), (size) => (size <= 2 ? 4 + size : 20 * size), 8)).toBe(2);
  });

  it('computes singly until batches have won several turns, however one of them came out', () => {
    const sizer = new BatchSizer(8);
    // One turn in which everything else on the machine pauses.
    let larger = 0;
    for (let run = 0; run < 400; run += 1) {
      const size = sizer.choose(8);
      if (size > 1) larger += 1;
      sizer.note(size, size > 1 && larger <= 20 ? 2 * size : 5 * size);
    }
    expect(sizer.choose(8)).toBe(1);
    expect(larger).toBeLessThan(60);
  });

  it('finds out when batches begin or cease to pay', () => {
    const sizer = new BatchSizer(8);
    expect(learn(sizer, (size) => 5 * size, 8)).toBe(1);
    expect(learn(sizer, () => 5, 8, 30_000)).toBe(8);
    expect(learn(sizer, (size) => 5 * size, 8)).toBe(1);
  });

  it('spends little on sizes that lost', () => {
    const sizer = new BatchSizer(8);
    learn(sizer, (size) => 5 * size ** 1.2, 8);
    let dearer = 0;
    for (let run = 0; run < 10_000; run += 1) {
      const size = sizer.choose(8);
      if (size > 1) dearer += size;
      sizer.note(size, 5 * size ** 1.2);
    }
    expect(dearer).toBeLessThan(700);
  });

  it('is never more than what waits, and at least one', () => {
    const sizer = new BatchSizer(8);
    for (const waiting of [1, 2, 3, 5, 7, 8, 20]) {
      const size = sizer.choose(waiting);
      expect(size).toBeGreaterThanOrEqual(1);
      expect(size).toBeLessThanOrEqual(Math.min(8, waiting));
    }
  });
});

describe('eight rovers that ask again when they are answered', () => {
  /** Requests per second after a while of learning; a run of n requests takes `run + each × n`, and a rover `prepare` until it asks again [ms]. */
  async function throughput(maxBatch: number, { run, each, prepare }: { run: number; each: number; prepare: number }): Promise<number> {
    const clock = new VirtualClock();
    const line = new BatchQueue({
      ...{ maxBatch, deadlineMs: 1e6, nowMs: () => clock.nowSec() * 1000 },
      breathe: () => Promise.resolve(),
    });
    const graph: Graph = {
      provider: 'test',
      inputs: [{ name: 'in', type: 'float32', dimensions: [-1, 2] }],
      outputs: [{ name: 'out', type: 'float32', dimensions: [-1, 2] }],
      run: async ([input]) => {
        const { dimensions, data } = input as Tensor;
        await clock.sleep((run + each * (dimensions[0] ?? 1)) / 1000);
        return [{ name: 'out', dimensions, data }];
      },
      close: () => Promise.resolve(),
    };
    const [learntSec, endSec] = [12, 20];
    let answered = 0;
    const rover = async (name: string): Promise<void> => {
      while (clock.nowSec() < endSec) {
        if (prepare > 0) await clock.sleep(prepare / 1000);
        await line.submit(name, graph, row(1));
        if (clock.nowSec() >= learntSec) answered += 1;
      }
    };
    await clock.runUntilSettled(Promise.all(Array.from({ length: 8 }, (_, index) => rover(`rover-${index}`))));
    return answered / (endSec - learntSec);
  }

  it('are never served slower with batches than without, whatever a run, a request and a rover take', async () => {
    const milliseconds = (max: number) => fc.integer({ min: 0, max: max * 4 }).map((quarter) => quarter / 4);
    const costs = fc.record({ run: milliseconds(12), each: milliseconds(12).map((value) => value + 2), prepare: milliseconds(40) });
    await fc.assert(
      fc.asyncProperty(costs, async (cost) => {
        const [single, batched] = [await throughput(1, cost), await throughput(8, cost)];
        expect(batched / single).toBeGreaterThan(0.97);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('are served faster where a run has a price of its own', async () => {
    const cost = { run: 10, each: 2, prepare: 1 };
    expect((await throughput(8, cost)) / (await throughput(1, cost))).toBeGreaterThan(2);
  });
});
