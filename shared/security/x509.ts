// X.509 certificates and requests (RFC 5280, RFC 2986) over Node's WebCrypto: ECDSA with P-256, which every TLS stack speaks.
import './reflect-metadata.ts';
import { webcrypto } from 'node:crypto';
import { cryptoProvider } from '@peculiar/x509';

/** The library is imported here alone: it must find the functions of reflect-metadata.ts. */
export * from '@peculiar/x509';

cryptoProvider.set(webcrypto as never);

export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface KeyPair {
  readonly keys: webcrypto.CryptoKeyPair;
  /** PKCS #8, PEM. */
  readonly privateKeyPem: string;
}

export async function newKeyPair(): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keys, privateKeyPem: toPem('PRIVATE KEY', Buffer.from(der)) };
}

/** A PKCS #8 key in PEM as the signing key of an authority. */
export async function importSigningKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']);
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
