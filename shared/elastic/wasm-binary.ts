// Reading and writing of WebAssembly binaries: LEB128, names, sections. https://webassembly.github.io/spec/core/binary/
import { OutriderError } from '../errors.ts';

export const CORE_HEADER = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
export const COMPONENT_HEADER = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]);

export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

const text = new TextDecoder('utf-8', { fatal: true });

/** Reads forward through bytes; whatever does not fit throws OUT_MODULE_COMPONENT. */
export class WasmReader {
  readonly bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.position >= this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw malformed('it ends too early');
    this.position += 1;
    return value;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw malformed('a number is too long');
  }

  /** Skips a signed or unsigned LEB128 number of any width. */
  skipLeb(): void {
    while (this.byte() >= 0x80) if (this.done) throw malformed('it ends too early');
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.position) throw malformed('a length points beyond its end');
    const part = this.bytes.subarray(this.position, this.position + length);
    this.position += length;
    return part;
  }

  name(): string {
    try {
      return text.decode(this.take(this.u32()));
    } catch (error) {
      throw error instanceof OutriderError ? error : malformed('a name is not UTF-8');
    }
  }
}

export const malformed = (what: string): OutriderError =>
  new OutriderError('OUT_MODULE_COMPONENT', `the WebAssembly binary is malformed: ${what}`);

/** The sections behind the 8-byte header. */
export function readSections(bytes: Uint8Array, header: Uint8Array): Section[] {
  if (bytes.length < 8 || header.some((byte, index) => bytes[index] !== byte)) throw malformed('its header is not the expected one');
  const reader = new WasmReader(bytes);
  reader.position = 8;
  const sections: Section[] = [];
  while (!reader.done) {
    const id = reader.byte();
    sections.push({ id, body: reader.take(reader.u32()) });
  }
  return sections;
}

export function encodeU32(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return out;
}

export function encodeName(name: string): number[] {
  const bytes = new TextEncoder().encode(name);
  return [...encodeU32(bytes.length), ...bytes];
}

export function writeSections(header: Uint8Array, sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const heads = sections.map((section) => new Uint8Array([section.id, ...encodeU32(section.body.length)]));
  const total = sections.reduce((sum, section, index) => sum + section.body.length + (heads[index]?.length ?? 0), header.length);
  const out = new Uint8Array(total);
  out.set(header, 0);
  let position = header.length;
  for (const [index, section] of sections.entries()) {
    const head = heads[index] ?? new Uint8Array();
    out.set(head, position);
    out.set(section.body, position + head.length);
    position += head.length + section.body.length;
  }
  return out;
}

/** Kinds of imports and exports of a core module. */
export const EXTERNAL_KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const;

export interface CoreExport {
  readonly name: string;
  readonly kind: (typeof EXTERNAL_KINDS)[number];
  readonly index: number;
}

export function readExports(body: Uint8Array): CoreExport[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.u32() }, () => {
    const name = reader.name();
    const kind = EXTERNAL_KINDS[reader.byte()];
    if (kind === undefined) throw malformed('an export of unknown kind');
    return { name, kind, index: reader.u32() };
  });
}

export function writeExports(exports: readonly CoreExport[]): Uint8Array {
  const parts = exports.flatMap((item) => [...encodeName(item.name), EXTERNAL_KINDS.indexOf(item.kind), ...encodeU32(item.index)]);
  return new Uint8Array([...encodeU32(exports.length), ...parts]);
}
