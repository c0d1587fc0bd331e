// Networks run by onnxruntime-node, behind an interface of names and bytes.
import type * as Ort from 'onnxruntime-node';
import { OutriderError } from '../errors.ts';
import { elementOfType, type ElementType } from './element-types.ts';
import type { NamedTensors, Tensor } from './tensor.ts';

/** One network, ready to run. One query at a time. */
export interface NetworkSession {
  /** Rejects with OUT_MODEL_TENSOR where the runtime refuses the inputs. */
  run(inputs: NamedTensors): Promise<NamedTensors>;
  close(): Promise<void>;
}

/** Makes a session of an ONNX file. Rejects with OUT_MODEL_ONNX where the runtime refuses it. */
export type OpenNetwork = (file: Uint8Array) => Promise<NetworkSession>;

export interface OrtOptions {
  /** Threads within one operator. Default 1: queries of several rovers share the cores of a host. */
  readonly threads?: number;
  /** Providers in order of preference, as onnxruntime names them. Default cpu. */
  readonly providers?: readonly string[];
}

type OrtModule = typeof Ort;

/** Loads onnxruntime-node once it is needed. It computes on the calling thread. */
export function ortNetworks(options: OrtOptions = {}): OpenNetwork {
  const { threads = 1, providers = ['cpu'] } = options;
  return async (file) => {
    const ort = await import('onnxruntime-node');
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(file, {
        executionProviders: [...providers],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
      });
    } catch (cause) {
      throw new OutriderError('OUT_MODEL_ONNX', `onnxruntime refuses the model: ${(cause as Error).message}`, { cause });
    }
    return { run: (inputs) => runSession(ort, session, inputs), close: () => session.release() };
  };
}

async function runSession(ort: OrtModule, session: Ort.InferenceSession, inputs: NamedTensors): Promise<NamedTensors> {
  try {
    const feeds = Object.fromEntries([...inputs].map(([name, tensor]) => [name, toOrt(ort, tensor)]));
    const results = await session.run(feeds);
    return new Map(Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]));
  } catch (cause) {
    if (cause instanceof OutriderError) throw cause;
    throw new OutriderError('OUT_MODEL_TENSOR', `onnxruntime refuses the inputs: ${(cause as Error).message}`, { cause });
  }
}

const ARRAYS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
} as const;

function toOrt(ort: OrtModule, { type, dims, data }: Tensor): Ort.Tensor {
  const width = elementOfType(type)?.bytes ?? 1;
  // Frames of the network start anywhere; typed arrays want their own alignment.
  const aligned = data.byteOffset % width === 0 ? data : new Uint8Array(data);
  const elements = new ARRAYS[type](aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / width);
  return new ort.Tensor(type, elements, dims);
}

function fromOrt(name: string, tensor: Ort.Tensor): Tensor {
  const { type, dims, data } = tensor;
  if (elementOfType(type) === null || !ArrayBuffer.isView(data)) {
    throw new OutriderError('OUT_MODEL_ONNX', `the result ${name} is ${type}, which no query carries`);
  }
  return { type: type as ElementType, dims: [...dims], data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
