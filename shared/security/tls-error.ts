// What went wrong when TLS to a site failed, in words that lead out: wrong site, wrong name, wrong clock, or nobody there.
import { OutriderError } from '../errors.ts';

const CLOCK = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);
const FOREIGN = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);

/** A coded error for a failed TLS connection to `where`; null where TLS or the network is not the reason. */
export function explainTlsError(error: unknown, where: string, now: Date): OutriderError | null {
  const { code = '', message = '', cert } = error as { code?: string; message?: string; cert?: { subjectaltname?: string } };
  if (CLOCK.has(code)) {
    const what = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return new OutriderError('OUT_SITE_CLOCK', `${where}: the certificate ${what}; this machine's clock says ${now.toISOString()}`, {
      cause: error,
    });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (cert?.subjectaltname ?? '').replaceAll(/(DNS|IP Address):/g, '');
    return new OutriderError('OUT_SITE_NAME', `${where}: the certificate holds for ${names || 'no address'}`, { cause: error });
  }
  if (FOREIGN.has(code)) return new OutriderError('OUT_SITE_WRONG_CA', `${where}: ${code}`, { cause: error });
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return new OutriderError('OUT_SITE_UNREACHABLE', `${where} answers, but not with TLS`, { cause: error });
  }
  if (/certificate revoked/i.test(message))
    return new OutriderError('OUT_SITE_REVOKED', `${where}: the certificate was revoked`, { cause: error });
  if (['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EAI_AGAIN', 'ECONNRESET'].includes(code)) {
    return new OutriderError('OUT_SITE_UNREACHABLE', `${where}: ${code}`, { cause: error });
  }
  return null;
}
