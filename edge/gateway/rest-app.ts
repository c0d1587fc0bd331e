// A Fastify application with OpenAPI: the document at /docs/json, a page that reads it at /docs, coded errors as JSON.
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import { isOutriderError } from '../../shared/errors.ts';
import { renderApiPage } from './api-page.ts';

/** Largest request body [bytes]: REST carries commands, bulk data goes over the data plane. */
const BODY_LIMIT_BYTES = 1024 * 1024;

export const errorSchema = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, remedy: { type: 'string' } },
} as const;

/** What a REST API listens with outside loopback: clients may show a certificate, and who they are is decided by `Access`. */
export interface RestTls {
  /** PEM texts. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The CA goes with the certificate, so that a newcomer can compare it with its token before it trusts it. */
export const secureContext = ({ ca, cert, key }: RestTls): RestTls => ({ ca, cert: cert + ca, key });

export async function createRestApp(
  info: { readonly title: string; readonly description: string },
  tls: RestTls | null = null,
): Promise<FastifyInstance> {
  const limits = { bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true, routerOptions: { maxParamLength: 128 } };
  const https = tls === null ? null : { ...secureContext(tls), requestCert: true, rejectUnauthorized: false };
  const app = https === null ? fastify(limits) : (fastify({ ...limits, https }) as unknown as FastifyInstance);
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { ...info, version: '1' } } });
  app.setErrorHandler(async (error, _request, reply) => {
    if (isOutriderError(error)) {
      return reply.status(statusOf(error.code)).send({ code: error.code, message: error.message, remedy: error.remedy });
    }
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return reply.status(status).send({ code: status < 500 ? 'OUT_CLI_USAGE' : 'OUT_INTERNAL', message: (error as Error).message });
  });
  app.get('/docs/json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(renderApiPage(app.swagger() as unknown as Parameters<typeof renderApiPage>[0])),
  );
  return app;
}

function statusOf(code: string): number {
  if (code === 'OUT_SITE_LOGIN') return 401;
  if (code === 'OUT_EDGE_UNAUTHORIZED' || code.startsWith('OUT_SITE_TOKEN')) return 403;
  if (code === 'OUT_EDGE_UNKNOWN') return 404;
  if (code === 'OUT_EDGE_TIMEOUT' || code === 'OUT_EDGE_DEADLINE') return 504;
  if (code === 'OUT_MODULE_VALUE' || code === 'OUT_PROTOCOL_MESSAGE' || code === 'OUT_CONFIG_INVALID') return 400;
  return 409;
}
