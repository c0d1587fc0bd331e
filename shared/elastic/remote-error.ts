// Errors across the wire: registered errors arrive as themselves, every other one as OUT_ELASTIC_REMOTE with its message.
import { isErrorCode, OutriderError } from '../errors.ts';
import { MAX_ERROR_BYTES, MAX_ID_BYTES } from './limits.ts';
import { WireWriter, type WireReader } from './wire-cursor.ts';

/** A failure of one call: FAILURE carries a number before it, REFUSED does not. */
export interface RemoteFailure {
  readonly error: OutriderError;
  /** True: the call had no effect, so it is not to be made again either. */
  readonly withoutEffect: boolean;
}

/** kind u8, flags u8 (1: without effect), number u48, code text, message text. */
export function encodeFailure(kind: number, number: number, error: unknown, withoutEffect: boolean): Uint8Array {
  const code = error instanceof OutriderError ? error.code : 'OUT_ELASTIC_REMOTE';
  const message = error instanceof Error ? error.message : String(error);
  return new WireWriter(128)
    .u8(kind)
    .u8(withoutEffect ? 1 : 0)
    .u48(number)
    .text(code)
    .text(cut(message, MAX_ERROR_BYTES))
    .done();
}

/** Reads the fields after the kind. An unknown code becomes OUT_ELASTIC_REMOTE: the registry is this end's own. */
export function decodeFailure(reader: WireReader): RemoteFailure & { readonly number: number } {
  const withoutEffect = (reader.u8() & 1) === 1;
  const number = reader.u48();
  const code = reader.text(MAX_ID_BYTES, 'error code');
  const message = reader.text(MAX_ERROR_BYTES, 'error message');
  reader.end();
  return {
    number,
    withoutEffect,
    error: isErrorCode(code) ? new OutriderError(code, message) : new OutriderError('OUT_ELASTIC_REMOTE', `${code}: ${message}`),
  };
}

/** The longest prefix of whole characters that fits into `maxBytes` of UTF-8. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.byteLength <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
