// A request to a site's gateway, over TLS that trusts the site's CA alone: JSON there and back; the site's coded refusals are thrown as
// they are.
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isErrorCode, OutriderError } from '../errors.ts';
import { explainTlsError } from './tls-error.ts';
import { z } from 'zod';

export interface SiteRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  /** PEM texts: whom to trust, and who asks. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  readonly now?: () => Date;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const refusalSchema = z.object({ code: z.string(), message: z.string() });

/** The answer's JSON. Rejects with what the site says, OUT_SITE_UNREACHABLE, OUT_SITE_WRONG_CA, OUT_SITE_NAME or OUT_SITE_CLOCK. */
export function askSite(url: URL, { method = 'GET', body, tls, now = () => new Date() }: SiteRequest = {}): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const options = { method, headers, timeout: TIMEOUT_MS, agent: false };
  return new Promise((resolve, reject) => {
    const sent = url.protocol === 'https:' ? requestHttps(url, { ...options, ...tls }) : requestHttp(url, options);
    sent.once('response', (response) => {
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
    sent.end(text);
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
  if (parsed.success && isErrorCode(parsed.data.code)) return new OutriderError(parsed.data.code, parsed.data.message);
  return new OutriderError('OUT_SITE_UNREACHABLE', `${url.origin} answers with HTTP ${status}: it is no gateway of an Outrider site`);
}
