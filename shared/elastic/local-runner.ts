// Where a module runs on board: inline in the caller's thread, or behind a runner of its own (a worker).
import type { ModuleInstance } from './module-instance.ts';
import type { CapturedState } from './state-form.ts';

/** An on-board instance that answers asynchronously, e.g. in a worker thread. Calls are made one at a time, in order. */
export interface LocalRunner {
  readonly build: 'native' | 'wasm';
  call(functionName: string, args: readonly unknown[]): Promise<unknown>;
  /** The state as `captureState` in state-form.ts gives it. */
  capture(): Promise<CapturedState>;
  restore(state: CapturedState): Promise<void>;
  close(): Promise<void>;
}

export function isLocalRunner(local: ModuleInstance | LocalRunner): local is LocalRunner {
  return 'capture' in local;
}
