// What a guest may make its host do beyond computing: publish a part of the common view, or write a log line. Data only, checked by the host.
import { OutriderError } from '../../../shared/errors.ts';
import { mapMetadata, mapObject, mapTile } from '../../../shared/protocol/map-view.ts';
import { stampRevision } from '../../../shared/protocol/map-revision.ts';
import { decodeMessage, encodeMessage, type MessageDefinition, placesOf } from '../../../shared/protocol/message.ts';

export type HostEffect =
  | { readonly kind: 'publish'; readonly topic: string; readonly payload: Uint8Array }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly text: string };

export interface EffectScope {
  readonly site: string;
  readonly mission: string;
  /** Of the instance: a restarted one's messages replace those of its predecessor. */
  readonly epoch: number;
}

/**
 * The payload to publish for what a guest wants to publish. Only messages of the common view of its own mission are allowed, and only
 * when they match their schemas: throws OUT_EDGE_UNAUTHORIZED or OUT_PROTOCOL_MESSAGE.
 */
export function checkPublication(topic: string, payload: Uint8Array, scope: EffectScope): Uint8Array {
  const allowed = <T>(definition: MessageDefinition<T>): boolean => {
    const places = placesOf(definition, topic);
    return places !== null && places['site'] === scope.site && places['mission'] === scope.mission;
  };
  if (allowed(mapTile)) return stamped(mapTile, payload, scope.epoch);
  if (allowed(mapMetadata)) return stamped(mapMetadata, payload, scope.epoch);
  if (allowed(mapObject)) return encodeMessage(mapObject, decodeMessage(mapObject, payload));
  throw new OutriderError(
    'OUT_EDGE_UNAUTHORIZED',
    `a module of ${scope.mission} wanted to publish to ${JSON.stringify(topic.slice(0, 100))}`,
  );
}

function stamped<T extends { readonly revision: number }>(
  definition: MessageDefinition<T>,
  payload: Uint8Array,
  epoch: number,
): Uint8Array {
  const message = decodeMessage(definition, payload);
  return encodeMessage(definition, { ...message, revision: stampRevision(epoch, message.revision) });
}
