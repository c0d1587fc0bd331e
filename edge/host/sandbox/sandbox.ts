// Where a host runs untrusted modules, behind one interface: worker threads on real sites, inline in deterministic headless runs.
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';
import type { ShellStats } from '../../../shared/elastic/instance-shell.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import type { HeldState } from '../../../shared/elastic/state-transfer.ts';
import type { HostEffect } from '../host-functions/host-effect.ts';

/** Bounds on one instance: the guest is hostile until its limits hold. */
export interface InstanceLimits {
  /** A call that runs longer ends its instance [s]: an endless loop must not hold a core. */
  readonly callDeadlineSec: number;
  /** Frames that the guest's host functions may publish per second, on average and at once: a flood must not drown the broker. */
  readonly effectsPerSec: number;
  readonly effectsBurst: number;
}

export const DEFAULT_LIMITS: InstanceLimits = { callDeadlineSec: 5, effectsPerSec: 500, effectsBurst: 5000 };

/** A verified, compiled bundle; a host compiles once per digest. */
export interface LoadedModule {
  readonly digest: string;
  readonly manifest: ModuleManifest;
}

export interface InstanceStart {
  readonly instance: string;
  readonly epoch: number;
  /** Secret that the tokens of its users are checked with. */
  readonly key: string;
  /** Rovers whose tokens are refused although they are valid. */
  readonly revoked: readonly string[];
  readonly mission: string;
  readonly rover: string | null;
  /** Null: an embryo that waits for its state. */
  readonly checkpoint: Uint8Array | null;
  /** For an embryo: the state that this rover's instance left this host with, if the host still has it. */
  readonly held: HeldState | null;
  readonly limits: InstanceLimits;
  /** Host interfaces that the site grants; asking for another one is refused. */
  readonly grants: readonly string[];
  /** Stores checkpoints of a shared instance; null for a per-rover one, whose rover keeps them. */
  readonly storeCheckpoint: ((bytes: Uint8Array) => Promise<void>) | null;
  readonly onActivated: () => void;
  readonly onRetired: (reason: 'moved' | 'fenced', left: HeldState | null) => void;
  /** The instance has ended (trap, deadline, limit, crash of its worker) and must be dropped. */
  readonly onFailed: (error: Error) => void;
  /** What the guest asked the host to publish. */
  readonly onEffect: (effect: HostEffect) => void;
}

export interface InstanceStats extends ShellStats {
  readonly memoryBytes: number;
}

export interface SandboxedInstance {
  /** Where fixed ends connect. */
  readonly addresses: readonly string[];
  /** As of about a second ago. */
  readonly stats: InstanceStats;
  /** Quiesces and gives the checkpoint; the instance answers no more calls. */
  freeze(): Promise<Uint8Array>;
  /** A call by the host's operator: in its turn, at most once; encoded arguments and result. */
  invoke(functionName: string, args: Uint8Array): Promise<Uint8Array>;
  /** Refuses these rovers from now on and cuts their connections. */
  revoke(rovers: readonly string[]): void;
  /** Serves a fixed end that came another way than to one of the addresses. */
  accept(transport: Transport): void;
  close(): Promise<void>;
}

export interface Sandbox {
  /** A module that is compiled already. */
  cached(digest: string): LoadedModule | null;
  /**
   * Decodes, verifies and compiles an encoded bundle. Throws OUT_MODULE_BUNDLE, OUT_MODULE_TAMPERED, OUT_MODULE_COMPONENT, or
   * OUT_EDGE_TRANSFER when it is not the bundle of this digest.
   */
  load(digest: string, bundle: Uint8Array): Promise<LoadedModule>;
  start(module: LoadedModule, options: InstanceStart): Promise<SandboxedInstance>;
  close(): Promise<void>;
}

export const NO_STATS: InstanceStats = {
  calls: 0,
  errors: 0,
  bytesIn: 0,
  bytesOut: 0,
  queued: 0,
  channels: 0,
  connected: 0,
  memoryBytes: 0,
};
