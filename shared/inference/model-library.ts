// Finds networks by name: `<name>.onnx` with its configuration `<name>.json` in the folders of the site or rover, then among those that
// come with Outrider. Loaded once, checked against each other, and kept.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkConfig } from '../config/load-yaml.ts';
import { OutriderError } from '../errors.ts';
import { checkDetector } from './check-detector.ts';
import { type DetectorConfig, detectorConfigSchema } from './detector-config.ts';
import type { Graph, InferenceEngine } from './graph.ts';

export interface Model {
  readonly name: string;
  readonly graph: Graph;
  readonly config: DetectorConfig;
}

/** Models in memory at most; the one used longest ago goes first. */
const MAX_LOADED = 16;
/** After a failure the files are looked at again only after this [ms]: a rover asks with every frame. */
const RETRY_MS = 5000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Where the models that come with Outrider lie once it is built: dist/models, from the sources as from the build. */
export function builtModels(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../dist/models' : '../../models', import.meta.url));
}

export class ModelLibrary {
  readonly #engine: InferenceEngine;
  readonly #folders: readonly string[];
  readonly #nowMs: () => number;
  readonly #models = new Map<string, { readonly loading: Promise<Model>; failedMs: number | null }>();

  constructor(engine: InferenceEngine, folders: readonly string[], nowMs: () => number) {
    this.#engine = engine;
    this.#folders = folders;
    this.#nowMs = nowMs;
  }

  /** Throws OUT_MODEL_UNKNOWN, OUT_MODEL_UNREADABLE, OUT_CONFIG_INVALID or OUT_MODEL_SHAPE. */
  open(name: string): Promise<Model> {
    let entry = this.#models.get(name);
    if (entry?.failedMs !== null && entry !== undefined && this.#nowMs() - entry.failedMs > RETRY_MS) entry = undefined;
    if (entry === undefined) {
      const created: { readonly loading: Promise<Model>; failedMs: number | null } = { loading: this.#load(name), failedMs: null };
      created.loading.catch(() => (created.failedMs = this.#nowMs()));
      entry = created;
    }
    this.#models.delete(name);
    this.#models.set(name, entry);
    this.#shrink();
    return entry.loading;
  }

  #shrink(): void {
    const [oldest] = this.#models;
    if (this.#models.size <= MAX_LOADED || oldest === undefined) return;
    this.#models.delete(oldest[0]);
    // A run under way still holds the graph: the engine frees it when that is over.
    oldest[1].loading.then(
      ({ graph }) => graph.close(),
      () => undefined,
    );
  }

  async #load(name: string): Promise<Model> {
    const { network, config } = await readModelFiles(this.#folders, name);
    const graph = await this.#engine.load(network, name);
    try {
      checkDetector(name, graph, config);
    } catch (error) {
      await graph.close();
      throw error;
    }
    return { name, graph, config };
  }
}

/** The network of this name and its configuration. Throws OUT_MODEL_UNKNOWN, OUT_MODEL_UNREADABLE or OUT_CONFIG_INVALID. */
export async function readModelFiles(
  folders: readonly string[],
  name: string,
): Promise<{ readonly network: Uint8Array; readonly config: DetectorConfig }> {
  if (!NAME.test(name)) throw new OutriderError('OUT_MODEL_UNKNOWN', `${JSON.stringify(name.slice(0, 80))} is no name of a model`);
  for (const folder of folders) {
    const path = join(folder, name);
    const [network, text] = await Promise.all([readIfThere(`${path}.onnx`), readIfThere(`${path}.json`)]);
    if (network === null && text === null) continue;
    if (network === null || text === null)
      throw new OutriderError(
        'OUT_MODEL_UNKNOWN',
        `${path}: both .onnx and .json are needed, and ${network === null ? '.onnx' : '.json'} is missing`,
      );
    return { network, config: checkConfig(parseJson(text, `${path}.json`), `${path}.json`, detectorConfigSchema) };
  }
  throw new OutriderError('OUT_MODEL_UNKNOWN', `there is no ${name}.onnx in ${folders.join(', ') || 'any folder'}`);
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new OutriderError('OUT_MODEL_UNREADABLE', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

function parseJson(text: Buffer, source: string): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new OutriderError('OUT_CONFIG_UNREADABLE', `${source}: ${(cause as Error).message}`, { cause });
  }
}
