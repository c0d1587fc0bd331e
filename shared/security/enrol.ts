// Joining a site: find out whether the server is the one that the token names, then send it the token and a request for a certificate
// (PKCS #10, RFC 2986). The private key is made here and stays here.
import { connect } from 'node:tls';
import { z } from 'zod';
import { OutriderError } from '../errors.ts';
import { askSite } from './ask-site.ts';
import { decodeToken, type EnrolmentToken } from './enrolment-token.ts';
import { type Identity, membershipSchema } from './identity-folder.ts';
import { explainTlsError } from './tls-error.ts';
import { KEY_ALGORITHM, newKeyPair, Pkcs10CertificateRequestGenerator } from './x509.ts';

export interface EnrolOptions {
  readonly token: string;
  /** Default: the id that the token is for. */
  readonly id?: string;
  /** `https://host:port` of the gateway; default: as the token says. */
  readonly siteUrl?: string;
  readonly now?: () => Date;
}

const TIMEOUT_MS = 10_000;

const answerSchema = z.strictObject({ certificate: z.string(), membership: membershipSchema });

/**
 * Makes a key, shows the token and returns the identity. Throws OUT_SITE_TOKEN…, OUT_SITE_WRONG_CA, OUT_SITE_NAME, OUT_SITE_CLOCK or
 * OUT_SITE_UNREACHABLE.
 */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const now = options.now ?? ((): Date => new Date());
  const token = decodeToken(options.token);
  const id = options.id ?? token.id;
  if (id !== token.id) throw new OutriderError('OUT_SITE_TOKEN_OTHER', `the token is for ${token.role} ${token.id}, not for ${id}`);
  const url = gatewayUrl(options.siteUrl ?? token.url);
  const ca = await pinnedAuthority(url, token, now);
  const { keys, privateKeyPem } = await newKeyPair();
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [id] }, { OU: [token.role] }],
    keys,
    signingAlgorithm: KEY_ALGORITHM,
  });
  const body = { secret: token.secret, id, csr: csr.toString('pem'), nowSec: now().getTime() / 1000 };
  const answer = answerSchema.parse(await askSite(new URL('/api/enrol', url), { method: 'POST', body, tls: { ca }, now }));
  return { ...answer.membership, tls: { ca, cert: answer.certificate, key: privateKeyPem } };
}

function gatewayUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:')
    throw new OutriderError('OUT_CLI_USAGE', `--site-url wants https://host:port, not ${JSON.stringify(text)}`);
  return url;
}

/** The CA certificate that the server shows, if it is the one of the token. Nothing secret is sent on this connection. */
function pinnedAuthority(url: URL, token: EnrolmentToken, now: () => Date): Promise<string> {
  const port = Number(url.port || 443);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: TIMEOUT_MS }, () => {
      let certificate = socket.getPeerX509Certificate();
      const shown: string[] = [];
      for (let depth = 0; certificate !== undefined && depth < 5; depth += 1, certificate = certificate.issuerCertificate) {
        const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
        shown.push(fingerprint.slice(0, 16));
        if (fingerprint !== token.ca) continue;
        socket.end();
        resolve(certificate.toString());
        return;
      }
      const what = `shows certificates ${shown.join(', ')}…, the token is for site ${token.site} with the CA ${token.ca.slice(0, 16)}…`;
      fail(new OutriderError('OUT_SITE_WRONG_CA', `${url.origin} ${what}`));
    });
    socket.once('timeout', () => fail(new OutriderError('OUT_SITE_UNREACHABLE', `${url.origin} does not answer`)));
    socket.once('error', (error) =>
      fail(explainTlsError(error, url.origin, now()) ?? new OutriderError('OUT_SITE_UNREACHABLE', `${url.origin}: ${error.message}`)),
    );
  });
}
