// The parts of a network that run on board, each made ready once.
import { OutriderError } from '../../../shared/errors.ts';
import type { LayerRange } from '../../../shared/incremental/frames.ts';
import { rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import type { NetworkSession, OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import type { NamedTensors } from '../../../shared/onnx/tensor.ts';

export class LocalRanges {
  readonly #chain: NetworkChain;
  readonly #open: OpenNetwork;
  readonly #sessions = new Map<string, Promise<NetworkSession>>();

  constructor(chain: NetworkChain, open: OpenNetwork) {
    this.#chain = chain;
    this.#open = open;
  }

  /** Rejects as {@link OpenNetwork} does. */
  async prepare(ranges: readonly LayerRange[]): Promise<void> {
    for (const range of ranges) {
      const key = range.join();
      let session = this.#sessions.get(key);
      if (session === undefined) {
        session = this.#open(rangeOf(this.#chain, range[0], range[1]).toFile(this.#chain.specs));
        this.#sessions.set(key, session);
      }
      await session;
    }
  }

  async run(range: LayerRange, tensors: NamedTensors): Promise<NamedTensors> {
    const session = await this.#sessions.get(range.join());
    if (session === undefined) throw new OutriderError('OUT_INTERNAL', `layers ${range.join(' to ')} were not made ready`);
    return session.run(tensors);
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session.catch(() => null))?.close();
  }
}
