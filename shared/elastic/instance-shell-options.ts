// What an instance's shell is given by its host.
import type { Clock } from '../ports/clock.ts';
import type { PeerIdentity } from '../security/peer-identity.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import type { HeldState } from './state-transfer.ts';

export interface InstanceShellOptions {
  readonly manifest: ModuleManifest;
  readonly instance: ModuleInstance;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly epoch: number;
  /** True: a prepared place. It waits for its state from the fixed end that prepared it, and answers nobody else before. */
  readonly embryo?: boolean;
  /** An embryo's host may hold a state that this module left it with before: the base of what its fixed end sends. */
  readonly held?: HeldState | null;
  /** Whether this fixed end may use the instance. */
  readonly authorize: (hello: { readonly channelId: string; readonly token: string; readonly peer: PeerIdentity | null }) => boolean;
  /**
   * Shared modules: stores a checkpoint durably. Must reject with OUT_ELASTIC_RETIRED when the site knows a higher epoch of this instance
   * (the shell then retires itself); any other rejection is tried again later.
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
  /** The state was taken away (`left`: as which version, if there is one) or the instance is fenced; it answers no more calls. */
  readonly onRetired?: (reason: 'moved' | 'fenced', left: HeldState | null) => void;
}
