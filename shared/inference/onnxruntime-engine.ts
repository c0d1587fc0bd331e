// Networks by ONNX Runtime: on the fastest provider that is there, on the CPU where there is no other.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as onnxruntime from 'onnxruntime-node';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { OutriderError } from '../errors.ts';
import { describeShape, type Graph, type InferenceEngine, type Tensor, type TensorSpec } from './graph.ts';
import { DEFAULT_INFERENCE, type InferenceProvider, type InferenceSettings } from './inference-settings.ts';

type OnnxRuntime = typeof onnxruntime;

/** Fastest first. */
const ACCELERATORS = ['tensorrt', 'cuda'] as const;
/** A network beyond this is a mistake or an attack [bytes]. */
const MAX_MODEL_BYTES = 512 * 1024 * 1024;
/** Severity 3: errors only. A provider that is missing is no news. */
const LOG_ERRORS = 3;
/**
 * Threads that wait for their share of a layer sleep. By default they spin, which took twice the processor time per frame for no gain in
 * speed on two cores, and the guests that prepare the next frames need those.
 */
const NO_SPINNING = { session: { intra_op: { allow_spinning: '0' } } };

export class OnnxRuntimeEngine implements InferenceEngine {
  readonly #runtime: OnnxRuntime;
  readonly #threads: number;
  readonly #candidates: readonly string[];
  /** Providers that failed once are not tried again. */
  readonly #absent = new Set<string>();

  private constructor(runtime: OnnxRuntime, settings: InferenceSettings) {
    this.#runtime = runtime;
    this.#threads = settings.threads ?? DEFAULT_INFERENCE.threads;
    this.#candidates = candidatesFor(settings.provider ?? DEFAULT_INFERENCE.provider, installedProviders());
  }

  /** Loads the native library (about 45 MB). Throws OUT_MODEL_ENGINE where it is missing or the wished-for provider is not in it. */
  static async create(settings: InferenceSettings = {}): Promise<OnnxRuntimeEngine> {
    let runtime: OnnxRuntime;
    try {
      // CommonJS: its names lie in `default` or beside it, as the loader sees fit.
      const loaded = (await import('onnxruntime-node')) as OnnxRuntime & { readonly default?: OnnxRuntime };
      runtime = loaded.default ?? loaded;
    } catch (cause) {
      throw new OutriderError('OUT_MODEL_ENGINE', `onnxruntime-node does not load: ${(cause as Error).message.split('\n')[0]}`, { cause });
    }
    return new OnnxRuntimeEngine(runtime, settings);
  }

  /** The accelerator that networks are tried on first, or null. */
  get accelerator(): string | null {
    const first = this.#candidates.find((name) => !this.#absent.has(name));
    return first === undefined || first === 'cpu' ? null : first;
  }

  async load(model: Uint8Array, name: string): Promise<Graph> {
    if (model.byteLength > MAX_MODEL_BYTES)
      throw new OutriderError('OUT_MODEL_UNREADABLE', `${name} has ${model.byteLength} bytes; at most ${MAX_MODEL_BYTES} are loaded`);
    let failure: Error = new Error('no provider is left');
    for (const provider of this.#candidates) {
      if (this.#absent.has(provider)) continue;
      try {
        const session = await this.#runtime.InferenceSession.create(model, {
          executionProviders: [provider],
          graphOptimizationLevel: 'all',
          logSeverityLevel: LOG_ERRORS,
          extra: NO_SPINNING,
          ...(this.#threads > 0 ? { intraOpNumThreads: this.#threads, interOpNumThreads: 1 } : {}),
        });
        return new OnnxRuntimeGraph(this.#runtime, session, provider, name);
      } catch (error) {
        failure = error as Error;
        if (provider !== 'cpu' && this.#candidates.includes('cpu')) this.#absent.add(provider);
      }
    }
    throw new OutriderError('OUT_MODEL_UNREADABLE', `${name}: ${firstLine(failure)}`, { cause: failure });
  }
}

/**
 * The providers whose libraries lie beside the engine's own. The engine names all that it was compiled for, and complains on stderr when
 * one is tried that is not installed.
 */
function installedProviders(): string[] {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const files = readdirSync(join(root, 'bin'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.includes(join(process.platform, process.arch)),
  );
  return ['cpu', ...ACCELERATORS.filter((name) => files.some((file) => file.includes(`onnxruntime_providers_${name}`)))];
}

/** Which providers to try, in order. Throws OUT_MODEL_ENGINE for one that this build of the engine does not have. */
export function candidatesFor(wanted: InferenceProvider, supported: readonly string[]): string[] {
  if (wanted === 'auto') return [...ACCELERATORS.filter((name) => supported.includes(name)), 'cpu'];
  if (wanted !== 'cpu' && !supported.includes(wanted))
    throw new OutriderError('OUT_MODEL_ENGINE', `the provider ${wanted} is not installed (installed: ${supported.join(', ')})`);
  return [wanted];
}

class OnnxRuntimeGraph implements Graph {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly provider: string;
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #name: string;

  constructor(runtime: OnnxRuntime, session: InferenceSession, provider: string, name: string) {
    this.#runtime = runtime;
    this.#session = session;
    this.#name = name;
    this.provider = provider;
    this.inputs = session.inputMetadata.map(toSpec);
    this.outputs = session.outputMetadata.map(toSpec);
  }

  async run(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const feeds: Record<string, OrtTensor> = {};
    for (const { name, dimensions, data } of inputs) feeds[name] = new this.#runtime.Tensor('float32', data, dimensions);
    let results: Readonly<Record<string, OrtTensor>>;
    try {
      results = await this.#session.run(feeds);
    } catch (cause) {
      const shapes = inputs.map(({ name, dimensions }) => `${name} ${describeShape(dimensions)}`).join(', ');
      throw new OutriderError('OUT_MODEL_OUTPUT', `${this.#name} failed on ${shapes}: ${firstLine(cause as Error)}`, { cause });
    }
    return this.outputs.map(({ name }) => this.#read(name, results[name]));
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #read(name: string, value: OrtTensor | undefined): Tensor {
    if (value === undefined || !(value.data instanceof Float32Array))
      throw new OutriderError('OUT_MODEL_OUTPUT', `${this.#name}: output ${name} is ${value?.type ?? 'missing'}, not float32`);
    return { name, dimensions: [...value.dims], data: value.data };
  }
}

function toSpec(value: InferenceSession.ValueMetadata): TensorSpec {
  if (!value.isTensor) return { name: value.name, type: 'no tensor', dimensions: [] };
  return {
    name: value.name,
    type: value.type,
    dimensions: value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)),
  };
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0]?.slice(0, 300) ?? 'unknown failure';
}
