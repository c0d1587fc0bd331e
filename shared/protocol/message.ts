// How a message of the control plane is defined: one source for its type, its check, its topic and its page in docs/protocol.md.
import { z } from 'zod';
import { OutriderError } from '../errors.ts';

/** Where a message travels and how. `topic` is a pattern with `{name}` places; each is one topic level. */
export interface MessageDefinition<T> {
  readonly name: string;
  /** One or two sentences for docs/protocol.md: who sends it to whom, when. */
  readonly description: string;
  readonly topic: string;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  /** Upper bound of the encoded payload [bytes]: what a peer can make a receiver parse. */
  readonly maxBytes: number;
  readonly schema: z.ZodType<T>;
}

/** Places of a topic pattern. */
export type TopicPlaces = Readonly<Record<string, string>>;

/** Default bound of a message: telemetry and requests are far below 64 KiB. */
const DEFAULT_MAX_BYTES = 64 * 1024;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Ids that travel in topics and payloads: `[A-Za-z0-9_-]{1,64}`, safe on every broker. */
export const idSchema = z.string().regex(ID, 'an id is 1 to 64 characters of A-Z a-z 0-9 _ -');

export function defineMessage<T>(
  definition: Omit<MessageDefinition<T>, 'maxBytes'> & { readonly maxBytes?: number },
): MessageDefinition<T> {
  return { maxBytes: DEFAULT_MAX_BYTES, ...definition };
}

/** The concrete topic of a message; every place must be a valid id. Throws OUT_PROTOCOL_TOPIC. */
export function topicOf(definition: Pick<MessageDefinition<unknown>, 'topic' | 'name'>, places: TopicPlaces): string {
  return definition.topic.replaceAll(/\{(\w+)\}/g, (_, place: string) => {
    const value = places[place];
    if (value === undefined || !ID.test(value)) {
      throw new OutriderError(
        'OUT_PROTOCOL_TOPIC',
        `${definition.name}: topic place {${place}} is ${JSON.stringify(value)}, not an id of [A-Za-z0-9_-]{1,64}`,
      );
    }
    return value;
  });
}

/** The MQTT filter that matches the message; places not given become `+`. */
export function filterOf(definition: Pick<MessageDefinition<unknown>, 'topic' | 'name'>, places: TopicPlaces = {}): string {
  return definition.topic.replaceAll(/\{(\w+)\}/g, (_, place: string) => places[place] ?? '+');
}

/** The places of a concrete topic, or null when it does not match the pattern. */
export function placesOf(definition: Pick<MessageDefinition<unknown>, 'topic'>, topic: string): TopicPlaces | null {
  const pattern = definition.topic.split('/');
  const levels = topic.split('/');
  if (pattern.length !== levels.length) return null;
  const places: Record<string, string> = {};
  for (const [index, level] of pattern.entries()) {
    const actual = levels[index] ?? '';
    if (level.startsWith('{')) places[level.slice(1, -1)] = actual;
    else if (level !== actual) return null;
  }
  return places;
}

/** Encodes a message as UTF-8 JSON. The value is trusted: it is our own. */
export function encodeMessage<T>(_definition: MessageDefinition<T>, value: T): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/**
 * Decodes and checks a payload from outside. Throws OUT_PROTOCOL_MESSAGE, naming the message, the path and what arrived;
 * callers count and log it and go on.
 */
export function decodeMessage<T>(definition: MessageDefinition<T>, payload: Uint8Array): T {
  if (payload.byteLength > definition.maxBytes) {
    throw new OutriderError(
      'OUT_PROTOCOL_MESSAGE',
      `${definition.name}: ${payload.byteLength} bytes arrived, at most ${definition.maxBytes} are allowed`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', `${definition.name}: not UTF-8 JSON (${payload.byteLength} bytes)`, { cause });
  }
  const parsed = definition.schema.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.') || '(message)'}: ${issue.message}`);
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', `${definition.name}: ${issues.join('; ')}`);
  }
  return parsed.data;
}
