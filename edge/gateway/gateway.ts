// The site's one web port: dashboard, REST with OpenAPI, health, and MQTT over WebSocket at /mqtt.
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import fastifyStatic from '@fastify/static';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { OutriderError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { HostPresent } from '../../shared/protocol/host.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import type { ClientIdentity } from '../broker/access-rules.ts';
import type { HostProcess } from '../host-processes.ts';
import type { EnrolmentDesk } from '../security/enrolment-desk.ts';
import { type Access, sameOrigin } from './access.ts';
import { ENROLMENT_PATHS, enrolmentRoutes } from './enrolment-route.ts';
import { siteMetrics } from './metrics.ts';
import { createRestApp, errorSchema, type RestTls, secureContext } from './rest-app.ts';

/** What the gateway shows of its site. */
export interface SiteView {
  readonly site: string;
  /** `active`: this process's manager acts; `standby`: another one does; `none`: there is none in this process. */
  manager(): { readonly role: string; readonly term: number; readonly session: string };
  hosts(): readonly HostPresent[];
  placements(): readonly PlacementRecord[];
  brokerUp(): boolean;
  failovers(): number;
  malformed(): number;
  /** Host processes of this machine. */
  processes(): readonly Pick<HostProcess, 'host' | 'deaths' | 'limits' | 'memoryBytes'>[];
  /** Rejects with coded errors. */
  drain(host: string, draining: boolean): Promise<void>;
}

export interface GatewayOptions {
  readonly listen: string;
  /** 0: any free port. */
  readonly port: number;
  /** Folder of the built dashboard; what is not there is not served. */
  readonly dashboard: string;
  readonly view: SiteView;
  /** Takes an MQTT connection that came over a WebSocket. */
  readonly serveMqtt: (stream: Duplex, request: IncomingMessage, proven: ClientIdentity | null) => void;
  /** Longest WebSocket message [bytes]. */
  readonly maxMessageBytes?: number;
  readonly logger: Logger;
  /** Outside loopback: TLS, who may ask, and where newcomers are taken in. */
  readonly security?: { readonly tls: RestTls; readonly access: Access; readonly desk: EnrolmentDesk };
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Shows another certificate to whoever connects from now on; without TLS nothing happens. */
  renew(tls: RestTls): void;
  close(): Promise<void>;
}

const hostParams = {
  type: 'object',
  required: ['host'],
  properties: { host: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Id of the host.' } },
} as const;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { listen, view, logger, security } = options;
  const about = { title: `Outrider edge site ${view.site}`, description: 'What the site has and what runs on it.' };
  const app = await createRestApp(about, security?.tls);
  if (security !== undefined) {
    security.access.guard(app, new Set(ENROLMENT_PATHS));
    enrolmentRoutes(app, security.desk);
  }
  app.get('/health', { schema: { summary: 'Whether broker and hosts are up' } }, async (_request, reply) => {
    const hosts = view.hosts().length;
    const { role } = view.manager();
    // Only the acting manager knows the hosts.
    const healthy = view.brokerUp() && (role !== 'active' || hosts > 0);
    return reply.status(healthy ? 200 : 503).send({ status: healthy ? 'ok' : 'degraded', broker: view.brokerUp(), manager: role, hosts });
  });
  const metrics = siteMetrics(view);
  app.get('/metrics', { schema: { summary: 'Prometheus metrics' } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  app.get('/api/site', { schema: { summary: 'Hosts, instances and counters' } }, async () => ({
    site: view.site,
    manager: view.manager(),
    hosts: view.hosts(),
    placements: view.placements(),
    failovers: view.failovers(),
    malformed: view.malformed(),
  }));
  for (const draining of [true, false]) {
    app.route<{ Params: { host: string } }>({
      method: draining ? 'POST' : 'DELETE',
      url: '/api/hosts/:host/drain',
      schema: {
        summary: draining
          ? 'Drains a host: its modules move to other hosts while they are in use'
          : 'Lets a drained host take modules again',
        params: hostParams,
        response: { 404: errorSchema },
      },
      handler: async (request) => {
        if (!sameOrigin(request.raw)) throw new OutriderError('OUT_EDGE_UNAUTHORIZED', 'the request comes from a page of another origin');
        await view.drain(request.params.host, draining);
        return { host: request.params.host, draining };
      },
    });
  }
  if (existsSync(options.dashboard)) await app.register(fastifyStatic, { root: options.dashboard, index: 'index.html' });
  else app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'));

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxMessageBytes ?? 1024 * 1024,
    handleProtocols: pickProtocol,
  });
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (new URL(request.url ?? '/', 'http://gateway').pathname !== '/mqtt' || !sameOrigin(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const proven = security === undefined ? null : (await security.access.identify(request)).identity;
    if (security !== undefined && proven === null) {
      socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', (error) => logger.debug({ error: error.message }, 'WebSocket'));
      const stream = createWebSocketStream(webSocket);
      stream.on('error', (error) => logger.debug({ error: error.message }, 'WebSocket stream'));
      options.serveMqtt(stream, request, proven);
    });
  };
  app.server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => undefined);
    upgrade(request, socket, head).catch((error: Error) => {
      logger.warn({ error: error.message }, 'WebSocket refused');
      socket.destroy();
    });
  });
  await app.listen({ host: listen, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `${security === undefined ? 'http' : 'https'}://${listen.includes(':') ? `[${listen}]` : listen}:${port}`,
    port,
    renew: (tls) => {
      if (app.server instanceof TlsServer) app.server.setSecureContext(secureContext(tls));
    },
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await app.close();
    },
  };
}

/** MQTT over WebSocket announces `mqtt`, old clients `mqttv3.1` [MQTT-6.0.0-3]. */
function pickProtocol(offered: Set<string>): string | false {
  return ['mqtt', 'mqttv3.1'].find((name) => offered.has(name)) ?? false;
}
