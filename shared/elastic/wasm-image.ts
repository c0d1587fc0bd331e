// The memory image of a guest: mutable globals and the pages of linear memory. It needs no help from the guest, so a module of
// any language moves by it; repeated captures send only the pages that changed.
import { randomUUID } from 'node:crypto';
import { OutriderError } from '../errors.ts';
import type { MemoryImage } from './module-instance.ts';
import { GLOBAL_PREFIX, PAGE_BYTES, type GuestNotes } from './wasm-rewrite.ts';

/** `OUTI` little-endian. */
const MAGIC = 0x4954_554f;
const FORMAT = 1;
const DIGEST_BYTES = 32;
const ID_BYTES = 36;

/**
 * Layout, little-endian: u32 magic, u16 format, u16 0; 32 bytes digest of the module; 36 bytes id of this image; 36 bytes id of
 * the base (NUL for a full image); u32 pages of memory; u32 globals, 8 bytes each; u32 pages that follow, each u32 index + 64 KiB.
 * Pages of zeros are left out of a full image.
 */
export class WasmMemoryImage implements MemoryImage {
  readonly #memory: WebAssembly.Memory;
  readonly #globals: readonly { readonly global: WebAssembly.Global; readonly type: string }[];
  readonly #moduleDigest: Uint8Array;
  #baseId: string | null = null;
  #base: Uint8Array | null = null;

  constructor(memory: WebAssembly.Memory, exports: WebAssembly.Exports, notes: GuestNotes, moduleDigest: string) {
    this.#memory = memory;
    this.#moduleDigest = Buffer.from(moduleDigest, 'hex');
    this.#globals = notes.globals.map(({ index, type }) => ({ global: exports[`${GLOBAL_PREFIX}${index}`] as WebAssembly.Global, type }));
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  capture(): Uint8Array {
    return this.#encode(null, randomUUID()).bytes;
  }

  captureDelta(baseId: string | null): { readonly id: string; readonly bytes: Uint8Array; readonly full: boolean } {
    const base = baseId !== null && baseId === this.#baseId ? this.#base : null;
    const id = randomUUID();
    const { bytes } = this.#encode(base === null ? null : { id: baseId ?? '', memory: base }, id);
    this.#remember(id);
    return { id, bytes, full: base === null };
  }

  restore(bytes: Uint8Array): void {
    const image = decodeImage(bytes, this.#moduleDigest, this.#globals.length, this.#memory.buffer.byteLength / PAGE_BYTES);
    if (image.baseId !== null && image.baseId !== this.#baseId) {
      throw new OutriderError(
        'OUT_MODULE_SNAPSHOT',
        `the image holds only what changed since image ${image.baseId}, which this instance does not have`,
      );
    }
    const missing = image.pages - this.#memory.buffer.byteLength / PAGE_BYTES;
    if (missing > 0) {
      try {
        this.#memory.grow(missing);
      } catch (cause) {
        throw new OutriderError('OUT_MODULE_SNAPSHOT', `the image has ${image.pages} pages, more than the module may have here`, { cause });
      }
    }
    const memory = new Uint8Array(this.#memory.buffer);
    if (image.baseId === null) memory.fill(0);
    else memory.set(this.#base ?? new Uint8Array());
    for (const page of image.changed) memory.set(page.bytes, page.index * PAGE_BYTES);
    for (const [index, { global, type }] of this.#globals.entries()) setGlobal(global, type, image.globals, index * 8);
    this.#remember(image.id);
  }

  #remember(id: string): void {
    const now = new Uint8Array(this.#memory.buffer);
    if (this.#base?.length === now.length) this.#base.set(now);
    else this.#base = now.slice();
    this.#baseId = id;
  }

  #encode(base: { readonly id: string; readonly memory: Uint8Array } | null, id: string): { readonly bytes: Uint8Array } {
    const memory = Buffer.from(this.#memory.buffer);
    const pages = memory.length / PAGE_BYTES;
    const changed: number[] = [];
    for (let index = 0; index < pages; index += 1) {
      const page = memory.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      const before =
        base === null || (index + 1) * PAGE_BYTES > base.memory.length
          ? ZERO_PAGE
          : base.memory.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      if (!page.equals(before)) changed.push(index);
    }
    const out = Buffer.alloc(HEADER_BYTES + this.#globals.length * 8 + 4 + changed.length * (4 + PAGE_BYTES));
    out.writeUInt32LE(MAGIC, 0);
    out.writeUInt16LE(FORMAT, 4);
    out.set(this.#moduleDigest, 8);
    out.write(id, 8 + DIGEST_BYTES, 'ascii');
    if (base !== null) out.write(base.id, 8 + DIGEST_BYTES + ID_BYTES, 'ascii');
    out.writeUInt32LE(pages, HEADER_BYTES - 8);
    out.writeUInt32LE(this.#globals.length, HEADER_BYTES - 4);
    let at = HEADER_BYTES;
    for (const { global, type } of this.#globals) {
      getGlobal(global, type, out, at);
      at += 8;
    }
    out.writeUInt32LE(changed.length, at);
    at += 4;
    for (const index of changed) {
      out.writeUInt32LE(index, at);
      memory.copy(out, at + 4, index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      at += 4 + PAGE_BYTES;
    }
    return { bytes: out };
  }
}

const HEADER_BYTES = 8 + DIGEST_BYTES + ID_BYTES * 2 + 8;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

interface DecodedImage {
  readonly id: string;
  readonly baseId: string | null;
  readonly pages: number;
  readonly globals: DataView;
  readonly changed: readonly { readonly index: number; readonly bytes: Uint8Array }[];
}

function decodeImage(bytes: Uint8Array, digest: Uint8Array, globals: number, pagesNow: number): DecodedImage {
  const fail = (why: string): OutriderError => new OutriderError('OUT_MODULE_SNAPSHOT', `the memory image cannot be restored: ${why}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES + 4 || buffer.readUInt32LE(0) !== MAGIC) throw fail('it is not a memory image');
  if (buffer.readUInt16LE(4) !== FORMAT) throw fail(`its format is ${buffer.readUInt16LE(4)}, not ${FORMAT}`);
  if (!buffer.subarray(8, 8 + DIGEST_BYTES).equals(digest)) throw fail('it belongs to another module, or another build of it');
  const pages = buffer.readUInt32LE(HEADER_BYTES - 8);
  if (buffer.readUInt32LE(HEADER_BYTES - 4) !== globals) throw fail('its globals are not those of the module');
  if (pages < pagesNow || pages > 65_536)
    throw fail(`it has ${pages} pages where the module starts with ${pagesNow}: restore it into a new instance`);
  const start = HEADER_BYTES + globals * 8;
  const count = buffer.length >= start + 4 ? buffer.readUInt32LE(start) : 0;
  if (buffer.length !== start + 4 + count * (4 + PAGE_BYTES)) throw fail('its length does not fit its number of pages');
  const changed = Array.from({ length: count }, (_, item) => {
    const at = start + 4 + item * (4 + PAGE_BYTES);
    const index = buffer.readUInt32LE(at);
    if (index >= pages) throw fail(`it holds page ${index} of ${pages}`);
    return { index, bytes: buffer.subarray(at + 4, at + 4 + PAGE_BYTES) };
  });
  const idAt = 8 + DIGEST_BYTES;
  const baseId = buffer.toString('ascii', idAt + ID_BYTES, idAt + ID_BYTES * 2).replaceAll('\0', '');
  return {
    id: buffer.toString('ascii', idAt, idAt + ID_BYTES),
    baseId: baseId === '' ? null : baseId,
    pages,
    globals: new DataView(buffer.buffer, buffer.byteOffset + HEADER_BYTES, globals * 8),
    changed,
  };
}

function getGlobal(global: WebAssembly.Global, type: string, out: Buffer, at: number): void {
  const value: unknown = global.value;
  if (type === 'i64') out.writeBigInt64LE(value as bigint, at);
  else if (type === 'f64') out.writeDoubleLE(value as number, at);
  else if (type === 'f32') out.writeFloatLE(value as number, at);
  else out.writeInt32LE(value as number, at);
}

function setGlobal(global: WebAssembly.Global, type: string, from: DataView, at: number): void {
  if (type === 'i64') global.value = from.getBigInt64(at, true);
  else if (type === 'f64') global.value = from.getFloat64(at, true);
  else if (type === 'f32') global.value = from.getFloat32(at, true);
  else global.value = from.getInt32(at, true);
}
