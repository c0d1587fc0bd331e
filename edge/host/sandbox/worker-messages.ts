// What the host's main thread and a sandbox worker say to each other.
import type { MessagePort } from 'node:worker_threads';
import type { PeerIdentity } from '../../../shared/security/peer-identity.ts';
import type { HeldState } from '../../../shared/elastic/state-transfer.ts';
import type { ServiceLine } from '../../../shared/services/service-bridge.ts';
import type { WireError } from '../../../shared/wire-error.ts';
import type { HostEffect } from '../host-functions/host-effect.ts';
import type { InstanceStart, InstanceStats } from './sandbox.ts';
import type { WatchCell } from './call-watch.ts';

/** How a worker reaches the world: the address that its listeners bind and announce. */
export interface WorkerEnvironment {
  readonly site: string;
  readonly bindHost: string;
  readonly advertisedHost: string;
  /** Null on loopback. */
  readonly tls: WorkerTls | null;
}

export interface WorkerTls {
  /** PEM texts of the host's identity. */
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
  /** The same for all listeners of a host: who has met one of them resumes that session with the others (RFC 8446, section 2.2). */
  readonly ticketKeys?: Uint8Array;
  readonly sessionIdContext?: string;
  /** How long [s]. */
  readonly sessionTimeout?: number;
}

type Plain<T> = { readonly [K in keyof T as T[K] extends ((...args: never[]) => unknown) | null ? never : K]: T[K] };

/** The start options without their callbacks. */
export type WorkerStart = Plain<Omit<InstanceStart, 'storeCheckpoint'>> & { readonly stores: boolean };

export type ToWorker =
  | {
      readonly type: 'start';
      readonly module: unknown;
      readonly digest: string;
      readonly start: WorkerStart;
      readonly watch: WatchCell;
      readonly environment: WorkerEnvironment;
      /** Host functions that another thread serves, by interface. */
      readonly services: Readonly<Record<string, ServiceLine>>;
    }
  | { readonly type: 'freeze'; readonly id: number }
  | { readonly type: 'stored'; readonly id: number; readonly failure: WireError | null }
  | { readonly type: 'invoke'; readonly id: number; readonly functionName: string; readonly args: Uint8Array }
  /** A fixed end that came over the broker; its frames pass through the port. */
  | { readonly type: 'accept'; readonly port: MessagePort; readonly description: string; readonly peer: PeerIdentity | null }
  | { readonly type: 'revoke'; readonly rovers: readonly string[] }
  /** The host shows a renewed certificate from now on. */
  | { readonly type: 'renew'; readonly tls: WorkerTls }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready' }
  /** `threadId`: of the operating system; null where it does not tell. */
  | { readonly type: 'started'; readonly address: string; readonly threadId: number | null; readonly failure: null }
  | { readonly type: 'started'; readonly address: null; readonly failure: WireError }
  | { readonly type: 'answered'; readonly id: number; readonly bytes: Uint8Array | null; readonly failure: WireError | null }
  | { readonly type: 'store'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'effect'; readonly effect: HostEffect }
  | { readonly type: 'activated' }
  | { readonly type: 'retired'; readonly reason: 'moved' | 'fenced'; readonly left: HeldState | null }
  | { readonly type: 'failed'; readonly failure: WireError }
  | { readonly type: 'stats'; readonly stats: InstanceStats }
  | { readonly type: 'closed' };

/** What a message that carries a state hands over with it, so that it is not copied: its buffer, unless other bytes are in there, too. */
export function given(state: HeldState | null): ArrayBuffer[] {
  if (state === null || state.bytes.byteLength !== state.bytes.buffer.byteLength) return [];
  return state.bytes.buffer instanceof ArrayBuffer ? [state.bytes.buffer] : [];
}
