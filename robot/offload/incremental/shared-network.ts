// A network shared between rover and host while its weights are still on their way: every query is answered, by the newest plan that is
// ready at both ends, on board where there is none or the link is lost (IONN, Jeong et al., SoCC 2018).
import { isOutriderError, OutriderError } from '../../../shared/errors.ts';
import type { LayerRange } from '../../../shared/incremental/frames.ts';
import { rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import type { OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import { checkTensors, type NamedTensors, type TensorSpec } from '../../../shared/onnx/tensor.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { HostLink } from './host-link.ts';
import { LocalRanges } from './local-ranges.ts';
import { type NetworkBlobs, networkBlobs, type PlanFor, type StagedPlan } from './plan-upload.ts';

export interface SharedNetworkOptions {
  readonly chain: NetworkChain;
  readonly clock: Clock;
  readonly open: OpenNetwork;
  /** Tensors that may cross a cut; as the chain was made with. Default 4. */
  readonly maxTensors?: number;
  /** A query that waits longer for the host is answered on board [s]. Default 5. */
  readonly deadlineSec?: number;
  /** Extra time [s] to hold back what these layers gave on board: the device model of a simulated rover. */
  readonly holdBackSec?: (range: LayerRange) => number;
  readonly onEvent?: (event: SharedNetworkEvent) => void;
}

export type SharedNetworkEvent =
  /** The link is measured; so many plans go up, none where none pays. */
  | { readonly kind: 'planned'; readonly plans: number; readonly bandwidthMbps: number }
  /** From now on queries go by this plan. */
  | { readonly kind: 'plan'; readonly plan: number }
  /** On board until a host is attached again. */
  | { readonly kind: 'lost'; readonly error: Error };

export interface SharedAnswer {
  /** The network's results. */
  readonly outputs: NamedTensors;
  /** Index of the plan that answered; null: on board. */
  readonly plan: number | null;
  /** The layers that the host ran, and how long it computed [ms]. */
  readonly hostRanges: readonly LayerRange[];
  readonly hostMs: number;
}

interface Step {
  readonly range: LayerRange;
  readonly remote: boolean;
}

export class SharedNetwork {
  readonly #options: SharedNetworkOptions;
  readonly #local: LocalRanges;
  readonly #blobs: NetworkBlobs;
  readonly #inputSpecs: readonly TensorSpec[];
  #link: HostLink | null = null;
  /** Of the link. */
  #plans: readonly StagedPlan[] = [];
  #plan: number | null = null;
  #closed = false;
  /** Queries run one after the other. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: SharedNetworkOptions) {
    const { chain, open, maxTensors = 4 } = options;
    this.#options = options;
    this.#local = new LocalRanges(chain, open);
    this.#blobs = networkBlobs(chain, maxTensors);
    this.#inputSpecs = chain.model.inputs.map(({ name }) => chain.specs.get(name) ?? unmeasured(name));
  }

  /** Makes the whole network ready on board. */
  start(): Promise<void> {
    return this.#local.prepare([this.#whole()]);
  }

  /** Begins to upload to the host at the other end, in place of an earlier one. What `planFor` throws ends the connection. */
  attach(transport: Transport, planFor: PlanFor): void {
    this.detach();
    const { clock, deadlineSec = 5, onEvent } = this.#options;
    const link: HostLink = new HostLink(transport, this.#blobs, {
      clock,
      deadlineSec,
      planFor,
      onPlanned: (plans, bandwidthMbps) => {
        if (this.#link !== link) return;
        this.#plans = plans;
        onEvent?.({ kind: 'planned', plans: plans.length, bandwidthMbps });
      },
      onReady: (plan) => void this.#ready(link, plan),
      onLost: (error) => this.#drop(link, error),
    });
    this.#link = link;
  }

  /** Queries are answered on board from now on, also those under way. */
  detach(): void {
    const link = this.#link;
    this.#forget();
    link?.close();
  }

  /** Answers always, where the network runs on board at all. Rejects with OUT_MODEL_TENSOR for inputs that do not fit, OUT_ELASTIC_CLOSED. */
  infer(inputs: NamedTensors): Promise<SharedAnswer> {
    const answer = this.#tail.then(() => this.#infer(inputs));
    this.#tail = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.detach();
    await this.#tail;
    await this.#local.close();
  }

  async #infer(inputs: NamedTensors): Promise<SharedAnswer> {
    if (this.#closed) throw new OutriderError('OUT_ELASTIC_CLOSED', 'incremental offloading was closed');
    checkTensors(inputs, this.#inputSpecs, 'query');
    const plan = this.#plan;
    const link = this.#link;
    if (plan !== null && link !== null) {
      try {
        return { ...(await this.#run(this.#steps(plan), inputs, link)), plan };
      } catch (error) {
        // Whatever the host or the link did: the rover has the whole network.
        if (!isOutriderError(error)) throw error;
        this.#drop(link, error);
      }
    }
    return { ...(await this.#run([{ range: this.#whole(), remote: false }], inputs, null)), plan: null };
  }

  async #run(steps: readonly Step[], inputs: NamedTensors, link: HostLink | null): Promise<Omit<SharedAnswer, 'plan'>> {
    const { chain } = this.#options;
    const alive = new Map(inputs);
    const hostRanges: LayerRange[] = [];
    let hostMs = 0;
    for (const { range, remote } of steps) {
      const part = rangeOf(chain, range[0], range[1]);
      const given = new Map(part.inputs.map((name) => [name, alive.get(name) ?? unmeasured(name)]));
      let results: NamedTensors;
      if (remote && link !== null) {
        const answer = await link.query(range, given);
        hostRanges.push(range);
        hostMs += answer.computeMs;
        results = answer.tensors;
      } else {
        results = await this.#local.run(range, given);
        const heldSec = this.#options.holdBackSec?.(range) ?? 0;
        if (heldSec > 0) await this.#options.clock.sleep(heldSec);
      }
      // The shapes of the network's own results may depend on the query.
      const specs = part.outputs.flatMap((name) => (chain.model.outputs.includes(name) ? [] : [chain.specs.get(name) ?? unmeasured(name)]));
      checkTensors(results, specs, 'answer');
      for (const name of part.outputs) {
        const tensor = results.get(name);
        if (tensor === undefined) throw new OutriderError('OUT_MODEL_TENSOR', `answer: tensor ${name} is missing`);
        alive.set(name, tensor);
      }
    }
    return { outputs: new Map(chain.model.outputs.map((name) => [name, alive.get(name) ?? unmeasured(name)])), hostRanges, hostMs };
  }

  /** The plan's ranges at the host, and what lies between them on board. */
  #steps(plan: number): readonly Step[] {
    const steps: Step[] = [];
    let at = 0;
    for (const range of this.#plans[plan]?.ranges ?? []) {
      if (range[0] > at) steps.push({ range: [at, range[0]], remote: false });
      steps.push({ range, remote: true });
      at = range[1];
    }
    const end = this.#options.chain.segments.length;
    if (at < end) steps.push({ range: [at, end], remote: false });
    return steps;
  }

  #whole(): LayerRange {
    return [0, this.#options.chain.segments.length];
  }

  /** The rover's own parts must be ready, too, before queries go this way. */
  async #ready(link: HostLink, plan: number): Promise<void> {
    try {
      await this.#local.prepare(this.#steps(plan).flatMap(({ range, remote }) => (remote ? [] : [range])));
    } catch (error) {
      this.#drop(link, error as Error);
      return;
    }
    if (this.#link !== link || plan <= (this.#plan ?? -1)) return;
    this.#plan = plan;
    this.#options.onEvent?.({ kind: 'plan', plan });
  }

  #drop(link: HostLink, error: Error): void {
    if (this.#link !== link) return;
    this.#forget();
    link.close();
    this.#options.onEvent?.({ kind: 'lost', error });
  }

  #forget(): void {
    this.#link = null;
    this.#plan = null;
    this.#plans = [];
  }
}

function unmeasured(name: string): never {
  throw new OutriderError('OUT_INTERNAL', `the tensor ${name} is not there`);
}
