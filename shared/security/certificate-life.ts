// When a certificate ends, and when it is time for a new one: with a third of its time left, as automatic renewal (RFC 8555 clients) has it.
import { X509Certificate } from 'node:crypto';

/** Certificates hold from a little before they are made, because clocks differ [s]. */
export const BACKDATE_SEC = 300;

export interface CertificateLife {
  readonly until: Date;
  /** From when on it should be renewed. */
  readonly renewFrom: Date;
}

export function certificateLife(certPem: string): CertificateLife {
  const { validFrom, validTo } = new X509Certificate(certPem);
  const untilMs = Date.parse(validTo);
  const madeMs = Date.parse(validFrom) + BACKDATE_SEC * 1000;
  return { until: new Date(untilMs), renewFrom: new Date(untilMs - Math.max(0, untilMs - madeMs) / 3) };
}

/** DNS names and addresses that a certificate holds for. */
export function certificateNames(certPem: string): string[] {
  const names = (new X509Certificate(certPem).subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return names.filter((name) => name !== '');
}
