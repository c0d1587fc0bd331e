// Reads a component binary as far as Outrider runs it: its core module, its imports, its string encoding. Whatever would need
// more of the component model (resources, async, other imports) is refused here, by name.
// https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
import { OutriderError } from '../errors.ts';
import { COMPONENT_HEADER, CORE_HEADER, readExports, readSections, WasmReader } from './wasm-binary.ts';

export type StringEncoding = 'utf8' | 'utf16';

export interface ParsedComponent {
  /** The core module that holds memory and functions. */
  readonly core: Uint8Array;
  /** Names of what the component imports, e.g. `outrider:host/vision`. */
  readonly imports: readonly string[];
  /** Names of what it exports, e.g. `module:map-server/api`. */
  readonly exports: readonly string[];
  readonly encoding: StringEncoding;
}

const refuse = (why: string): OutriderError => new OutriderError('OUT_MODULE_COMPONENT', `the component cannot be run: ${why}`);

export function parseComponent(bytes: Uint8Array): ParsedComponent {
  if (startsWith(bytes, CORE_HEADER)) throw refuse('it is a core module; make it a component with `jco embed` and `jco new`');
  const modules: Uint8Array[] = [];
  const imports: string[] = [];
  const exports: string[] = [];
  const encodings = new Set<StringEncoding>();
  for (const section of readSections(bytes, COMPONENT_HEADER)) {
    if (section.id === 1) modules.push(section.body);
    else if (section.id === 8) readCanonicals(section.body, encodings);
    else if (section.id === 10) imports.push(...readImports(section.body));
    else if (section.id === 11) exports.push(...readComponentExports(section.body));
  }
  const core = modules.find((module) => exportsMemory(module));
  if (core === undefined) throw refuse('none of its core modules exports a memory');
  if (encodings.size > 1) throw refuse('its functions use different string encodings');
  return { core, imports, exports, encoding: [...encodings][0] ?? 'utf8' };
}

const startsWith = (bytes: Uint8Array, header: Uint8Array): boolean => header.every((byte, index) => bytes[index] === byte);

const exportsMemory = (module: Uint8Array): boolean =>
  readSections(module, CORE_HEADER).some((section) => section.id === 7 && readExports(section.body).some((item) => item.kind === 'memory'));

function readCanonicals(body: Uint8Array, encodings: Set<StringEncoding>): void {
  const reader = new WasmReader(body);
  for (let left = reader.u32(); left > 0; left -= 1) {
    const form = reader.byte();
    if (form > 0x01 || reader.byte() !== 0x00) throw refuse('it uses resources, streams or async functions');
    reader.u32();
    readOptions(reader, encodings);
    if (form === 0x00) reader.u32();
  }
}

function readOptions(reader: WasmReader, encodings: Set<StringEncoding>): void {
  for (let left = reader.u32(); left > 0; left -= 1) {
    const option = reader.byte();
    if (option === 0x00) encodings.add('utf8');
    else if (option === 0x01) encodings.add('utf16');
    else if (option === 0x03 || option === 0x04 || option === 0x05) reader.u32();
    else throw refuse(option === 0x02 ? 'its strings are latin1+utf16' : 'it uses async functions');
  }
}

/** The names of imports; those that are not instances are named too, and refused by whoever grants interfaces. */
function readImports(body: Uint8Array): string[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.u32() }, () => {
    if (reader.byte() > 0x01) throw refuse('an import with a version suffix');
    const name = reader.name();
    skipDescription(reader);
    return name;
  });
}

function readComponentExports(body: Uint8Array): string[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.u32() }, () => {
    if (reader.byte() > 0x01) throw refuse('an export with a version suffix');
    const name = reader.name();
    if (reader.byte() === 0x00) reader.byte();
    reader.u32();
    if (reader.byte() === 0x01) skipDescription(reader);
    return name;
  });
}

/** Steps over an externdesc: the sort of an import or export and its type. */
function skipDescription(reader: WasmReader): void {
  const sort = reader.byte();
  if (sort === 0x00) reader.byte();
  if (sort === 0x03 && reader.byte() === 0x01) return;
  reader.u32();
}
