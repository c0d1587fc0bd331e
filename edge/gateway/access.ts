// Who asks a REST API: a certificate of the site, a session cookie, or a name and password (RFC 7617) over TLS.
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OutriderError } from '../../shared/errors.ts';
import { peerIdentity } from '../../shared/security/peer-identity.ts';
import type { ClientIdentity } from '../broker/access-rules.ts';
import type { MemberRegistry } from '../security/member-registry.ts';
import type { OperatorLogins } from '../security/operator-logins.ts';
import { memberIdentity } from '../site-identities.ts';

export interface AccessOptions {
  readonly site: string;
  readonly registry: MemberRegistry;
  readonly logins: OperatorLogins;
}

const COOKIE = 'outrider_session';

export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Null: nobody that the site knows. `session` is set after a login by password. */
  async identify(request: IncomingMessage): Promise<{ readonly identity: ClientIdentity | null; readonly session: string | null }> {
    const { registry, logins } = this.#options;
    const member = await memberIdentity(registry, peerIdentity(request.socket));
    if (member !== null) return { identity: member, session: null };
    const known = logins.verifySession(cookieOf(request));
    if (known !== null) return { identity: known, session: null };
    const [name, password] = basicOf(request);
    const login = name === '' ? null : await logins.check(name, password);
    return login === null ? { identity: null, session: null } : { identity: login, session: logins.issueSession(login) };
  }

  /** Lets operators do everything and viewers read; `open` are the paths that check for themselves. */
  guard(app: FastifyInstance, open: ReadonlySet<string>): void {
    app.addHook('onRequest', async (request, reply) => {
      if (open.has(request.routeOptions.url ?? '')) return;
      const { identity, session } = await this.identify(request.raw);
      if (session !== null) void reply.header('set-cookie', `${COOKIE}=${session}; Path=/; Secure; HttpOnly; SameSite=Strict`);
      if (identity !== null && mayAsk(identity, request)) return;
      void reply.header('www-authenticate', `Basic realm="Outrider site ${this.#options.site}", charset="UTF-8"`);
      const who = identity === null ? 'nobody that the site knows asks' : `${identity.role} ${identity.name} may not do this`;
      throw new OutriderError('OUT_SITE_LOGIN', `${request.method} ${request.url.slice(0, 200)}: ${who}`);
    });
  }
}

function mayAsk({ role }: ClientIdentity, request: FastifyRequest): boolean {
  if (role === 'site') return true;
  if (request.method === 'GET' || request.method === 'HEAD') return role === 'operator' || role === 'viewer';
  // Browsers send a visitor's login along with what other pages ask for: those must not act in the visitor's name.
  return role === 'operator' && sameOrigin(request.raw);
}

/** A browser says where its page came from: a foreign page must not use the visitor's access to the site. */
export function sameOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

function cookieOf(request: IncomingMessage): string {
  const pairs = (request.headers.cookie ?? '').slice(0, 4096).split(';');
  const found = pairs.map((pair) => pair.trim()).find((pair) => pair.startsWith(`${COOKIE}=`));
  return found === undefined ? '' : found.slice(COOKIE.length + 1);
}

function basicOf(request: IncomingMessage): readonly [name: string, password: string] {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=]{1,512})$/i.exec(request.headers.authorization ?? '') ?? [];
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 1 ? ['', ''] : [text.slice(0, colon), text.slice(colon + 1)];
}
