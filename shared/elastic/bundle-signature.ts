// Ed25519 signatures of bundles. What is signed is the bundle's digest, which covers its manifest and, through it, every file.
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { OutriderError } from '../errors.ts';
import { makeBundle, type ModuleBundle } from './bundle.ts';

export interface BundleSignature {
  readonly algorithm: 'ed25519';
  /** SPKI, base64. */
  readonly publicKey: string;
  /** base64 */
  readonly signature: string;
}

const message = (digest: string): Buffer => Buffer.from(`outrider-bundle-signature-1\n${digest}`);

/** The bundle with a signature by a PEM private key. */
export function signBundle(bundle: ModuleBundle, privateKeyPem: string): ModuleBundle {
  const key = readKey(() => createPrivateKey(privateKeyPem));
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    ...bundle,
    signature: { algorithm: 'ed25519', publicKey, signature: sign(null, message(bundle.digest), key).toString('base64') },
  };
}

/**
 * Checks a bundle: each file against the manifest, the digest against the manifest, the signature against the digest.
 * `trustedKeys`: PEM public keys; with any, the bundle must be signed by one of them. Without, a signature that is there must hold.
 * Throws OUT_MODULE_TAMPERED or OUT_MODULE_SIGNATURE.
 */
export function verifyBundle(bundle: ModuleBundle, trustedKeys: readonly string[] = []): void {
  const { digest } = makeBundle(bundle.manifest, bundle.files, null);
  if (digest !== bundle.digest)
    throw new OutriderError('OUT_MODULE_TAMPERED', `bundle ${bundle.manifest.name} has digest ${digest}, not ${bundle.digest}`);
  const { signature } = bundle;
  if (signature === null) {
    if (trustedKeys.length > 0) throw new OutriderError('OUT_MODULE_SIGNATURE', `bundle ${bundle.manifest.name} is not signed`);
    return;
  }
  const key = readKey(() => createPublicKey({ key: Buffer.from(signature.publicKey, 'base64'), format: 'der', type: 'spki' }));
  // Bytes behind a DER key are ignored by its parser; here they would be a part of the bundle that nothing covers.
  if (key.export({ type: 'spki', format: 'der' }).toString('base64') !== signature.publicKey) {
    throw new OutriderError('OUT_MODULE_SIGNATURE', `the public key of bundle ${bundle.manifest.name} is not in canonical form`);
  }
  if (!verify(null, message(digest), key, Buffer.from(signature.signature, 'base64'))) {
    throw new OutriderError('OUT_MODULE_SIGNATURE', `the signature of bundle ${bundle.manifest.name} does not fit its content`);
  }
  const known = trustedKeys.some((pem) => readKey(() => createPublicKey(pem)).equals(key));
  if (trustedKeys.length > 0 && !known)
    throw new OutriderError('OUT_MODULE_SIGNATURE', `bundle ${bundle.manifest.name} is signed by a key that is not trusted here`);
}

function readKey(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_SIGNATURE', 'a key cannot be read; Ed25519 keys in PEM are wanted', { cause });
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new OutriderError('OUT_MODULE_SIGNATURE', `a key is ${key.asymmetricKeyType ?? 'symmetric'}, not Ed25519`);
  return key;
}
