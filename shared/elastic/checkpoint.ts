// A checkpoint of an instance: its state and, per fixed end, what took effect and which answers may still be missing there.
import { OutriderError } from '../errors.ts';
import { MAX_CHANNELS, MAX_FRAME_BYTES, MAX_ID_BYTES, MAX_UNACKED_RESULTS } from './limits.ts';
import { interfaceIdOf, type CapturedState, type StateForm } from './state-form.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { WireReader, WireWriter } from './wire-cursor.ts';

export interface ChannelCheckpoint {
  readonly channelId: string;
  /** Last number that took effect on the state. */
  readonly processed: number;
  /** Results up to here have arrived at the fixed end. */
  readonly acked: number;
  /** RESULT and FAILURE frames that are not acknowledged, in order. */
  readonly results: readonly { readonly number: number; readonly frame: Uint8Array }[];
}

export interface Checkpoint {
  readonly epoch: number;
  readonly state: CapturedState;
  readonly channels: readonly ChannelCheckpoint[];
}

const MAGIC = 0x4b43_524f; // "ORCK"
const FORMAT = 1;
const FORMS: readonly StateForm[] = ['none', 'snapshot', 'image'];

/** The bytes that `decodeCheckpoint` reads; the state is copied once. */
export function encodeCheckpoint(manifest: ModuleManifest, checkpoint: Checkpoint): Uint8Array {
  const head = new WireWriter(256).u32(MAGIC).u8(FORMAT).text(manifest.name).text(interfaceIdOf(manifest)).u32(checkpoint.epoch);
  head.u16(checkpoint.channels.length);
  for (const { channelId, processed, acked, results } of checkpoint.channels) {
    head.text(channelId).u48(processed).u48(acked).u16(results.length);
    for (const { number, frame } of results) head.u48(number).u32(frame.byteLength).raw(frame);
  }
  head.u8(FORMS.indexOf(checkpoint.state.form)).u48(checkpoint.state.bytes.byteLength);
  return Buffer.concat([head.done(), checkpoint.state.bytes]);
}

/** Throws OUT_ELASTIC_CHECKPOINT when the bytes are malformed or of another module or interface. The state is a view of `bytes`. */
export function decodeCheckpoint(manifest: ModuleManifest, bytes: Uint8Array): Checkpoint {
  try {
    return readCheckpoint(manifest, bytes);
  } catch (cause) {
    if (cause instanceof OutriderError && cause.code === 'OUT_ELASTIC_CHECKPOINT') throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError('OUT_ELASTIC_CHECKPOINT', `${manifest.name}: ${message}`, { cause });
  }
}

function readCheckpoint(manifest: ModuleManifest, bytes: Uint8Array): Checkpoint {
  const reader = new WireReader(bytes);
  if (reader.u32() !== MAGIC || reader.u8() !== FORMAT) {
    throw new OutriderError('OUT_ELASTIC_CHECKPOINT', `${bytes.byteLength} bytes that are not a checkpoint of format ${FORMAT}`);
  }
  const name = reader.text(MAX_ID_BYTES, 'module name');
  const interfaceId = reader.text(MAX_ID_BYTES, 'interface id');
  if (name !== manifest.name || interfaceId !== interfaceIdOf(manifest)) {
    throw new OutriderError('OUT_ELASTIC_CHECKPOINT', `a checkpoint of ${name} (${interfaceId}), not of this ${manifest.name}`);
  }
  const epoch = reader.u32();
  const channelCount = bounded(reader.u16(), MAX_CHANNELS, 'channels');
  const channels: ChannelCheckpoint[] = [];
  for (let index = 0; index < channelCount; index += 1) {
    const channelId = reader.text(MAX_ID_BYTES, 'channel id');
    const processed = reader.u48();
    const acked = reader.u48();
    const resultCount = bounded(reader.u16(), MAX_UNACKED_RESULTS, 'results');
    const results: { number: number; frame: Uint8Array }[] = [];
    for (let result = 0; result < resultCount; result += 1) {
      const number = reader.u48();
      // Copied, so that a few results do not keep a whole checkpoint in memory.
      results.push({ number, frame: new Uint8Array(reader.bytes(bounded(reader.u32(), MAX_FRAME_BYTES, 'bytes of a result'))) });
    }
    channels.push({ channelId, processed, acked, results });
  }
  const form = FORMS[reader.u8()];
  if (form === undefined) throw new OutriderError('OUT_ELASTIC_CHECKPOINT', 'an unknown form of state');
  const state = { form, bytes: reader.bytes(reader.u48()) };
  reader.end();
  return { epoch, state, channels };
}

function bounded(count: number, limit: number, what: string): number {
  if (count > limit) throw new OutriderError('OUT_ELASTIC_CHECKPOINT', `${count} ${what}, at most ${limit} are allowed`);
  return count;
}
