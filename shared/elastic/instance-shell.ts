// The moving end of an elastic module's channels: one per module instance, wherever it runs (rover, edge worker).
// Processes every numbered request exactly once per state lineage, and gives its state away when asked to.
import type { Clock } from '../ports/clock.ts';
import type { Transport } from '../ports/transport.ts';
import { OutriderError } from '../errors.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';

export interface InstanceShellOptions {
  readonly manifest: ModuleManifest;
  readonly instance: ModuleInstance;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly epoch: number;
  /** True: a prepared place. It waits for its state from the fixed end that prepared it, and answers nobody else before. */
  readonly embryo?: boolean;
  /** Whether this fixed end may use the instance. */
  readonly authorize: (hello: { readonly channelId: string; readonly token: string }) => boolean;
  /**
   * Shared modules: stores a checkpoint durably. Must reject when the site knows a higher epoch of this instance: the shell then retires itself.
   * Absent (per-rover modules): checkpoints go to the fixed end over its channel.
   */
  readonly storeCheckpoint?: (bytes: Uint8Array) => Promise<void>;
  /** A checkpoint this long after the first call that none covers [s of the clock]. Default 5. */
  readonly checkpointEverySec?: number;
  /** … or after this many calls, whichever is first. Default 256. */
  readonly checkpointEveryCalls?: number;
  /** Extra time [s] to hold a call's result back: the device model of a simulated host. */
  readonly holdBackSec?: (functionName: string) => number;
  /** A trap or a broken state: the instance has stopped answering and must be retired; its fixed ends recover by themselves. */
  readonly onFault?: (error: Error) => void;
  /** An embryo has got its state and runs. */
  readonly onActivated?: () => void;
  /** The state was taken away or the instance is fenced; it answers no more calls. */
  readonly onRetired?: (reason: 'moved' | 'fenced') => void;
}

export interface ShellStats {
  readonly calls: number;
  readonly errors: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Requests that wait. */
  readonly queued: number;
  /** Fixed ends known, and connected now. */
  readonly channels: number;
  readonly connected: number;
}

export class InstanceShell {
  constructor(options: InstanceShellOptions) {
    void options;
  }

  /** A fixed end connects (again): the transport is owned by the shell from here. */
  accept(transport: Transport): void {
    transport.close(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Finishes the call under way, stops, and gives the checkpoint: state, per channel the last processed number and unacknowledged results. */
  freeze(): Promise<Uint8Array> {
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Takes a checkpoint over, before the first `accept`. Throws OUT_ELASTIC_CHECKPOINT or OUT_MODULE_SNAPSHOT. */
  restore(checkpoint: Uint8Array): void {
    void checkpoint;
  }

  /** Goes on after a freeze whose checkpoint was not used. */
  resume(): void {}

  get stats(): ShellStats {
    return { calls: 0, errors: 0, bytesIn: 0, bytesOut: 0, queued: 0, channels: 0, connected: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
