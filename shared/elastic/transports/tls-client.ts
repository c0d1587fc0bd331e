// The connecting end of TLS for a data plane: its identity is parsed once for all connections, and a host that was met before is met again by
// the session with it (RFC 8446, section 2.2), which spares both sides half of the work of a handshake. A session proves what its first
// handshake proved, for no longer than the host says (minutes), and only to whoever has the host's ticket keys.
import { connect, type ConnectionOptions, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

/** Hosts with which a session is remembered: more than a site has. */
const MAX_SESSIONS = 64;

export class TlsClient {
  readonly #options: ConnectionOptions;
  readonly #sessions = new Map<string, Buffer>();
  #parsed: { readonly texts: readonly unknown[]; readonly context: SecureContext } | null = null;

  /** `options`: a certificate that is replaced in there is shown from then on. Throws what is wrong with an identity. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    // Not when a place at the edge waits for it.
    if (options.cert !== undefined) this.#context();
  }

  connect(target: { readonly host: string; readonly port: number }): TLSSocket {
    const { host } = target;
    const secureContext = this.#context();
    const session = this.#sessions.get(host);
    const known = session === undefined ? {} : { session };
    const socket = connect({ ...this.#options, ...target, ...known, secureContext });
    socket.on('session', (fresh) => this.#remember(host, fresh));
    return socket;
  }

  /** Throws what is wrong with the PEM texts. */
  #context(): SecureContext {
    const { ca, cert, key } = this.#options;
    const texts = [ca, cert, key];
    if (this.#parsed === null || this.#parsed.texts.some((text, index) => text !== texts[index])) {
      this.#parsed = { texts, context: createSecureContext({ minVersion: 'TLSv1.3', ...this.#options }) };
      // They prove what the certificate before proved.
      this.#sessions.clear();
    }
    return this.#parsed.context;
  }

  #remember(host: string, session: Buffer): void {
    this.#sessions.delete(host);
    this.#sessions.set(host, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }
}
