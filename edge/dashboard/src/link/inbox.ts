// From an MQTT message to something the store understands: topic matched, payload checked by its schema, ids compared.
import { hostStatus } from '../../../../shared/protocol/host.ts';
import { mapMetadata, mapObject, mapTile, tileId } from '../../../../shared/protocol/map-view.ts';
import { decodeMessage, placesOf, type MessageDefinition, type TopicPlaces } from '../../../../shared/protocol/message.ts';
import { missionEvent, missionStatus } from '../../../../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState } from '../../../../shared/protocol/rover.ts';
import type { FleetMessage } from '../state/reduce.ts';

type Reader = (topic: string, payload: Uint8Array) => FleetMessage | null;

const READERS: readonly Reader[] = [
  reader(roverState, (value, places) => own(value.rover, places['rover'], { kind: 'state', value })),
  reader(mapTile, (value, places) => own(tileId(value.x, value.y), places['tile'], { kind: 'tile', id: tileId(value.x, value.y), value })),
  reader(mapObject, (value, places) => own(value.object, places['object'], { kind: 'object', value })),
  reader(mapMetadata, (value) => ({ kind: 'metadata', value })),
  reader(roverGoal, (value, places) => own(value.rover, places['rover'], { kind: 'goal', value })),
  reader(roverPresence, (value, places) => own(value.rover, places['rover'], { kind: 'presence', value })),
  reader(missionStatus, (value, places) => own(value.mission, places['mission'], { kind: 'status', site: places['site'] ?? '', value })),
  reader(hostStatus, (value, places) => own(value.host, places['host'], { kind: 'host', value })),
  reader(missionEvent, (value) => ({ kind: 'event', value })),
];

/** Reads a message of the fleet; null when the topic is none of ours. What is malformed comes back as `dropped`, never as a throw. */
export function readMessage(topic: string, payload: Uint8Array): FleetMessage | null {
  // An empty retained payload deletes a retained message: nothing to show.
  if (payload.byteLength === 0) return null;
  try {
    for (const read of READERS) {
      const message = read(topic, payload);
      if (message !== null) return message;
    }
    return null;
  } catch (error) {
    return { kind: 'dropped', reason: `${topic}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function reader<T>(definition: MessageDefinition<T>, toMessage: (value: T, places: TopicPlaces) => FleetMessage): Reader {
  return (topic, payload) => {
    const places = placesOf(definition, topic);
    return places === null ? null : toMessage(decodeMessage(definition, payload), places);
  };
}

/** A sender that speaks for another is not believed: what the payload names must be what the topic names. */
function own(named: string, inTopic: string | undefined, message: FleetMessage): FleetMessage {
  return named === inTopic ? message : { kind: 'dropped', reason: `the payload names ${named}, its topic ${inTopic ?? 'nothing'}` };
}
