// A guest's linear memory as the Canonical ABI uses it: room by the guest's own allocator, and every range that the guest names is checked.
import { OutriderError } from '../errors.ts';
import type { StringEncoding } from './component-binary.ts';

/** A guest's memory and allocator, with the views that growing memory makes stale. */
export class GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly #realloc: ((old: number, oldBytes: number, alignment: number, bytes: number) => number) | null;
  readonly encoding: StringEncoding;
  #view: DataView;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory, realloc: unknown, encoding: StringEncoding) {
    this.memory = memory;
    this.#realloc = typeof realloc === 'function' ? (realloc as (...args: number[]) => number) : null;
    this.encoding = encoding;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get view(): DataView {
    if (this.#view.buffer !== this.memory.buffer) this.#refresh();
    return this.#view;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#refresh();
    return this.#bytes;
  }

  #refresh(): void {
    this.#view = new DataView(this.memory.buffer);
    this.#bytes = new Uint8Array(this.memory.buffer);
  }

  /** Room in the guest, given by its own allocator. */
  allocate(bytes: number, alignment: number): number {
    if (this.#realloc === null)
      throw new OutriderError('OUT_MODULE_COMPONENT', 'the guest takes lists or strings but does not export cabi_realloc');
    const pointer = this.#realloc(0, 0, alignment, bytes) >>> 0;
    if (pointer % alignment !== 0 || pointer + bytes > this.memory.buffer.byteLength)
      throw trap(`its allocator gave ${bytes} bytes at ${pointer}, outside its memory`);
    return pointer;
  }

  /** Checks that a range that the guest names lies in its memory. */
  range(pointer: number, bytes: number): number {
    const from = pointer >>> 0;
    if (from + bytes > this.memory.buffer.byteLength) throw trap(`it names ${bytes} bytes at ${from}, outside its memory`);
    return from;
  }
}

export const trap = (what: string, cause?: unknown): OutriderError =>
  new OutriderError('OUT_MODULE_TRAP', `the guest broke: ${what}`, cause === undefined ? {} : { cause });
