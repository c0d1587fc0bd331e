// What the dashboard's browser tests talk to: the built page and MQTT over WebSocket on one origin, with the site's own broker behind it.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import mqtt, { type MqttClient } from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { startEmbeddedBroker, type EmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { mapMetadata, mapObject, mapTile, tileId } from '../../shared/protocol/map-view.ts';
import { encodeMessage, topicOf, type MessageDefinition, type TopicPlaces } from '../../shared/protocol/message.ts';
import { missionEvent, missionStatus } from '../../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState } from '../../shared/protocol/rover.ts';
import type { FleetReport } from './dashboard-fleet.ts';

export const SITE = 'north';
const PAGE = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export class DashboardSite {
  #server: Server | null = null;
  #broker: EmbeddedBroker | null = null;
  #client: MqttClient | null = null;
  #port = 0;

  get address(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  get client(): MqttClient {
    if (this.#client === null) throw new Error('the site is not up');
    return this.#client;
  }

  /** Starts page and broker; again on the same port after `down`. */
  async up(): Promise<void> {
    const broker = await startEmbeddedBroker({ site: SITE, port: 0 });
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://page').pathname;
      const file = path === '/' ? 'index.html' : path.slice(1).replaceAll('..', '');
      readFile(PAGE + file).then(
        (content) => response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    const sockets = new WebSocketServer({ server, path: '/mqtt' });
    sockets.on('connection', (socket, request) => broker.serve(createWebSocketStream(socket), request));
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { clientId: 'scripted-fleet' });
    this.#server = server;
    this.#broker = broker;
  }

  /** Page, broker and everything retained are gone. */
  async down(): Promise<void> {
    await this.#client?.endAsync(true);
    await this.#broker?.close();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server === null ? resolve(null) : this.#server.close(resolve)));
    this.#client = this.#server = this.#broker = null;
  }

  publish<T>(definition: MessageDefinition<T>, places: TopicPlaces, value: T): void {
    const { qos, retain } = definition;
    this.client.publish(topicOf(definition, { site: SITE, ...places }), Buffer.from(encodeMessage(definition, value)), { qos, retain });
  }

  /** Publishes all that one step of the scripted fleet has to say. */
  say(report: FleetReport): void {
    const { mission } = report.status;
    this.publish(missionStatus, { mission }, report.status);
    this.publish(mapMetadata, { mission }, report.metadata);
    for (const tile of report.tiles) this.publish(mapTile, { mission, tile: tileId(tile.x, tile.y) }, tile);
    for (const object of report.objects) this.publish(mapObject, { mission, object: object.object }, object);
    for (const event of report.events) this.publish(missionEvent, { mission }, event);
    for (const host of report.hosts) this.publish(hostStatus, { host: host.host }, host);
    for (const { state, goal } of report.rovers) {
      const { rover } = state;
      this.publish(roverPresence, { rover }, { rover, status: 'online', mission });
      this.publish(roverState, { rover }, state);
      this.publish(roverGoal, { rover }, goal);
    }
  }
}
