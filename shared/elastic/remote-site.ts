// What the fixed end of an elastic module needs from an edge site: places to run, and where an instance is now.
// Implemented by robot/offload (steps 2 to 6 of the offload sequence); tests and benches bring their own.
import type { Transport } from '../ports/transport.ts';
import type { ModuleManifest } from './module-manifest.ts';

/** A running (or waiting) instance at the edge and how to reach it. */
export interface RemoteEndpoint {
  readonly hostId: string;
  readonly instanceId: string;
  /** The epoch of this instance; an endpoint of a lower epoch than one already seen is never used. */
  readonly epoch: number;
  /** Proves to the instance's shell that this fixed end may use it. */
  readonly token: string;
  /** Connects by the best way that is reachable now. Rejects with OUT_TRANSPORT_UNREACHABLE. */
  connect(options?: { readonly signal?: AbortSignal }): Promise<Transport>;
  /** A better way than `current` if there is one by now (TCP after MQTT), else null. Absent: there is only one way. */
  connectBetter?(current: Transport): Promise<Transport | null>;
}

/** What preparing a place took; shown in the events of a move. */
export interface OffloadReport {
  readonly hostId: string;
  /** Duration of each step [ms], in order: e.g. `request`, `reserve`, `reach` (connects to the host), `transfer`, `initialise`. */
  readonly stepsMs: Readonly<Record<string, number>>;
  /** Bytes of the bundle that had to be sent; 0 when the host had it already (warm). */
  readonly bundleBytesSent: number;
  readonly warm: boolean;
}

/** `prepared`: a new, empty instance waits for its state. `redirect`: a shared instance runs already. */
export type PrepareResult =
  | {
      readonly kind: 'prepared';
      /**
       * Leads to an instance that is instantiated already (a shell with `embryo: true` and the asked epoch). The fixed end connects, sends
       * state ahead while calls go on at the old place, and activates it: nothing slow is left for the pause.
       */
      readonly endpoint: RemoteEndpoint;
      /** Gives the place back; called when the move does not happen. */
      abandon(): Promise<void>;
      readonly report: OffloadReport;
    }
  | { readonly kind: 'redirect'; readonly endpoint: RemoteEndpoint; readonly report: OffloadReport }
  | { readonly kind: 'refused'; readonly reason: string };

export interface PrepareOptions {
  /** Why: shown in events and logs, e.g. `battery below 30 %`. */
  readonly reason: string;
  /** The epoch that the new instance is to run under. A shared instance that already runs keeps its own. */
  readonly epoch: number;
  readonly preferHost?: string;
  readonly excludeHost?: string;
  readonly signal?: AbortSignal;
  /** W3C trace context of the move; absent: it is not traced. */
  readonly traceparent?: string;
}

/** The site asks that an instance moves to another host: calls go on meanwhile, as in every move. */
export interface MoveAdvice {
  readonly instanceId: string;
  readonly epoch: number;
  readonly leaveHost: string;
  readonly preferHost: string | null;
  readonly reason: string;
}

export interface RemoteSite {
  /** Finds, reserves and readies a place (may take long; calls go on meanwhile). Throws only for programming errors. */
  prepare(manifest: ModuleManifest, options: PrepareOptions): Promise<PrepareResult>;
  /**
   * After a lost connection: where the instance runs now (same or higher epoch); `unknown` when the site says that it does not have it (any
   * more), null when it does not say: nobody answers, or a shared instance is being brought back.
   */
  locate(endpoint: RemoteEndpoint): Promise<RemoteEndpoint | 'unknown' | null>;
  /** The fixed end needs the instance no more. Per-rover: stop it. Shared: one user less. */
  release(endpoint: RemoteEndpoint): Promise<void>;
  /** Calls `listener` for each advice; returns the way to stop. Absent: the site gives none. */
  onAdvice?(listener: (advice: MoveAdvice) => void): () => void;
  /** Whether the control plane can be reached now. */
  readonly reachable: boolean;
}
