import { describe, expect, it } from 'vitest';
import { BatchQueue } from '../../shared/inference/batch-queue.ts';
import { BatchSizer } from '../../shared/inference/batch-sizer.ts';
import type { Graph, Tensor } from '../../shared/inference/graph.ts';

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
    const { queue: line } = queue();
    const graph = new SlowGraph();
    const answers = [line.submit('a', graph, row(1))];
    await graph.started();
    for (const value of [2, 3, 4, 5]) answers.push(line.submit(`rover-${value}`, graph, row(value)));
    await graph.finish();
    await graph.finish();
    const parts = await Promise.all(answers);
    expect(graph.runs).toEqual([[1], [2, 3, 4, 5]]);
    expect(parts.map(([output]) => [output?.dimensions, output?.data[0]])).toEqual([1, 2, 3, 4, 5].map((value) => [[1, 2], 2 * value]));
    expect(line.stats).toMatchObject({ runs: 2, requests: 5, largestBatch: 4, waiting: 0 });
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
    await graph.finish();
    await graph.finish();
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
    const { queue: line } = queue();
    const graph = new SlowGraph();
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
  /** Learns from `runs` rounds in which `waiting` requests wait; returns the last choice. */
  function learn(costMs: (size: number) => number, waiting: number, runs = 60): number {
    const sizer = new BatchSizer(8);
    let size = 0;
    for (let run = 0; run < runs; run += 1) {
      size = sizer.choose(run % 3 === 0 ? 1 : waiting);
      sizer.note(size, costMs(size));
    }
    return sizer.choose(waiting);
  }

  it('grows to the largest where a run costs the same for any size', () => {
    expect(learn(() => 5, 8)).toBe(8);
    expect(learn(() => 5, 5)).toBe(4);
  });

  it('stays single where a batch costs as much as its parts, or more', () => {
    expect(learn((size) => 5 * size, 8)).toBe(1);
    expect(learn((size) => 6 * size ** 1.1, 8)).toBe(1);
  });

  it('takes the size in the middle where memory makes large batches dear', () => {
    expect(learn((size) => (size <= 2 ? 4 + size : 20 * size), 8)).toBe(2);
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
