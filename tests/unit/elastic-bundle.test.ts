// Bundles: what is read is what was built; anything changed, cut or added is noticed.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  bundleDigest,
  canonicalJson,
  decodeBundle,
  encodeBundle,
  makeBundle,
  sha256Hex,
  type ModuleBundle,
} from '../../shared/elastic/bundle.ts';
import { signBundle, verifyBundle } from '../../shared/elastic/bundle-signature.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import { OutriderError } from '../../shared/errors.ts';

const file = (text: string) => Buffer.from(text);
const entry = (name: string, text: string) => ({ file: name, bytes: text.length, sha256: sha256Hex(text) });

function bundle(): ModuleBundle {
  const manifest: ModuleManifest = {
    formatVersion: 1,
    name: 'adder',
    version: '1.0.0',
    description: 'Adds.',
    functions: [
      {
        name: 'add',
        description: '',
        parameters: [{ name: 'a', type: { kind: 'number', type: 'i32' } }],
        result: { kind: 'number', type: 'i32' },
        stateful: false,
      },
    ],
    hostInterfaces: [],
    state: null,
    sharing: 'per-rover',
    memoryMaxBytes: 65_536,
    onboard: 'native',
    builds: {
      native: entry('native.js', 'return {}'),
      wasm: { ...entry('module.wasm', 'wasm'), engine: 'assemblyscript' },
      wit: entry('world.wit', 'world'),
    },
  };
  const files = new Map([
    ['native.js', file('return {}')],
    ['module.wasm', file('wasm')],
    ['world.wit', file('world')],
  ]);
  return makeBundle(manifest, files, null);
}

const keys = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'nothing';
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    return error.code;
  }
};

describe('module bundle', () => {
  it('comes back from its bytes as it was, with the same digest', () => {
    const original = signBundle(bundle(), keys().privatePem);
    const back = decodeBundle(encodeBundle(original));
    expect(back.digest).toBe(original.digest);
    expect(back.manifest).toEqual(original.manifest);
    expect(back.signature).toEqual(original.signature);
    expect([...back.files.keys()]).toEqual([...original.files.keys()]);
  });

  it('has one digest for one content, however the manifest is written down', () => {
    const { manifest } = bundle();
    const shuffled = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(manifest).toReversed()))) as ModuleManifest;
    expect(bundleDigest(shuffled)).toBe(bundleDigest(manifest));
    expect(canonicalJson({ b: 1, a: [2, { d: 3, c: 4 }] })).toBe('{"a":[2,{"c":4,"d":3}],"b":1}');
  });

  it('notices every single flipped bit', () => {
    const { privatePem, publicPem } = keys();
    const bytes = encodeBundle(signBundle(bundle(), privatePem));
    const unnoticed: string[] = [];
    for (let flip = 0; flip < bytes.length * 8; flip += 1) {
      const at = flip >> 3;
      const bit = 1 << (flip & 7);
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ bit;
      const code = codeOf(() => verifyBundle(decodeBundle(changed), [publicPem]));
      if (!['OUT_MODULE_BUNDLE', 'OUT_MODULE_TAMPERED', 'OUT_MODULE_SIGNATURE'].includes(code))
        unnoticed.push(`byte ${at} bit ${bit} of ${Buffer.from(bytes.subarray(at - 20, at + 5)).toString()}: ${code}`);
    }
    expect(unnoticed).toEqual([]);
  });

  it('refuses bytes that are cut or continued', () => {
    const bytes = encodeBundle(bundle());
    for (let length = 0; length < bytes.length; length += 1)
      expect(codeOf(() => decodeBundle(bytes.subarray(0, length)))).toBe('OUT_MODULE_BUNDLE');
    expect(codeOf(() => decodeBundle(Buffer.concat([bytes, file('x')])))).toBe('OUT_MODULE_BUNDLE');
  });

  it('tells an untrusted signer from a missing signature and from a broken one', () => {
    const [ours, theirs] = [keys(), keys()];
    const signed = signBundle(bundle(), ours.privatePem);
    expect(codeOf(() => verifyBundle(signed, [ours.publicPem]))).toBe('nothing');
    expect(codeOf(() => verifyBundle(signed, [theirs.publicPem]))).toBe('OUT_MODULE_SIGNATURE');
    expect(codeOf(() => verifyBundle(bundle(), [ours.publicPem]))).toBe('OUT_MODULE_SIGNATURE');
    expect(codeOf(() => verifyBundle(bundle()))).toBe('nothing');
    const other = { ...signed, digest: sha256Hex('other') };
    expect(codeOf(() => verifyBundle(other))).toBe('OUT_MODULE_TAMPERED');
  });
});
