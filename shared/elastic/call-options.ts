// The optional last argument of every function of a module's handle.

/** The brand that tells options from a record that is the function's last argument is the argument's position, not its shape. */
export interface CallOptions {
  /** Rejects with OUT_ELASTIC_DEADLINE this long after the call [ms of the clock]; a call that has not begun by then does not take effect. */
  readonly deadlineMs?: number;
  /** Cancels the call: it rejects with the signal's reason, and does not take effect if it has not begun. */
  readonly signal?: AbortSignal;
}
