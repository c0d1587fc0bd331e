// An error as data: errors of our own keep their code between threads.
import { isErrorCode, OutriderError } from './errors.ts';

export interface WireError {
  readonly code: string;
  readonly message: string;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof OutriderError) return { code: error.code, message: error.message };
  return { code: 'OUT_INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

export function fromWireError({ code, message }: WireError): OutriderError {
  return new OutriderError(isErrorCode(code) ? code : 'OUT_INTERNAL', message);
}
