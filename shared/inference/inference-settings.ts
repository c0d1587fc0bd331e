// What the inference of a process is told when it starts: where models lie, what computes them, and how callers share it.

/** `auto`: the fastest that is there. */
export type InferenceProvider = 'auto' | 'cpu' | 'cuda' | 'tensorrt';

export interface InferenceSettings {
  /** Folders with `<name>.onnx` and `<name>.json`, searched in this order before the models that come with Outrider. */
  readonly models?: readonly string[];
  readonly provider?: InferenceProvider;
  /** Threads of one run; 0 leaves the choice to the engine (one per core). */
  readonly threads?: number;
  /** Requests computed at once at most. 1: no batching. */
  readonly maxBatch?: number;
  /** A request that has waited for longer is dropped: its frame is old [ms]. */
  readonly deadlineMs?: number;
}

export const DEFAULT_INFERENCE: Required<InferenceSettings> = {
  models: [],
  provider: 'auto',
  threads: 0,
  maxBatch: 8,
  deadlineMs: 2000,
};
