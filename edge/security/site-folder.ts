// The folder of a site: its CA, its server's certificate, the key that signs modules, its configuration, and who belongs to it.
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { OutriderError } from '../../shared/errors.ts';
import { certificateLife, certificateNames } from '../../shared/security/certificate-life.ts';
import { readPrivateFile, readSiteFile, writePrivateFile } from '../../shared/security/private-file.ts';
import { Authority, createAuthority, fingerprintOf } from './authority.ts';
import { MemberRegistry } from './member-registry.ts';
import { OperatorLogins } from './operator-logins.ts';

export const SITE_FILES = {
  config: 'site.yaml',
  caCert: 'ca.crt',
  caKey: 'ca.key',
  serverCert: 'server.crt',
  serverKey: 'server.key',
  signingKey: 'module-signing.key',
  signingPublic: 'module-signing.pub',
  logins: 'logins.json',
  registry: 'registry',
} as const;

export interface InitOptions {
  readonly name: string;
  /** Further names and addresses that the server is called by. */
  readonly hosts: readonly string[];
  readonly listen: string;
  /** What rovers are told to connect to; default: the first address of this machine that others can reach. */
  readonly advertise?: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly now: Date;
}

export interface InitResult {
  readonly directory: string;
  readonly config: string;
  readonly fingerprint: string;
  readonly addresses: readonly string[];
  readonly advertise: string;
}

/** Makes a site in a new or empty folder: whole, or not at all. Throws OUT_SITE_EXISTS where something is there. */
export async function initSite(directory: string, options: InitOptions): Promise<InitResult> {
  const { name, listen, now, port, mqttPort } = options;
  if ((await readdir(directory).catch(() => [])).length > 0) throw new OutriderError('OUT_SITE_EXISTS', `${directory} is not empty`);
  const own = ownAddresses();
  const advertise = options.advertise ?? own[0] ?? '127.0.0.1';
  const addresses = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...own, advertise, ...options.hosts])].filter(
    (text) => text !== '',
  );
  const ca = await createAuthority(name, now);
  const authority = await Authority.load(ca.certPem, ca.keyPem);
  const server = await authority.makeLeaf({ role: 'site', name, addresses }, now);
  const signing = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const at = (file: keyof typeof SITE_FILES): string => join(directory, SITE_FILES[file]);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await writePrivateFile(at('caKey'), ca.keyPem);
    await writePrivateFile(at('serverKey'), server.keyPem);
    await writePrivateFile(at('signingKey'), signing.privateKey);
    await writeFile(at('caCert'), ca.certPem);
    await writeFile(at('serverCert'), server.certPem);
    await writeFile(at('signingPublic'), signing.publicKey);
    await writeFile(
      at('config'),
      configText({ site: name, listen, advertise, gatewayPort: port, mqttPort, data: 'data', security: { folder: '.' } }),
    );
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return { directory: resolve(directory), config: at('config'), fingerprint: fingerprintOf(ca.certPem), addresses, advertise };
}

function configText(config: Readonly<Record<string, unknown>>): string {
  return `# Site made by \`outrider site init\`. Run it with \`outrider edge --config site.yaml\`; paths are relative to this file.\n${stringify(config)}`;
}

/** Addresses of this machine that others can reach, IPv4 first. */
function ownAddresses(): string[] {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const usable = found.filter(({ internal, scopeid, family }) => !internal && (family === 'IPv4' || scopeid === 0));
  return usable.toSorted((a, b) => (a.family < b.family ? -1 : Number(a.family > b.family))).map(({ address }) => address);
}

/** What the running site needs of its folder. */
export interface SiteSecurity {
  readonly folder: string;
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly fingerprint: string;
  readonly registry: MemberRegistry;
  readonly logins: OperatorLogins;
  /** Loads the CA's key; where it is kept elsewhere nobody can be enrolled, and the rest works. Throws OUT_SITE_FOLDER then. */
  authority(): Promise<Authority>;
}

/**
 * Renews the certificate of the site's server when it is time, for the same key and names; true when it did. Where the CA's key is kept
 * elsewhere nothing is done. Throws OUT_SITE_FOLDER.
 */
export async function renewServer(folder: string, now: Date, always = false): Promise<boolean> {
  const at = (file: keyof typeof SITE_FILES): string => join(folder, SITE_FILES[file]);
  const cert = await readSiteFile(at('serverCert'));
  if ((!always && certificateLife(cert).renewFrom > now) || !existsSync(at('caKey'))) return false;
  const authority = await Authority.load(await readSiteFile(at('caCert')), await readPrivateFile(at('caKey')));
  const [, name = 'site'] = /^CN=(.+)$/m.exec(new X509Certificate(cert).subject) ?? [];
  const partial = `${at('serverCert')}.partial`;
  const leaf = { role: 'site' as const, name, addresses: certificateNames(cert) };
  await writeFile(partial, await authority.renewLeaf(cert, leaf, now), { flush: true });
  await rename(partial, at('serverCert'));
  return true;
}

/** A key and certificate for a server of another make. It is no member: the site lets nobody in who shows it. Throws OUT_SITE_EXISTS. */
export async function certifyServer(
  folder: string,
  { name, addresses, out }: { readonly name: string; readonly addresses: readonly string[]; readonly out: string },
  now: Date,
): Promise<void> {
  const { authority, tls } = await openSite(folder);
  if (existsSync(out)) throw new OutriderError('OUT_SITE_EXISTS', `${out} is there already`);
  const { certPem, keyPem } = await (await authority()).makeLeaf({ role: 'host', name, addresses }, now);
  await mkdir(out, { recursive: true, mode: 0o700 });
  await writePrivateFile(join(out, SITE_FILES.serverKey), keyPem);
  await writeFile(join(out, SITE_FILES.serverCert), certPem);
  await writeFile(join(out, SITE_FILES.caCert), tls.ca);
}

/** Throws OUT_SITE_FOLDER where a file is missing, OUT_SITE_KEY_PERMISSIONS where others can read a key. */
export async function openSite(folder: string, now: () => Date = () => new Date()): Promise<SiteSecurity> {
  const at = (file: keyof typeof SITE_FILES): string => join(folder, SITE_FILES[file]);
  const [ca, cert, key] = await Promise.all([readSiteFile(at('caCert')), readSiteFile(at('serverCert')), readPrivateFile(at('serverKey'))]);
  return {
    folder,
    tls: { ca, cert, key },
    fingerprint: fingerprintOf(ca),
    registry: new MemberRegistry(at('registry'), now),
    logins: new OperatorLogins(at('logins'), now),
    authority: async () => Authority.load(ca, await readPrivateFile(at('caKey'))),
  };
}
