// Who may do what with the instances of a host over REST: operators everything; a rover (by its certificate, or by a token of the instance)
// what is its own. On loopback without TLS the machine's users count as operators, unless they show a token.
import type { FastifyRequest } from 'fastify';
import { OutriderError } from '../../shared/errors.ts';
import { peerIdentity } from '../../shared/security/peer-identity.ts';
import { sameOrigin } from '../gateway/access.ts';
import type { EdgeHost } from './edge-host.ts';
import type { InstanceInfo } from './execution-handler.ts';

export class ExecutionAccess {
  readonly #host: EdgeHost;
  readonly #secured: boolean;

  constructor(host: EdgeHost, secured: boolean) {
    this.#host = host;
    this.#secured = secured;
  }

  /** Throws OUT_SITE_LOGIN for anybody but operators. */
  operator(request: FastifyRequest): void {
    if (!this.#isOperator(request))
      throw new OutriderError('OUT_SITE_LOGIN', `${request.method} ${request.url.slice(0, 200)} is for operators`);
  }

  /** The instance, if the caller may use it. Throws OUT_EDGE_UNKNOWN, OUT_SITE_LOGIN or (it is somebody else's) OUT_EDGE_UNAUTHORIZED. */
  instance(request: FastifyRequest, instance: string): InstanceInfo {
    const info = this.#host.execution.get(instance);
    const operator = this.#isOperator(request);
    if (operator && info === null) throw new OutriderError('OUT_EDGE_UNKNOWN', `there is no instance ${instance} here`);
    if (operator && info !== null) return info;
    const peer = peerIdentity(request.raw.socket);
    const token = tokenOf(request);
    if (token === null && peer?.role !== 'rover')
      throw new OutriderError('OUT_SITE_LOGIN', `${instance}: no certificate of an operator or rover, and no token`);
    const owner = token === null ? null : this.#host.execution.tokenOwner(instance, token);
    const proven = peer?.role === 'rover' ? peer.name : null;
    const byToken = owner !== null && (proven === null || proven === owner);
    const byName = token === null && proven !== null && info?.rover === proven && this.#host.execution.isWelcome(proven);
    // An instance that is not there is refused like one that is somebody else's.
    if (info === null || (!byToken && !byName)) throw new OutriderError('OUT_EDGE_UNAUTHORIZED', `${instance} is not the caller's to use`);
    return info;
  }

  #isOperator(request: FastifyRequest): boolean {
    if (tokenOf(request) !== null) return false;
    // A page of another server in the browser of somebody who may do this is not that somebody.
    if (request.method !== 'GET' && !sameOrigin(request.raw)) return false;
    if (!this.#secured) return isLocalName(request.headers.host ?? '');
    const peer = peerIdentity(request.raw.socket);
    return peer?.role === 'site' || (peer?.role === 'operator' && this.#host.trusts(peer.name));
  }
}

function tokenOf(request: FastifyRequest): string | null {
  return /^Bearer ([\w.-]{1,256})$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** A foreign name that was made to point here (DNS rebinding) is not a local user. */
function isLocalName(host: string): boolean {
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  return name === 'localhost' || /^[\d.]+$/.test(name) || name.startsWith('[');
}
