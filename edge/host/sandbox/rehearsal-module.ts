// The smallest guest that an instance can have: one function that gives its bytes back. For rehearsals of the sandbox.
import type { InterfaceType } from '../../../shared/elastic/interface-type.ts';
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';
import { CORE_HEADER, writeExports, writeSections } from '../../../shared/elastic/wasm-binary.ts';
import { CompiledModule } from '../../../shared/elastic/wasm-instance.ts';
import { prepareGuest } from '../../../shared/elastic/wasm-rewrite.ts';

export const BYTES: InterfaceType = { kind: 'typed-array', element: 'u8' };

const MEMORY_BYTES = 65_536;
const BUILD = { file: '', bytes: 0, sha256: '' };
const MANIFEST: ModuleManifest = {
  ...{ formatVersion: 1, name: 'rehearsal', version: '1.0.0', description: '', hostInterfaces: [], state: null },
  ...{ sharing: 'per-rover', memoryMaxBytes: MEMORY_BYTES, onboard: 'wasm' },
  builds: { native: null, wasm: { ...BUILD, engine: 'prebuilt' }, wit: BUILD },
  functions: [{ name: 'echo', description: '', parameters: [{ name: 'bytes', type: BYTES }], result: BYTES, stateful: true }],
};

/** Sections of the core module (WebAssembly core specification, section 5.5), by id. */
const SECTIONS = [
  // (func (param i32 i32) (result i32)), (func (param i32 i32 i32 i32) (result i32))
  { id: 1, body: Uint8Array.of(2, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f) },
  { id: 3, body: Uint8Array.of(2, 0, 1) },
  // One page, and never more.
  { id: 5, body: Uint8Array.of(1, 1, 1, 1) },
  // (global (mut i32) (i32.const 64)): where free memory begins
  { id: 6, body: Uint8Array.of(1, 0x7f, 1, 0x41, 0xc0, 0, 0x0b) },
  {
    id: 7,
    body: writeExports([
      { name: 'memory', kind: 'memory', index: 0 },
      { name: 'module:rehearsal/api#echo', kind: 'function', index: 0 },
      { name: 'cabi_realloc', kind: 'function', index: 1 },
    ]),
  },
  {
    id: 10,
    body: Uint8Array.of(
      2,
      // (i32.store (i32.const 0) pointer) (i32.store offset=4 (i32.const 0) length) (i32.const 0): where the result's two words are
      ...[18, 0, 0x41, 0, 0x20, 0, 0x36, 2, 0, 0x41, 0, 0x20, 1, 0x36, 2, 4, 0x41, 0, 0x0b],
      // free memory, moved on by the fourth parameter, the size
      ...[11, 0, 0x23, 0, 0x23, 0, 0x20, 3, 0x6a, 0x24, 0, 0x0b],
    ),
  },
];

export function rehearsalModule(): CompiledModule {
  const core = prepareGuest(writeSections(CORE_HEADER, SECTIONS), 'utf8', MEMORY_BYTES);
  return new CompiledModule({ manifest: MANIFEST, wasmModule: new WebAssembly.Module(core) });
}
