// The header of a snapshot: whose state it is, and of which version. The payload is the state in the typed value codec.
import { OutriderError } from '../errors.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { decodeValues } from './value-codec.ts';

/** `OUTS` little-endian. */
const MAGIC = 0x5354_554f;
const FORMAT = 1;

/** Layout, little-endian: u32 magic, u8 format, u8 length of the name, the name (ASCII), u32 state version, the payload. */
export function encodeSnapshot(name: string, version: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(10 + name.length + payload.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC, true);
  out[4] = FORMAT;
  out[5] = name.length;
  for (let index = 0; index < name.length; index += 1) out[6 + index] = name.charCodeAt(index);
  view.setUint32(6 + name.length, version, true);
  out.set(payload, 10 + name.length);
  return out;
}

/** The version and payload of a snapshot of module `name`, at most of version `newest`. Throws OUT_MODULE_SNAPSHOT. */
export function decodeSnapshot(
  bytes: Uint8Array,
  name: string,
  newest: number,
): { readonly version: number; readonly payload: Uint8Array } {
  const fail = (why: string): OutriderError => new OutriderError('OUT_MODULE_SNAPSHOT', `the snapshot cannot be restored: ${why}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes[5] ?? 0;
  if (bytes.length < 10 + length || view.getUint32(0, true) !== MAGIC) throw fail('it is not a snapshot');
  if (bytes[4] !== FORMAT) throw fail(`its format is ${bytes[4]}, not ${FORMAT}`);
  const owner = String.fromCharCode(...bytes.subarray(6, 6 + length));
  if (owner !== name) throw fail(`it is the state of module ${JSON.stringify(owner)}, not of ${name}`);
  const version = view.getUint32(6 + length, true);
  if (version > newest) throw fail(`its state has version ${version}; this module knows up to ${newest}`);
  return { version, payload: bytes.subarray(10 + length) };
}

/**
 * A snapshot that a module may load: its version and payload, checked against the type that this version has. The version is
 * null where the module has no state and the snapshot is empty.
 */
export function checkSnapshot(
  bytes: Uint8Array,
  manifest: ModuleManifest,
): { readonly version: number | null; readonly payload: Uint8Array } {
  const { state, name } = manifest;
  if (state === null) {
    if (bytes.length > 0)
      throw new OutriderError('OUT_MODULE_SNAPSHOT', `module ${name} has no state, but the snapshot has ${bytes.length} bytes`);
    return { version: null, payload: bytes };
  }
  const { version, payload } = decodeSnapshot(bytes, name, state.version);
  const type = version === state.version ? state.type : state.previous?.find((item) => item.version === version)?.type;
  if (type === undefined)
    throw new OutriderError(
      'OUT_MODULE_SNAPSHOT',
      `module ${name} cannot migrate state of version ${version}: it has no \`@migrates ${version}\` function`,
    );
  try {
    decodeValues([type], payload, { viewsAllowed: true, maxValues: Infinity });
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_SNAPSHOT', `the snapshot of ${name} is malformed: ${(cause as Error).message}`, { cause });
  }
  return { version, payload };
}
