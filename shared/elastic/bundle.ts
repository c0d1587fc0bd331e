// Module bundles: manifest, both builds, the WIT world, a signature. Addressed by the SHA-256 of their content.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { OutriderError } from '../errors.ts';
import { manifestSchema } from './bundle-manifest.ts';
import type { BundleSignature } from './bundle-signature.ts';
import type { BuildEntry, ModuleManifest } from './module-manifest.ts';

export interface ModuleBundle {
  readonly manifest: ModuleManifest;
  /** SHA-256 over the canonical manifest, which holds the digest of each file; lower-case hex. */
  readonly digest: string;
  /** Contents by file name: the builds and the world. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly signature: BundleSignature | null;
}

/** No bundle of ours comes near; a larger one is refused before it fills the memory [bytes]. */
export const MAX_BUNDLE_BYTES = 64 * 2 ** 20;
/** `OUTB` little-endian. */
const MAGIC = 0x4254_554f;
const FORMAT = 1;
const MANIFEST_FILE = 'manifest.json';
const SIGNATURE_FILE = 'signature.json';

export const sha256Hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** JSON with sorted keys and no blanks: equal content gives equal bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${entries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value);
}

/** The digest that addresses a bundle: of its manifest, which in turn holds the digest of each file. */
export const bundleDigest = (manifest: ModuleManifest): string => sha256Hex(`outrider-bundle-1\n${canonicalJson(manifest)}`);

export const manifestEntries = (manifest: ModuleManifest): readonly BuildEntry[] => [
  ...(manifest.builds.native === null ? [] : [manifest.builds.native]),
  manifest.builds.wasm,
  manifest.builds.wit,
];

/** Makes a bundle of a manifest and its files; throws OUT_MODULE_TAMPERED where a file is not what the manifest says. */
export function makeBundle(
  manifest: ModuleManifest,
  files: ReadonlyMap<string, Uint8Array>,
  signature: BundleSignature | null,
): ModuleBundle {
  const kept = new Map<string, Uint8Array>();
  for (const entry of manifestEntries(manifest)) {
    const bytes = files.get(entry.file);
    if (bytes === undefined) throw new OutriderError('OUT_MODULE_BUNDLE', `bundle ${manifest.name} lacks ${entry.file}`);
    if (bytes.length !== entry.bytes || sha256Hex(bytes) !== entry.sha256) {
      throw new OutriderError(
        'OUT_MODULE_TAMPERED',
        `${entry.file} of bundle ${manifest.name} has not the digest that its manifest promises`,
      );
    }
    kept.set(entry.file, bytes);
  }
  return { manifest, digest: bundleDigest(manifest), files: kept, signature };
}

/** Reads a bundle directory, as the toolchain writes it. */
export async function readBundle(directory: string): Promise<ModuleBundle> {
  const manifest = parseManifest(await readPart(directory, MANIFEST_FILE));
  const files = new Map<string, Uint8Array>();
  for (const entry of manifestEntries(manifest)) files.set(entry.file, await readPart(directory, entry.file));
  const signature = await readFile(path.join(directory, SIGNATURE_FILE)).catch(() => null);
  return makeBundle(manifest, files, signature === null ? null : parseSignature(signature));
}

async function readPart(directory: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(path.join(directory, file));
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_BUNDLE', `${directory} is no module bundle: it has no ${file}`, { cause });
  }
}

/** One byte string for transfer: u32 magic, u8 format, then parts, each u16 name length, name, u32 length, bytes. */
export function encodeBundle(bundle: ModuleBundle): Uint8Array<ArrayBuffer> {
  const parts: [string, Uint8Array][] = [[MANIFEST_FILE, Buffer.from(canonicalJson(bundle.manifest))], ...bundle.files];
  if (bundle.signature !== null) parts.push([SIGNATURE_FILE, Buffer.from(canonicalJson(bundle.signature))]);
  const size = parts.reduce((sum, [name, bytes]) => sum + 6 + Buffer.byteLength(name) + bytes.length, 6);
  const out = Buffer.from(new ArrayBuffer(size));
  out.writeUInt32LE(MAGIC, 0);
  out[4] = FORMAT;
  out[5] = parts.length;
  let at = 6;
  for (const [name, bytes] of parts) {
    const length = Buffer.byteLength(name);
    out.writeUInt16LE(length, at);
    out.write(name, at + 2);
    out.writeUInt32LE(bytes.length, at + 2 + length);
    out.set(bytes, at + 6 + length);
    at += 6 + length + bytes.length;
  }
  return new Uint8Array(out.buffer);
}

/** The bundle behind `encodeBundle`'s bytes; everything is checked but the signature. */
export function decodeBundle(bytes: Uint8Array): ModuleBundle {
  const fail = (why: string): OutriderError => new OutriderError('OUT_MODULE_BUNDLE', `the bytes are no module bundle: ${why}`);
  if (bytes.length > MAX_BUNDLE_BYTES) throw fail(`${bytes.length} bytes are more than ${MAX_BUNDLE_BYTES}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 6 || buffer.readUInt32LE(0) !== MAGIC || buffer[4] !== FORMAT) throw fail('they do not begin like one');
  const parts = new Map<string, Uint8Array>();
  let at = 6;
  for (let left = buffer[5] ?? 0; left > 0; left -= 1) {
    const length = at + 2 <= buffer.length ? buffer.readUInt16LE(at) : Infinity;
    if (at + 6 + length > buffer.length) throw fail('they end too early');
    const name = buffer.toString('utf8', at + 2, at + 2 + length);
    const size = buffer.readUInt32LE(at + 2 + length);
    at += 6 + length;
    if (at + size > buffer.length) throw fail('they end too early');
    if (parts.has(name)) throw fail(`${JSON.stringify(name)} occurs twice`);
    parts.set(name, bytes.slice(at, at + size));
    at += size;
  }
  if (at !== buffer.length) throw fail('bytes are left over');
  const manifestBytes = parts.get(MANIFEST_FILE);
  if (manifestBytes === undefined) throw fail('they hold no manifest');
  const signature = parts.get(SIGNATURE_FILE);
  const manifest = parseManifest(manifestBytes);
  if (canonicalJson(manifest) !== new TextDecoder().decode(manifestBytes)) throw fail('the manifest is not in canonical form');
  const known = new Set([MANIFEST_FILE, SIGNATURE_FILE, ...manifestEntries(manifest).map((entry) => entry.file)]);
  for (const name of parts.keys()) if (!known.has(name)) throw fail(`they hold ${JSON.stringify(name)}, which the manifest does not name`);
  const parsed = signature === undefined ? null : parseSignature(signature);
  if (signature !== undefined && canonicalJson(parsed) !== new TextDecoder().decode(signature))
    throw fail('the signature is not in canonical form');
  return makeBundle(manifest, parts, parsed);
}

/** Base64 in its one canonical form, so that no byte of a bundle can change unnoticed. */
const base64 = z
  .string()
  .max(200)
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, { error: 'not canonical base64' });
const signatureSchema = z.strictObject({ algorithm: z.literal('ed25519'), publicKey: base64, signature: base64 });

function parseManifest(bytes: Uint8Array): ModuleManifest {
  const result = manifestSchema.safeParse(parseJson(bytes, MANIFEST_FILE));
  if (!result.success) throw new OutriderError('OUT_MODULE_BUNDLE', `manifest.json: ${z.prettifyError(result.error)}`);
  return result.data;
}

function parseSignature(bytes: Uint8Array): BundleSignature {
  const result = signatureSchema.safeParse(parseJson(bytes, SIGNATURE_FILE));
  if (!result.success) throw new OutriderError('OUT_MODULE_SIGNATURE', `signature.json: ${z.prettifyError(result.error)}`);
  return result.data;
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_BUNDLE', `${file} is not JSON`, { cause });
  }
}
