// The certificate authority of a site (RFC 5280): one self-signed CA; leaves for the server, hosts, rovers and operators. What a
// certificate may be used for is in it: a rover's can only be a client, so no rover can pretend to be a host.
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  importSigningKey,
  KEY_ALGORITHM,
  newKeyPair,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Certificate,
  X509CertificateGenerator,
} from '../../shared/security/x509.ts';
import { OutriderError } from '../../shared/errors.ts';
import { BACKDATE_SEC } from '../../shared/security/certificate-life.ts';
import type { MemberRole } from '../../shared/security/member-roles.ts';

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
export const LEAF_DAYS = 825;
const BACKDATE_MS = BACKDATE_SEC * 1000;

export interface MadeCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface LeafRequest {
  readonly role: MemberRole | 'site';
  readonly name: string;
  /** DNS names and addresses of what listens; none for rovers and operators. */
  readonly addresses: readonly string[];
  /** How long it holds; default 825. */
  readonly days?: number;
}

/** 128 random bits, positive and without leading zero (RFC 5280, 4.1.2.2). */
const newSerial = (): string => `5${randomBytes(16).toString('hex').slice(1)}`;

export async function createAuthority(site: string, now: Date): Promise<MadeCertificate> {
  const { keys, privateKeyPem } = await newKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [`${site} CA`] }, { O: ['Outrider site'] }],
    keys,
    signingAlgorithm: KEY_ALGORITHM,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + CA_DAYS * DAY_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pem(certificate), keyPem: privateKeyPem };
}

/** SHA-256 of the CA certificate [64 hex digits]: what tokens pin. */
export function fingerprintOf(caPem: string): string {
  return createHash('sha256').update(new X509Certificate(caPem).raw).digest('hex');
}

/** Signs with the site's CA. */
export class Authority {
  readonly #ca: Certificate;
  readonly #key: Awaited<ReturnType<typeof importSigningKey>>;

  private constructor(ca: Certificate, key: Awaited<ReturnType<typeof importSigningKey>>) {
    this.#ca = ca;
    this.#key = key;
  }

  static async load(caPem: string, keyPem: string): Promise<Authority> {
    return new Authority(new Certificate(caPem), await importSigningKey(keyPem));
  }

  /** A key and its certificate, for parts of the site itself. */
  async makeLeaf(leaf: LeafRequest, now: Date): Promise<MadeCertificate> {
    const { keys, privateKeyPem } = await newKeyPair();
    return { certPem: await this.#sign(leaf, keys.publicKey, now), keyPem: privateKeyPem };
  }

  /** The same certificate for the same key, from now on. */
  async renewLeaf(certPem: string, leaf: LeafRequest, now: Date): Promise<string> {
    return this.#sign(leaf, await new Certificate(certPem).publicKey.export(), now);
  }

  /**
   * The certificate for a request of a newcomer. Only its key is taken from the request; what it may be was decided by the token.
   * Throws OUT_SITE_TOKEN_OTHER when the request names somebody else, OUT_PROTOCOL_MESSAGE when it is none or not signed by its key.
   */
  async signRequest(csrPem: string, leaf: LeafRequest, now: Date): Promise<string> {
    const { publicKey } = await readRequest(csrPem, leaf.name);
    return this.#sign(leaf, publicKey, now);
  }

  async #sign(
    { role, name, addresses, days = LEAF_DAYS }: LeafRequest,
    publicKey: Pkcs10CertificateRequest['publicKey'] | CryptoKeyOf,
    now: Date,
  ): Promise<string> {
    const serves = role === 'host' || role === 'site';
    const usages = serves ? [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth] : [ExtendedKeyUsage.clientAuth];
    const names = addresses.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [name] }, { OU: [role] }],
      issuer: this.#ca.subjectName,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: KEY_ALGORITHM,
      notBefore: new Date(now.getTime() - BACKDATE_MS),
      notAfter: new Date(Math.min(now.getTime() + days * DAY_MS, this.#ca.notAfter.getTime())),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(usages),
        await AuthorityKeyIdentifierExtension.create(this.#ca.publicKey),
        ...(serves && names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return pem(certificate);
  }
}

type CryptoKeyOf = Awaited<ReturnType<typeof newKeyPair>>['keys']['publicKey'];

/**
 * Checks a PKCS #10 request: well-formed, signed by its own key (proof of possession), a P-256 key, and for `id`. Throws
 * OUT_PROTOCOL_MESSAGE or OUT_SITE_TOKEN_OTHER.
 */
export async function readRequest(csrPem: string, id: string): Promise<Pkcs10CertificateRequest> {
  const csr = parseRequest(csrPem);
  const { namedCurve } = csr.publicKey.algorithm as { namedCurve?: string };
  if (namedCurve !== KEY_ALGORITHM.namedCurve || !(await csr.verify().catch(() => false))) {
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', 'the certificate request is not signed by its own P-256 key');
  }
  const [name] = csr.subjectName.getField('CN');
  if (name !== id) throw new OutriderError('OUT_SITE_TOKEN_OTHER', `the certificate request is for ${JSON.stringify(name)}, not for ${id}`);
  return csr;
}

function parseRequest(csrPem: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(csrPem);
  } catch (cause) {
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', 'the certificate request is not PKCS #10 in PEM', { cause });
  }
}

const pem = (certificate: { toString(format: 'pem'): string }): string => `${certificate.toString('pem').trim()}\n`;
