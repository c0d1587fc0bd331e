// The lines of a text file, plain or gzip, one at a time; cut-off files are recognised.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { open } from 'node:fs/promises';
import { OutriderError } from '../../shared/errors.ts';

export interface TextLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** False for a last line without its line end: it may have been cut. */
  readonly complete: boolean;
}

/** Longer lines are not text: bounds what a broken file can make us buffer [characters]. */
const MAX_LINE = 1_000_000;

/** Throws OUT_LOG_UNREADABLE, OUT_LOG_TRUNCATED (the gzip stream ends early) and OUT_LOG_MALFORMED (damaged gzip, endless line). */
export async function* readLines(path: string): AsyncGenerator<TextLine> {
  const packed = await isGzip(path);
  const file = createReadStream(path);
  const source = packed ? pipeline(file, createGunzip(), () => {}) : file;
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield { text: stripReturn(line), number: (number += 1), complete: true };
      if (rest.length > MAX_LINE) {
        throw new OutriderError('OUT_LOG_MALFORMED', `${path}: line ${number + 1} is longer than ${MAX_LINE} characters`, {
          details: { path, line: number + 1 },
        });
      }
    }
  } catch (error) {
    throw readError(path, number, error);
  }
  rest += decoder.decode();
  if (rest !== '') yield { text: stripReturn(rest), number: number + 1, complete: false };
}

async function isGzip(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b; // RFC 1952, 2.3.1
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw readError(path, 0, cause);
  }
}

function readError(path: string, line: number, error: unknown): unknown {
  if (error instanceof OutriderError) return error;
  const code = (error as { readonly code?: string }).code ?? '';
  const details = { path, line };
  if (code === 'Z_BUF_ERROR') {
    return new OutriderError('OUT_LOG_TRUNCATED', `${path}: the compressed data ends early, in line ${line + 1}`, {
      cause: error,
      details,
    });
  }
  if (code.startsWith('Z_')) {
    return new OutriderError('OUT_LOG_MALFORMED', `${path}: the compressed data is damaged after line ${line}`, { cause: error, details });
  }
  return new OutriderError('OUT_LOG_UNREADABLE', `${path}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
    details,
  });
}

function stripReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
