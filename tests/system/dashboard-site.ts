// What the dashboard's browser tests talk to: the site's own gateway (built page and MQTT over WebSocket on one origin)
// with its own broker behind it.
import { fileURLToPath } from 'node:url';
import mqtt, { type MqttClient } from 'mqtt';
import { startEmbeddedBroker, type EmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { startGateway, type Gateway } from '../../edge/gateway/gateway.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { mapMetadata, mapObject, mapTile, tileId } from '../../shared/protocol/map-view.ts';
import { encodeMessage, topicOf, type MessageDefinition, type TopicPlaces } from '../../shared/protocol/message.ts';
import { missionEvent, missionStatus } from '../../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState } from '../../shared/protocol/rover.ts';
import type { FleetReport } from './dashboard-fleet.ts';

export const SITE = 'north';
const PAGE = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));

export class DashboardSite {
  #gateway: Gateway | null = null;
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
    this.#gateway = await startGateway({
      listen: '127.0.0.1',
      port: this.#port,
      dashboard: PAGE,
      view: {
        site: SITE,
        hosts: () => [],
        placements: () => [],
        manager: () => ({ role: 'active', term: 1, session: 's1' }),
        brokerUp: () => true,
        drain: async () => undefined,
        failovers: () => 0,
        malformed: () => 0,
        processes: () => [],
      },
      serveMqtt: (stream, request) => broker.serve(stream, request),
      logger: SILENT_LOGGER,
    });
    this.#port = this.#gateway.port;
    this.#client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { clientId: 'scripted-fleet' });
    this.#broker = broker;
  }

  /** Page, broker and everything retained are gone. */
  async down(): Promise<void> {
    await this.#client?.endAsync(true);
    await this.#gateway?.close();
    await this.#broker?.close();
    this.#client = this.#gateway = this.#broker = null;
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
