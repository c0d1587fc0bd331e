// The frames of incremental offloading (docs/incremental-offloading.md): a split network's weights go up while queries run. Both ends
// check all that they read: OUT_WIRE_MALFORMED and OUT_WIRE_LIMIT.
import { OutriderError } from '../errors.ts';
import { MAX_ERROR_BYTES, MAX_ID_BYTES } from '../elastic/limits.ts';
import { WireReader, WireWriter } from '../elastic/wire-cursor.ts';
import type { NamedTensors, TensorSpec } from '../onnx/tensor.ts';
import { INCREMENTAL_VERSION, MAX_BLOBS, MAX_CUTS, MAX_NAME_BYTES, MAX_RANGES, MAX_SPECS } from './limits.ts';
import { decodeSpec, decodeTensors, encodeSpec, encodeTensors } from './tensor-codec.ts';

const KIND = { open: 0x01, chunk: 0x02, plan: 0x03, query: 0x04, have: 0x41, ack: 0x42, ready: 0x43, result: 0x44, failed: 0x45 } as const;

/** One piece of the network by its content. */
export interface Blob {
  /** Name of the stored tensor; empty for the skeleton. */
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
}

/** [first, end) in layers of the chain. */
export type LayerRange = readonly [first: number, end: number];

export interface OpenFrame {
  readonly kind: 'open';
  /** Tensors that may cross a cut. */
  readonly maxTensors: number;
  readonly cuts: readonly number[];
  readonly specs: readonly TensorSpec[];
  /** The skeleton, then the weights in the order of their upload. */
  readonly blobs: readonly Blob[];
}

export type RoverFrame =
  | OpenFrame
  | { readonly kind: 'chunk'; readonly blob: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'plan'; readonly plan: number; readonly ranges: readonly LayerRange[] }
  | { readonly kind: 'query'; readonly id: number; readonly range: LayerRange; readonly tensors: NamedTensors };

export type HostFrame =
  /** Blobs that are whole here already. */
  | { readonly kind: 'have'; readonly blobs: readonly number[] }
  /** So many bytes of the blob have arrived. */
  | { readonly kind: 'ack'; readonly blob: number; readonly bytes: number }
  | { readonly kind: 'ready'; readonly plan: number }
  | { readonly kind: 'result'; readonly id: number; readonly computeMs: number; readonly tensors: NamedTensors }
  /** `id` null: the connection as a whole failed and ends. */
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: string; readonly message: string };

export type IncrementalFrame = RoverFrame | HostFrame;

const NO_ID = 0xffff_ffff;
const DIGEST_BYTES = 32;

/** The parts of a frame; large ones are not copied. */
export function encodeFrame(frame: IncrementalFrame): readonly Uint8Array[] {
  const writer = new WireWriter(64).u8(KIND[frame.kind]);
  switch (frame.kind) {
    case 'open':
      writer.u8(INCREMENTAL_VERSION).u8(frame.maxTensors).u32(frame.cuts.length);
      for (const cut of frame.cuts) writer.u32(cut);
      writer.u32(frame.specs.length);
      for (const spec of frame.specs) encodeSpec(writer, spec);
      writer.u32(frame.blobs.length);
      for (const { name, bytes, digest } of frame.blobs) writer.text(name).u32(bytes).raw(digest);
      return [writer.done()];
    case 'chunk':
      return [writer.u32(frame.blob).u32(frame.offset).done(), frame.bytes];
    case 'plan':
      writer.u32(frame.plan).u32(frame.ranges.length);
      for (const [first, end] of frame.ranges) writer.u32(first).u32(end);
      return [writer.done()];
    case 'query':
      return encodeTensors(writer.u32(frame.id).u32(frame.range[0]).u32(frame.range[1]), frame.tensors);
    case 'have':
      writer.u32(frame.blobs.length);
      for (const blob of frame.blobs) writer.u32(blob);
      return [writer.done()];
    case 'ack':
      return [writer.u32(frame.blob).u32(frame.bytes).done()];
    case 'ready':
      return [writer.u32(frame.plan).done()];
    case 'result':
      return encodeTensors(writer.u32(frame.id).u32(Math.min(NO_ID, Math.round(frame.computeMs * 1000))), frame.tensors);
    case 'failed':
      return [
        writer
          .u32(frame.id ?? NO_ID)
          .text(frame.code)
          .text(frame.message.slice(0, MAX_ERROR_BYTES / 4))
          .done(),
      ];
  }
}

/** What a rover sends, checked; chunks and tensors are views of the frame. */
export function decodeRoverFrame(bytes: Uint8Array): RoverFrame {
  const reader = new WireReader(bytes);
  const kind = reader.u8();
  switch (kind) {
    case KIND.open:
      return decodeOpen(reader);
    case KIND.chunk:
      return { kind: 'chunk', blob: reader.u32(), offset: reader.u32(), bytes: reader.rest() };
    case KIND.plan: {
      const plan = reader.u32();
      const ranges = list(reader, MAX_RANGES, 'ranges', () => decodeRange(reader));
      reader.end();
      return { kind: 'plan', plan, ranges };
    }
    case KIND.query:
      return { kind: 'query', id: reader.u32(), range: decodeRange(reader), tensors: decodeTensors(reader) };
    default:
      throw new OutriderError('OUT_WIRE_MALFORMED', `a frame of kind ${kind} from a rover`);
  }
}

/** What a host sends, checked; tensors are views of the frame. */
export function decodeHostFrame(bytes: Uint8Array): HostFrame {
  const reader = new WireReader(bytes);
  const kind = reader.u8();
  const frame = ((): HostFrame => {
    switch (kind) {
      case KIND.have:
        return { kind: 'have', blobs: list(reader, MAX_BLOBS, 'blobs', () => reader.u32()) };
      case KIND.ack:
        return { kind: 'ack', blob: reader.u32(), bytes: reader.u32() };
      case KIND.ready:
        return { kind: 'ready', plan: reader.u32() };
      case KIND.result:
        return { kind: 'result', id: reader.u32(), computeMs: reader.u32() / 1000, tensors: decodeTensors(reader) };
      case KIND.failed: {
        const id = reader.u32();
        return {
          kind: 'failed',
          id: id === NO_ID ? null : id,
          code: reader.text(MAX_ID_BYTES, 'error code'),
          message: reader.text(MAX_ERROR_BYTES, 'error message'),
        };
      }
      default:
        throw new OutriderError('OUT_WIRE_MALFORMED', `a frame of kind ${kind} from a host`);
    }
  })();
  reader.end();
  return frame;
}

function decodeOpen(reader: WireReader): OpenFrame {
  const version = reader.u8();
  if (version !== INCREMENTAL_VERSION) {
    throw new OutriderError(
      'OUT_WIRE_MALFORMED',
      `version ${version} of incremental offloading arrived, this end speaks ${INCREMENTAL_VERSION}`,
    );
  }
  const maxTensors = reader.u8();
  const cuts = list(reader, MAX_CUTS, 'cuts', () => reader.u32());
  const specs = list(reader, MAX_SPECS, 'tensors', () => decodeSpec(reader));
  const blobs = list(reader, MAX_BLOBS, 'blobs', () => ({
    name: reader.text(MAX_NAME_BYTES, 'name of a weight'),
    bytes: reader.u32(),
    digest: new Uint8Array(reader.bytes(DIGEST_BYTES)),
  }));
  reader.end();
  return { kind: 'open', maxTensors, cuts, specs, blobs };
}

function decodeRange(reader: WireReader): LayerRange {
  const first = reader.u32();
  const end = reader.u32();
  if (end <= first) throw new OutriderError('OUT_WIRE_MALFORMED', `the layers ${first} to ${end} are no range`);
  return [first, end];
}

function list<T>(reader: WireReader, most: number, what: string, next: () => T): T[] {
  const count = reader.u32();
  if (count > most) throw new OutriderError('OUT_WIRE_LIMIT', `${count} ${what} announced, at most ${most} are allowed`);
  const items: T[] = [];
  for (let index = 0; index < count; index += 1) items.push(next());
  return items;
}
