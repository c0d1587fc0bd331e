// Prepares a guest's core module before it is compiled: an upper bound of its memory, its mutable globals exported for the memory
// image, and a note of what the loader must know. Neither needs the guest's cooperation.
import { OutriderError } from '../errors.ts';
import type { StringEncoding } from './component-binary.ts';
import {
  CORE_HEADER,
  encodeName,
  encodeU32,
  EXTERNAL_KINDS,
  malformed,
  readExports,
  readSections,
  WasmReader,
  writeExports,
  writeSections,
  type CoreExport,
  type Section,
} from './wasm-binary.ts';

export const PAGE_BYTES = 65_536;
export const GLOBAL_PREFIX = 'outrider:global:';
export const NOTES_SECTION = 'outrider';

export type GlobalType = 'i32' | 'i64' | 'f32' | 'f64';

/** What travels inside the compiled module, as a custom section, so that a WebAssembly.Module is all that a worker needs. */
export interface GuestNotes {
  readonly encoding: StringEncoding;
  /** Exported as `outrider:global:<index>`. */
  readonly globals: readonly { readonly index: number; readonly type: GlobalType }[];
  /** Why the memory image cannot be taken, or null. */
  readonly imageRefusal: string | null;
}

const GLOBAL_TYPES = new Map<number, GlobalType>([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
]);

/** The module with its memory bounded and its mutable globals exported. Throws OUT_MODULE_COMPONENT where it cannot be bounded. */
export function prepareGuest(core: Uint8Array, encoding: StringEncoding, memoryMaxBytes: number): Uint8Array<ArrayBuffer> {
  const sections = readSections(core, CORE_HEADER).filter((section) => section.id !== 0);
  checkImports(sections.find((section) => section.id === 2)?.body);
  const globals = readGlobals(sections.find((section) => section.id === 6)?.body);
  const notes: GuestNotes = { encoding, globals: globals.plain, imageRefusal: globals.refusal };
  const added = globals.plain.map(({ index }): CoreExport => ({ name: `${GLOBAL_PREFIX}${index}`, kind: 'global', index }));
  if (!sections.some((section) => section.id === 5)) throw new OutriderError('OUT_MODULE_COMPONENT', 'the guest has no memory of its own');
  const out: Section[] = sections.map((section) => {
    if (section.id === 5) return { id: 5, body: boundMemory(section.body, Math.floor(memoryMaxBytes / PAGE_BYTES)) };
    if (section.id === 7) return { id: 7, body: writeExports([...readExports(section.body), ...added]) };
    return section;
  });
  const body = new Uint8Array([...encodeName(NOTES_SECTION), ...new TextEncoder().encode(JSON.stringify(notes))]);
  return writeSections(CORE_HEADER, [...out, { id: 0, body }]);
}

/** The notes of a module that was compiled from `prepareGuest`'s output. */
export function readNotes(module: WebAssembly.Module): GuestNotes {
  const [section] = WebAssembly.Module.customSections(module, NOTES_SECTION);
  if (section === undefined) throw new OutriderError('OUT_MODULE_COMPONENT', 'the module was not prepared by compileWasm');
  return JSON.parse(new TextDecoder().decode(section)) as GuestNotes;
}

/** Only functions may be imported, so the guest's own globals count from 0. */
function checkImports(body: Uint8Array | undefined): void {
  if (body === undefined) return;
  const reader = new WasmReader(body);
  for (let left = reader.u32(); left > 0; left -= 1) {
    const from = `${reader.name()}.${reader.name()}`;
    const kind = EXTERNAL_KINDS[reader.byte()];
    if (kind !== 'function')
      throw new OutriderError(
        'OUT_MODULE_COMPONENT',
        `the guest imports a ${kind ?? 'thing'} (${from}); only host functions can be given to it`,
      );
    reader.u32();
  }
}

function boundMemory(body: Uint8Array, maxPages: number): Uint8Array {
  const reader = new WasmReader(body);
  if (reader.u32() !== 1) throw new OutriderError('OUT_MODULE_COMPONENT', 'the guest has more than one memory');
  const flags = reader.byte();
  if (flags > 1) throw new OutriderError('OUT_MODULE_COMPONENT', 'the guest’s memory is shared or 64-bit');
  const least = reader.u32();
  const own = flags === 1 ? reader.u32() : maxPages;
  if (least > maxPages)
    throw new OutriderError(
      'OUT_MODULE_COMPONENT',
      `the guest starts with ${least * PAGE_BYTES} bytes of memory; its manifest allows ${maxPages * PAGE_BYTES}`,
    );
  return new Uint8Array([1, 1, ...encodeU32(least), ...encodeU32(Math.max(least, Math.min(own, maxPages)))]);
}

interface Globals {
  readonly plain: { readonly index: number; readonly type: GlobalType }[];
  readonly refusal: string | null;
}

function readGlobals(body: Uint8Array | undefined): Globals {
  const plain: { index: number; type: GlobalType }[] = [];
  let refusal: string | null = null;
  if (body === undefined) return { plain, refusal };
  const reader = new WasmReader(body);
  const count = reader.u32();
  for (let index = 0; index < count; index += 1) {
    const code = reader.byte();
    const type = GLOBAL_TYPES.get(code);
    const mutable = reader.byte() === 1;
    skipConstant(reader);
    if (!mutable) continue;
    if (type === undefined)
      refusal = `mutable global ${index} holds a ${code === 0x7b ? 'vector' : 'reference'}, which cannot be read from outside`;
    else plain.push({ index, type });
  }
  return { plain, refusal };
}

/** Steps over a constant expression. */
function skipConstant(reader: WasmReader): void {
  for (;;) {
    const opcode = reader.byte();
    if (opcode === 0x0b) return;
    if (opcode === 0x41 || opcode === 0x42 || opcode === 0x23 || opcode === 0xd2 || opcode === 0xd0) reader.skipLeb();
    else if (opcode === 0x43) reader.take(4);
    else if (opcode === 0x44) reader.take(8);
    else if (opcode === 0xfd) {
      reader.u32();
      reader.take(16);
    } else if (![0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e].includes(opcode)) throw malformed('a constant with an unknown instruction');
  }
}
