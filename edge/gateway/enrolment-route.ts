// POST /api/enrol and /api/renew: the paths that check themselves who asks, by a token and by the certificate that is to be renewed.
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { peerIdentity } from '../../shared/security/peer-identity.ts';
import type { EnrolmentDesk } from '../security/enrolment-desk.ts';
import { errorSchema } from './rest-app.ts';

export const ENROLMENT_PATHS = ['/api/enrol', '/api/renew'] as const;
/** Largest request [bytes]: everybody may send one. */
const BODY_LIMIT_BYTES = 16 * 1024;

export function enrolmentRoutes(app: FastifyInstance, desk: EnrolmentDesk): void {
  const [enrol, renew] = ENROLMENT_PATHS;
  const text = { type: 'string' } as const;
  const csr = { ...text, description: 'PKCS #10, PEM; P-256.' };
  const response = { 403: errorSchema, 409: errorSchema };
  const enrolSchema = {
    summary: 'Takes a rover, host or operator in',
    description: 'Shows the secret of a one-time token and a certificate request; gives the certificate and where the site is.',
    body: {
      type: 'object',
      required: ['secret', 'id', 'csr', 'nowSec'],
      properties: { secret: text, id: text, csr, nowSec: { type: 'number' } },
    },
    response,
  } as const;
  app.post(enrol, { schema: enrolSchema, bodyLimit: BODY_LIMIT_BYTES }, async (request) => {
    const calledHost = URL.canParse(`https://${request.headers.host ?? ''}`) ? new URL(`https://${request.headers.host}`).hostname : '';
    return desk.enrol(request.body, { calledHost, remoteAddress: request.ip });
  });
  const renewSchema = {
    summary: 'Renews the certificate of a member',
    description: 'Shows a certificate of the site that still holds and a certificate request for the same key; gives another one.',
    body: { type: 'object', required: ['csr', 'nowSec'], properties: { csr, nowSec: { type: 'number' } } },
    response,
  } as const;
  app.post(renew, { schema: renewSchema, bodyLimit: BODY_LIMIT_BYTES }, async (request) => {
    const { socket } = request.raw;
    const peer = peerIdentity(socket);
    return desk.renew(request.body, peer, peer === null ? '' : ((socket as TLSSocket).getPeerX509Certificate()?.toString() ?? ''));
  });
}
