// What a rover's ports delivered, as records of an MCAP file (mcap.dev/spec): one channel per port, times of the rover's clock.
// A message is the exact time (float64, little-endian; MCAP's own is in nanoseconds), the length of a JSON object (uint32), the object, and
// bulk data: float32 ranges or pixels as they came.
import { z } from 'zod';
import { OutriderError } from '../../shared/errors.ts';
import { intrinsicsSchema } from '../camera-fields.ts';

export const RECORD_TOPICS = ['drive', 'lidar', 'range', 'imu', 'camera', 'power', 'metrics', 'command', 'estimate'] as const;
export type RecordTopic = (typeof RECORD_TOPICS)[number];

/** MCAP metadata record with what a replay needs besides the messages. */
export const RECORDING_METADATA = 'outrider-rover';
export const MESSAGE_ENCODING = 'outrider-port-record';

const pose = z.strictObject({ x: z.number(), y: z.number(), theta: z.number() });

export const recordingHeadSchema = z.strictObject({
  version: z.literal(1),
  rover: z.string(),
  startPose: pose.nullable(),
  geometry: z.strictObject({ wheelRadiusM: z.number().positive(), wheelBaseM: z.number().positive() }),
  camera: z
    .strictObject({
      intrinsics: intrinsicsSchema,
      mount: z.strictObject({ xM: z.number(), yM: z.number(), zM: z.number(), pitchDownRad: z.number() }),
    })
    .nullable(),
});

/** The rover of a recording: where it started (map frame; null: it did not know), its wheels and its camera. */
export type RecordingHead = z.infer<typeof recordingHeadSchema>;

/** One message of a channel. */
export interface PortRecord {
  readonly topic: RecordTopic;
  /** Time of the rover's clock at which the port was asked [s]. */
  readonly atSec: number;
  readonly value: Readonly<Record<string, unknown>>;
  readonly bulk: Uint8Array;
}

export const NO_BULK = new Uint8Array();

const HEAD_BYTES = 12;

export function encodeRecord({ atSec, value, bulk }: Omit<PortRecord, 'topic'>): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(value));
  const message = new Uint8Array(HEAD_BYTES + text.length + bulk.length);
  const view = new DataView(message.buffer);
  view.setFloat64(0, atSec, true);
  view.setUint32(8, text.length, true);
  message.set(text, HEAD_BYTES);
  message.set(bulk, HEAD_BYTES + text.length);
  return message;
}

/** Throws OUT_RECORDING_INVALID for a message of another kind. */
export function decodeRecord(topic: RecordTopic, message: Uint8Array): PortRecord {
  try {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const atSec = z.number().parse(view.getFloat64(0, true));
    const length = view.getUint32(8, true);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(message.subarray(HEAD_BYTES, HEAD_BYTES + length));
    const value = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return { topic, atSec, value, bulk: message.slice(HEAD_BYTES + length) };
  } catch (cause) {
    throw new OutriderError('OUT_RECORDING_INVALID', `a message of ${topic}: ${(cause as Error).message}`, { cause });
  }
}

/** Bytes of ranges, and back: exact, also for NaN and infinity, which JSON does not know. */
export const rangesToBytes = (rangesM: Float32Array): Uint8Array =>
  new Uint8Array(rangesM.buffer.slice(rangesM.byteOffset, rangesM.byteOffset + rangesM.byteLength));

export const bytesToRanges = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
