// Host functions `map-view` as retained messages on the control plane (see shared/protocol/map-view.ts).
import { encodeTileCells } from '../../mapping/tile-codec.ts';
import { mapMetadata, mapObject, mapTile, tileId } from '../../protocol/map-view.ts';
import { encodeMessage, type MessageDefinition, topicOf, type TopicPlaces } from '../../protocol/message.ts';
import type { MetadataRecord, ObjectRecord, TileRecord } from '../host/map-view.ts';

export interface MapViewHostOptions {
  readonly site: string;
  readonly mission: string;
  /** Hands a message to the bus. Must not throw; delivery is the bus's business. */
  readonly publish: (topic: string, payload: Uint8Array, options: { readonly retain: boolean; readonly qos: 0 | 1 }) => void;
}

/** The functions that a module with the host interface `map-view` may call. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature, and host functions are looked up by name
export type MapViewHost = {
  readonly publishTile: (tile: TileRecord) => void;
  readonly publishObject: (item: ObjectRecord) => void;
  readonly publishMetadata: (metadata: MetadataRecord) => void;
};

export function createMapViewHost({ site, mission, publish }: MapViewHostOptions): MapViewHost {
  const send = <T>(definition: MessageDefinition<T>, places: TopicPlaces, value: T): void => {
    const topic = topicOf(definition, { site, mission, ...places });
    publish(topic, encodeMessage(definition, value), { retain: definition.retain, qos: definition.qos });
  };
  return {
    publishTile: ({ tileX, tileY, revision, stampSec, cells }) =>
      send(mapTile, { tile: tileId(tileX, tileY) }, { x: tileX, y: tileY, revision, stampSec, cells: encodeTileCells(cells) }),
    publishObject: (item) =>
      send(
        mapObject,
        { object: item.object },
        {
          object: item.object,
          class: item.className,
          status: item.status,
          x: item.x,
          y: item.y,
          covariance: [item.covXX, item.covXY, item.covYY],
          sightings: item.sightings,
          rovers: [...item.rovers],
          score: item.score,
          firstSeenSec: item.firstSeenSec,
          lastSeenSec: item.lastSeenSec,
        },
      ),
    publishMetadata: (metadata) => send(mapMetadata, {}, { ...metadata, rovers: [...metadata.rovers] }),
  };
}
