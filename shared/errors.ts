// Coded errors: what every expected failure of Outrider is. The codes, with what they mean and the way out, stand in error-registry.ts.
import { type ErrorCode, ERRORS } from './error-registry.ts';

export type { ErrorCode } from './error-registry.ts';

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

/** Whether a code that came from outside is one of the registry. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
