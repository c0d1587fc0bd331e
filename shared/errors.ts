// The one registry of coded errors. Each says what arrived and how to mend it; docs/errors.md is generated from it.

/** A registered error: its meaning and the way out, as shown in docs/errors.md. */
export interface ErrorDefinition {
  /** What went wrong, in one sentence. */
  readonly summary: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

const define = <const T extends Record<string, ErrorDefinition>>(registry: T): T => registry;

/** All codes, grouped by prefix. Add new ones here only. */
export const ERRORS = define({
  OUT_CONFIG_INVALID: {
    summary: 'A configuration, scenario or mission file has unknown keys or impossible values.',
    remedy: 'Mend each listed key; the message gives its path, what arrived and what is allowed.',
  },
  OUT_CONFIG_UNREADABLE: {
    summary: 'A configuration, scenario or mission file cannot be read or is not YAML.',
    remedy: 'Check the path, the permissions and the line that the message names.',
  },
  OUT_CLI_USAGE: {
    summary: 'A command was called with unknown or contradictory options.',
    remedy: 'Run the command with --help.',
  },
  OUT_PROTOCOL_TOPIC: {
    summary: 'A topic was built from something that is not an id.',
    remedy: 'Use ids of 1 to 64 characters of A-Z, a-z, 0-9, _ and - for sites, missions, rovers, hosts and modules.',
  },
  OUT_PROTOCOL_MESSAGE: {
    summary: 'An MQTT message is too large, not UTF-8 JSON, or does not match its schema; it was dropped.',
    remedy: 'Compare the sender with docs/protocol.md; the message names the path and what arrived.',
  },
  OUT_TRANSPORT_UNREACHABLE: {
    summary: 'No data-plane connection could be made to an address.',
    remedy: 'Check that the host runs and that its address and port are reachable from here; MQTT is used as the fallback where no direct way exists.',
  },
  OUT_INTERNAL: {
    summary: 'An internal invariant does not hold: a programming error in Outrider.',
    remedy: 'Report it with the log; the message names the place.',
  },
});

export type ErrorCode = keyof typeof ERRORS;

/** An error of the registry. Its message says what arrived; `remedy` (from the registry) how to mend it. */
export class OutriderError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { readonly cause?: unknown; readonly details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OutriderError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }
}

/** Whether `error` is a registered error, optionally of one code. */
export function isOutriderError(error: unknown, code?: ErrorCode): error is OutriderError {
  return error instanceof OutriderError && (code === undefined || error.code === code);
}
