// The page as an MQTT client: mqtt.js over the WebSocket of the gateway that served it. Reconnects for ever, says how it stands.
import mqtt, { type MqttClient } from 'mqtt';
import { hostStatus } from '../../../../shared/protocol/host.ts';
import { mapMetadata, mapObject, mapTile } from '../../../../shared/protocol/map-view.ts';
import { encodeMessage, filterOf, topicOf } from '../../../../shared/protocol/message.ts';
import { missionCommand, missionEvent, missionStatus, type MissionCommand } from '../../../../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState } from '../../../../shared/protocol/rover.ts';
import type { ConnectionPhase } from '../state/fleet-state.ts';

const RECONNECT_MS = 1500;
/** A silent broker counts as lost after one and a half of these [s]. */
const KEEPALIVE_SEC = 10;
/** The page's own limit for publishing a command that nobody acknowledges [ms]. */
const COMMAND_MS = 4000;
/** Return code of CONNACK: the gateway answers, the broker behind it does not. */
const BROKER_UNAVAILABLE = 3;

export interface BrokerLinkEvents {
  readonly onPhase: (phase: ConnectionPhase) => void;
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
}

export class BrokerLink {
  readonly #client: MqttClient;
  #followed: readonly string[] = [];

  /** `address` is `ws://host/mqtt` or `wss://host/mqtt`. Missions are announced from the start: of one site, or of all when it is null. */
  constructor(address: string, site: string | null, events: BrokerLinkEvents) {
    this.#client = mqtt.connect(address, {
      clientId: `dashboard-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`,
      protocolVersion: 4,
      clean: true,
      keepalive: KEEPALIVE_SEC,
      connectTimeout: 5000,
      reconnectPeriod: RECONNECT_MS,
      queueQoSZero: false,
      reconnectOnConnackError: true,
    });
    let without: ConnectionPhase = 'connecting';
    this.#client.on('connect', () => {
      without = 'lost';
      events.onPhase('online');
    });
    this.#client.on('close', () => events.onPhase(without));
    // Followed by `close`; without a listener mqtt.js would throw.
    this.#client.on('error', (error) => {
      if ((error as { readonly code?: unknown }).code === BROKER_UNAVAILABLE) without = 'lost';
    });
    this.#client.on('message', (topic, payload) => events.onMessage(topic, payload));
    this.#client.subscribe(filterOf(missionStatus, site === null ? {} : { site }), { qos: 1 });
  }

  /** Listens to one site and mission, and to nothing of the one before. Subscriptions outlive a lost connection. */
  follow(site: string, mission: string | null): void {
    const ofSite = [roverPresence, roverState, roverGoal, hostStatus].map((definition) => filterOf(definition, { site }));
    const ofMission =
      mission === null ? [] : [mapMetadata, mapTile, mapObject, missionEvent].map((definition) => filterOf(definition, { site, mission }));
    const wanted = [...ofSite, ...ofMission];
    const stale = this.#followed.filter((filter) => !wanted.includes(filter));
    const fresh = wanted.filter((filter) => !this.#followed.includes(filter));
    if (stale.length > 0) this.#client.unsubscribe(stale);
    if (fresh.length > 0) this.#client.subscribe(fresh, { qos: 1 });
    this.#followed = wanted;
  }

  /** Sends an operator's command. Rejects when the broker does not acknowledge it in time: it is then not sure to have arrived. */
  async command(site: string, mission: string, command: MissionCommand['command']): Promise<void> {
    if (!this.#client.connected) throw new Error('the broker is not connected');
    const payload = encodeMessage(missionCommand, { command });
    const published = this.#client.publishAsync(topicOf(missionCommand, { site, mission }), payload as Buffer, { qos: missionCommand.qos });
    await Promise.race([
      published,
      new Promise((_, reject) => setTimeout(() => reject(new Error('the broker did not acknowledge the command')), COMMAND_MS)),
    ]);
  }
}
