// A new certificate before the old one ends: asked for with the old one, for the same key, kept in the same folder. What is connected stays
// so; whoever connects next shows the new one.
import { z } from 'zod';
import { isOutriderError } from '../errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { askSite } from './ask-site.ts';
import { certificateLife } from './certificate-life.ts';
import { type Identity, replaceCertificate } from './identity-folder.ts';
import { importSigningKey, KEY_ALGORITHM, Pkcs10CertificateRequestGenerator, X509Certificate } from './x509.ts';

const answerSchema = z.strictObject({ certificate: z.string() });
/** Looked at again at least so often: a clock may be set meanwhile [s]. */
const LOOK_SEC = 6 * 3600;
const FIRST_RETRY_SEC = 1;
const MAX_RETRY_SEC = 3600;

/**
 * Gets a new certificate and keeps it in `folder`. Throws OUT_SITE_LOGIN when the site does not (any more) know the old one, OUT_SITE_CLOCK,
 * OUT_SITE_UNREACHABLE.
 */
export async function renewIdentity(folder: string, identity: Identity, now: () => Date = () => new Date()): Promise<string> {
  const { id, role, gatewayUrl, tls } = identity;
  const keys = { privateKey: await importSigningKey(tls.key), publicKey: await new X509Certificate(tls.cert).publicKey.export() };
  const name = [{ CN: [id] }, { OU: [role] }];
  const csr = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: KEY_ALGORITHM });
  const body = { csr: csr.toString('pem'), nowSec: now().getTime() / 1000 };
  const { certificate } = answerSchema.parse(await askSite(new URL('/api/renew', gatewayUrl), { method: 'POST', body, tls, now }));
  await replaceCertificate(folder, certificate);
  return certificate;
}

export interface KeepOptions {
  /** Its `tls.cert` is replaced in place: who holds `tls` shows the new certificate with the next connection. */
  readonly identity: Identity;
  readonly folder: string;
  /** Real time. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly renewed?: () => void;
  readonly now?: () => Date;
}

/** Renews the certificate of an identity whenever it is time, as long as the process runs; returns the way to end that. */
export function keepCertificate({ identity, folder, clock, logger, renewed, now = () => new Date() }: KeepOptions): () => void {
  let stopped = false;
  let timer: Timer | null = null;
  let retrySec = FIRST_RETRY_SEC;
  const plan = (seconds: number): void => {
    if (!stopped) timer = clock.after(Math.min(LOOK_SEC, Math.max(0, seconds)), () => void look());
  };
  const untilDueSec = (): number => (certificateLife(identity.tls.cert).renewFrom.getTime() - now().getTime()) / 1000;
  const look = async (): Promise<void> => {
    if (untilDueSec() > 0) return plan(untilDueSec());
    try {
      Object.assign(identity.tls, { cert: await renewIdentity(folder, identity, now) });
      retrySec = FIRST_RETRY_SEC;
      logger.info({ id: identity.id, until: certificateLife(identity.tls.cert).until.toISOString() }, 'the certificate was renewed');
      renewed?.();
      return plan(untilDueSec());
    } catch (error) {
      const code = isOutriderError(error) ? error.code : 'OUT_INTERNAL';
      const until = certificateLife(identity.tls.cert).until.toISOString();
      logger.warn({ id: identity.id, code, until, error: (error as Error).message }, 'the certificate was not renewed; tried again');
      plan(retrySec);
      retrySec = Math.min(MAX_RETRY_SEC, 2 * retrySec);
      return undefined;
    }
  };
  plan(untilDueSec());
  return () => {
    stopped = true;
    timer?.stop();
  };
}
