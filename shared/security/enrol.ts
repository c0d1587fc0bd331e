// Joining a site: find out whether the server is the one that the token names, then send it the token and a request for a certificate
// (PKCS #10, RFC 2986). The private key is made here and stays here.
import { request } from 'node:https';
import { connect } from 'node:tls';
import { z } from 'zod';
import { ERRORS, type ErrorCode, OutriderError } from '../errors.ts';
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
const MAX_ANSWER_BYTES = 256 * 1024;

const answerSchema = z.strictObject({ certificate: z.string(), membership: membershipSchema });
const refusalSchema = z.object({ code: z.string(), message: z.string() });

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
  const body = JSON.stringify({ secret: token.secret, id, csr: csr.toString('pem'), nowSec: now().getTime() / 1000 });
  const answer = answerSchema.parse(await post(new URL('/api/enrol', url), body, ca, now));
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

/** POST over TLS that trusts this CA alone; the coded refusal of the site is thrown as it is. */
function post(url: URL, body: string, ca: string, now: () => Date): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', headers, ca, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        const answer = parseJson(Buffer.concat(chunks).toString());
        if (response.statusCode === 200) resolve(answer);
        else reject(refusalOf(answer, url, response.statusCode ?? 0));
      });
    });
    sent.once('timeout', () => sent.destroy(new OutriderError('OUT_SITE_UNREACHABLE', `${url.origin} does not answer`)));
    sent.once('error', (error) => reject(explainTlsError(error, url.origin, now()) ?? error));
    sent.end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusalOf(answer: unknown, url: URL, status: number): OutriderError {
  const parsed = refusalSchema.safeParse(answer);
  if (parsed.success && Object.hasOwn(ERRORS, parsed.data.code))
    return new OutriderError(parsed.data.code as ErrorCode, parsed.data.message);
  return new OutriderError('OUT_SITE_UNREACHABLE', `${url.origin} answers with HTTP ${status}: it is no Outrider site that enrolls`);
}
