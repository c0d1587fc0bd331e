// Shares one inference engine among many callers: requests that wait while the engine computes go through it together. It never waits
// for a batch to fill: an idle engine starts at once. Callers take turns, old requests are dropped, and batches are only as large as
// measurements say that they pay (compare Clipper, Crankshaw et al., NSDI 2017: adaptive batching under a latency bound).
import { OutriderError } from '../errors.ts';
import { BatchSizer } from './batch-sizer.ts';
import type { Graph, Tensor } from './graph.ts';
import { canBatch, joinBatch, sameShapes, splitBatch } from './tensor-batch.ts';

export interface BatchQueueOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs: () => number;
  /** Lets what has arrived meanwhile be taken in, between two runs. */
  readonly breathe: () => Promise<void>;
  readonly maxBatch: number;
  /** A request that has waited for longer is dropped with OUT_MODEL_STALE [ms]. */
  readonly deadlineMs: number;
}

export interface QueueStats {
  readonly runs: number;
  /** Requests computed. */
  readonly requests: number;
  readonly stale: number;
  readonly largestBatch: number;
  readonly waiting: number;
}

interface Request {
  readonly graph: Graph;
  readonly inputs: readonly Tensor[];
  readonly dueMs: number;
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What one caller may have waiting: a guest makes one call at a time, so more is a mistake or an attack. */
const MAX_WAITING_PER_CALLER = 4;

/** A run that others waited for. */
interface Contended {
  readonly graph: Graph;
  readonly size: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

export class BatchQueue {
  readonly #options: BatchQueueOptions;
  /** By caller; the order of the map is the order of turns. */
  readonly #waiting = new Map<string, Request[]>();
  readonly #sizers = new WeakMap<Graph, BatchSizer>();
  #running = false;
  /** Whether several requests could have gone into the batch that was taken last. */
  #shared = false;
  #contended: Contended | null = null;
  #stats = { runs: 0, requests: 0, stale: 0, largestBatch: 0 };

  constructor(options: BatchQueueOptions) {
    this.#options = options;
  }

  get stats(): QueueStats {
    let waiting = 0;
    for (const requests of this.#waiting.values()) waiting += requests.length;
    return { ...this.#stats, waiting };
  }

  /** Rejects with OUT_MODEL_BUSY, OUT_MODEL_STALE or OUT_MODEL_OUTPUT. */
  submit(caller: string, graph: Graph, inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      const own = this.#waiting.get(caller) ?? [];
      if (own.length >= MAX_WAITING_PER_CALLER) {
        reject(new OutriderError('OUT_MODEL_BUSY', `${caller} has ${own.length} requests waiting already`));
        return;
      }
      own.push({ graph, inputs, dueMs: this.#options.nowMs() + this.#options.deadlineMs, resolve, reject });
      this.#waiting.set(caller, own);
      if (!this.#running) void this.#work();
    });
  }

  /** The caller is gone: nothing of it is computed any more. */
  forget(caller: string): void {
    for (const { reject } of this.#waiting.get(caller) ?? []) reject(new OutriderError('OUT_MODEL_STALE', `${caller} is gone`));
    this.#waiting.delete(caller);
  }

  async #work(): Promise<void> {
    this.#running = true;
    try {
      await this.#options.breathe();
      for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
        await this.#run(batch);
        await this.#options.breathe();
      }
    } finally {
      this.#running = false;
    }
  }

  /** The next requests to compute together: of the caller whose turn it is, and those that fit to it, one of each caller in turn. */
  #take(): Request[] {
    this.#dropStale();
    const [lead] = this.#waiting.values().next().value ?? [];
    if (lead === undefined) return [];
    const fitting = (request: Request): boolean =>
      request === lead || (request.graph === lead.graph && canBatch(lead.graph) && sameShapes(request.inputs, lead.inputs));
    this.#judgeLast();
    let count = 0;
    for (const requests of this.#waiting.values()) count += requests.filter(fitting).length;
    const size = canBatch(lead.graph) ? this.#sizer(lead.graph).choose(count) : 1;
    const batch: Request[] = [];
    while (batch.length < size) {
      for (const caller of [...this.#waiting.keys()]) {
        if (batch.length === size) break;
        const requests = this.#waiting.get(caller) ?? [];
        const at = requests.findIndex(fitting);
        if (at < 0) continue;
        batch.push(...requests.splice(at, 1));
        // Whoever was served goes to the end of the line.
        this.#waiting.delete(caller);
        if (requests.length > 0) this.#waiting.set(caller, requests);
      }
    }
    this.#shared = count > 1 && canBatch(lead.graph);
    return batch;
  }

  /** Tells the sizer how long the last run took, until this one; of the pause between them, no more than it lasted itself. */
  #judgeLast(): void {
    const last = this.#contended;
    if (last === null) return;
    this.#contended = null;
    const runMs = last.endedMs - last.startedMs;
    this.#sizer(last.graph).note(last.size, runMs + Math.min(runMs, this.#options.nowMs() - last.endedMs));
  }

  #dropStale(): void {
    const nowMs = this.#options.nowMs();
    for (const [caller, requests] of this.#waiting) {
      const fresh = requests.filter(({ dueMs, reject }) => {
        if (nowMs <= dueMs) return true;
        this.#stats.stale += 1;
        reject(new OutriderError('OUT_MODEL_STALE', `a frame of ${caller} waited longer than ${this.#options.deadlineMs} ms`));
        return false;
      });
      if (fresh.length === 0) this.#waiting.delete(caller);
      else this.#waiting.set(caller, fresh);
    }
  }

  async #run(batch: readonly Request[]): Promise<void> {
    const graph = (batch[0] as Request).graph;
    this.#stats.runs += 1;
    this.#stats.requests += batch.length;
    this.#stats.largestBatch = Math.max(this.#stats.largestBatch, batch.length);
    const startedMs = this.#options.nowMs();
    try {
      const outputs = await graph.run(joinBatch(batch.map(({ inputs }) => inputs)));
      if (this.#shared) this.#contended = { graph, size: batch.length, startedMs, endedMs: this.#options.nowMs() };
      const parts = splitBatch(outputs, batch.length);
      for (const [index, { resolve, reject }] of batch.entries()) {
        const part = parts[index] as readonly Tensor[];
        const broken = part.find(({ data }) => !allFinite(data));
        if (broken === undefined) resolve(part);
        else reject(new OutriderError('OUT_MODEL_OUTPUT', `output ${broken.name} has values that are no numbers (NaN or infinite)`));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  #sizer(graph: Graph): BatchSizer {
    let sizer = this.#sizers.get(graph);
    if (sizer === undefined) this.#sizers.set(graph, (sizer = new BatchSizer(this.#options.maxBatch)));
    return sizer;
  }
}

function allFinite(data: Float32Array): boolean {
  // The sum is finite unless a value is not, or the values are absurd; only then is each looked at.
  let sum = 0;
  for (const value of data) sum += value;
  return Number.isFinite(sum) || data.every((value) => Number.isFinite(value));
}
