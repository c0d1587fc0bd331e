// POST /api/enrol: the one path that asks for no login, since its token is one.
import type { FastifyInstance } from 'fastify';
import type { EnrolmentDesk } from '../security/enrolment-desk.ts';
import { errorSchema } from './rest-app.ts';

export const ENROLMENT_PATH = '/api/enrol';
/** Largest request [bytes]: everybody may send one. */
const BODY_LIMIT_BYTES = 16 * 1024;

export function enrolmentRoute(app: FastifyInstance, desk: EnrolmentDesk): void {
  const text = { type: 'string' } as const;
  const body = {
    type: 'object',
    required: ['secret', 'id', 'csr', 'nowSec'],
    properties: { secret: text, id: text, csr: { ...text, description: 'PKCS #10, PEM; P-256.' }, nowSec: { type: 'number' } },
  } as const;
  const schema = {
    summary: 'Takes a rover, host or operator in',
    description: 'Shows the secret of a one-time token and a certificate request; gives the certificate and where the site is.',
    body,
    response: { 403: errorSchema, 409: errorSchema },
  };
  app.post(ENROLMENT_PATH, { schema, bodyLimit: BODY_LIMIT_BYTES }, async (request) => {
    const calledHost = URL.canParse(`https://${request.headers.host ?? ''}`) ? new URL(`https://${request.headers.host}`).hostname : '';
    return desk.enrol(request.body, { calledHost, remoteAddress: request.ip });
  });
}
