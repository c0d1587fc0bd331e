// The data plane as a port: an ordered, framed, bidirectional connection between a rover and a module's host.

import type { PeerIdentity } from '../security/peer-identity.ts';

/**
 * A connection of whole frames. Frames arrive in order, complete and once, or not at all after `onClose`.
 * A frame is at most `MAX_FRAME_BYTES` (see shared/elastic/limits.ts): the bound on what one peer can make the other buffer.
 */
export interface Transport {
  /** For logs and errors: `tcp://127.0.0.1:4711`, `in-process`, `mqtt:outrider/…`. */
  readonly description: string;
  /** Who the peer is, where the transport proves it (its certificate's role and name); absent or null: it does not. */
  readonly provenPeer?: PeerIdentity | null;
  /** Queues one frame, given as consecutive parts (not copied until sent). False: the buffer is full, wait for `onDrain`. */
  send(parts: readonly Uint8Array[]): boolean;
  /** Exactly one consumer. The frame's bytes are valid only during the call. */
  onFrame: ((frame: Uint8Array) => void) | null;
  onDrain: (() => void) | null;
  /** Called once, when the connection is over; the error is null after a clean close by either side. */
  onClose: ((error: Error | null) => void) | null;
  /** Ends the connection; `error` tells the peer nothing, it is for the log. Idempotent. */
  close(error?: Error): void;
}
