// A slow rover, modelled: each part of a network is really run, and its result held back until the modelled machine would have it.
import { encodeTensors, decodeTensors, copyTensors } from '../../shared/incremental/tensor-codec.ts';
import { sha256 } from '../../shared/incremental/skeleton.ts';
import { WireReader, WireWriter } from '../../shared/elastic/wire-cursor.ts';
import type { NetworkSession, OpenNetwork } from '../../shared/onnx/ort-session.ts';
import type { NamedTensors } from '../../shared/onnx/tensor.ts';
import type { Clock } from '../../shared/ports/clock.ts';

interface Learned {
  readonly runMs: number;
  readonly openMs: number;
}

const RUNS = 9;

export class SlowRover {
  readonly #open: OpenNetwork;
  readonly #clock: Clock;
  readonly #factor: number;
  readonly #learned = new Map<string, Learned>();
  /** The modelled processor does one thing at a time. */
  #busy: Promise<unknown> = Promise.resolve();

  /** `factor`: how many times as long as this machine the rover takes. */
  constructor(open: OpenNetwork, clock: Clock, factor: number) {
    this.#open = open;
    this.#clock = clock;
    this.#factor = factor;
  }

  /** Measures a part on this machine, once and before the clock counts: opening and running it, in processor time [ms]. */
  async learn(file: Uint8Array, inputs: NamedTensors): Promise<NamedTensors> {
    const key = keyOf(file);
    const openMs = this.#learned.has(key) ? 0 : await quickestMs(async () => (await this.#open(file)).close());
    const session = await this.#open(file);
    const results = copyTensors(await session.run(inputs));
    if (!this.#learned.has(key)) this.#learned.set(key, { openMs, runMs: await quickestMs(() => session.run(inputs)) });
    await session.close();
    return results;
  }

  /** Sessions as slow as the rover; of learned files only. */
  readonly open: OpenNetwork = async (file) => {
    const learned = this.#learned.get(keyOf(file));
    if (learned === undefined) throw new Error('a part of the network was not measured before');
    const session = await this.#take(learned.openMs, () => this.#open(file));
    const slow: NetworkSession = {
      run: (inputs) => this.#take(learned.runMs, () => session.run(inputs)),
      close: () => session.close(),
    };
    return slow;
  };

  /** Keeps the modelled processor busy with what takes so long here [ms]. */
  compute(hereMs: number): Promise<void> {
    return this.#take(hereMs, () => Promise.resolve());
  }

  #take<T>(hereMs: number, work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(async () => {
      const startedSec = this.#clock.nowSec();
      const result = await work();
      const leftSec = (hereMs * this.#factor) / 1000 - (this.#clock.nowSec() - startedSec);
      if (leftSec > 0) await this.#clock.sleep(leftSec);
      return result;
    });
    this.#busy = done.catch(() => undefined);
    return done;
  }
}

/** Packing these tensors for the link and unpacking those, measured here [ms]. */
export async function packingMs(sent: NamedTensors, received: NamedTensors): Promise<number> {
  const arrived = new Uint8Array(Buffer.concat(encodeTensors(new WireWriter(), received)));
  return quickestMs(() => {
    encodeTensors(new WireWriter(), sent);
    copyTensors(decodeTensors(new WireReader(arrived)));
    return Promise.resolve();
  });
}

/** Processor time that this process has used [s]: other programs on the machine do not count. */
export function processorSec(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The least processor time of some runs [ms]. */
async function quickestMs(work: () => Promise<unknown>): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run += 1) {
    const startedSec = processorSec();
    await work();
    quickest = Math.min(quickest, (processorSec() - startedSec) * 1000);
  }
  return quickest;
}

const keyOf = (file: Uint8Array): string => Buffer.from(sha256(file)).toString('hex');
