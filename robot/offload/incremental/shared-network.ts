// A network shared between rover and host while its weights are still on their way: every query is answered, by the newest plan that is
// ready at both ends, on board where there is none or the link is lost (IONN, Jeong et al., SoCC 2018).
import { isOutriderError, OutriderError } from '../../../shared/errors.ts';
import type { LayerRange } from '../../../shared/incremental/frames.ts';
import { rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import type { OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import { checkTensors, type NamedTensors, type TensorSpec } from '../../../shared/onnx/tensor.ts';
import type { UploadPlan } from '../../../shared/partition/plan-uploads.ts';
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { HostLink } from './host-link.ts';
import { LocalRanges } from './local-ranges.ts';
import { prepareUpload, type PreparedUpload } from './plan-upload.ts';

export interface SharedNetworkOptions {
  readonly chain: NetworkChain;
  /** Of `planUploads`, for this chain. */
  readonly plans: readonly UploadPlan[];
  readonly bandwidthMbps: number;
  /** Makes a connection to the host; called again after one is lost. */
  readonly connect: (signal: AbortSignal) => Promise<Transport>;
  readonly clock: Clock;
  readonly open: OpenNetwork;
  /** Tensors that may cross a cut; as the chain was made with. Default 4. */
  readonly maxTensors?: number;
  /** A query that waits longer for the host is answered on board [s]. Default 5. */
  readonly deadlineSec?: number;
  /** Pause before the next attempt to connect [s]. Default 2. */
  readonly retrySec?: number;
  /** For logs and tests. */
  readonly onEvent?: (event: SharedNetworkEvent) => void;
}

export type SharedNetworkEvent =
  | { readonly kind: 'connected' }
  /** From now on queries go by this plan. */
  | { readonly kind: 'plan'; readonly plan: number }
  /** On board until the next connection. */
  | { readonly kind: 'lost'; readonly error: Error };

export interface SharedAnswer {
  /** The network's results. */
  readonly outputs: NamedTensors;
  /** Index of the plan that answered; null: on board. */
  readonly plan: number | null;
}

interface Step {
  readonly range: LayerRange;
  readonly remote: boolean;
}

export class SharedNetwork {
  readonly #options: SharedNetworkOptions;
  readonly #local: LocalRanges;
  readonly #upload: PreparedUpload;
  readonly #inputSpecs: readonly TensorSpec[];
  readonly #abort = new AbortController();
  #link: HostLink | null = null;
  #plan: number | null = null;
  #retry: Timer | null = null;
  /** Queries run one after the other. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: SharedNetworkOptions) {
    const { chain, plans, open, maxTensors = 4 } = options;
    this.#options = options;
    this.#local = new LocalRanges(chain, open);
    this.#upload = prepareUpload(chain, plans, maxTensors);
    this.#inputSpecs = chain.model.inputs.map(({ name }) => chain.specs.get(name) ?? unmeasured(name));
  }

  /** Makes the whole network ready on board, then begins to upload in the background. */
  async start(): Promise<void> {
    await this.#local.prepare([this.#whole()]);
    if (this.#upload.plans.length > 0) void this.#connect();
  }

  /** Answers always, where the network runs on board at all. Rejects with OUT_MODEL_TENSOR for inputs that do not fit, OUT_ELASTIC_CLOSED. */
  infer(inputs: NamedTensors): Promise<SharedAnswer> {
    const answer = this.#tail.then(() => this.#infer(inputs));
    this.#tail = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#abort.abort(new OutriderError('OUT_ELASTIC_CLOSED', 'incremental offloading was closed'));
    this.#retry?.stop();
    this.#link?.close();
    await this.#tail;
    await this.#local.close();
  }

  async #infer(inputs: NamedTensors): Promise<SharedAnswer> {
    this.#abort.signal.throwIfAborted();
    checkTensors(inputs, this.#inputSpecs, 'query');
    const plan = this.#plan;
    const link = this.#link;
    if (plan !== null && link !== null) {
      try {
        return { outputs: await this.#run(this.#steps(plan), inputs, link), plan };
      } catch (error) {
        // Whatever the host or the link did: the rover has the whole network.
        if (!isOutriderError(error)) throw error;
        if (this.#link === link) this.#drop(link, error);
      }
    }
    return { outputs: await this.#run([{ range: this.#whole(), remote: false }], inputs, null), plan: null };
  }

  async #run(steps: readonly Step[], inputs: NamedTensors, link: HostLink | null): Promise<NamedTensors> {
    const { chain } = this.#options;
    const alive = new Map(inputs);
    for (const { range, remote } of steps) {
      const part = rangeOf(chain, range[0], range[1]);
      const given = new Map(part.inputs.map((name) => [name, alive.get(name) ?? unmeasured(name)]));
      const results = remote && link !== null ? (await link.query(range, given)).tensors : await this.#local.run(range, given);
      const specs = part.outputs.flatMap((name) => (chain.model.outputs.includes(name) ? [] : [chain.specs.get(name) ?? unmeasured(name)]));
      checkTensors(results, specs, 'answer');
      for (const name of part.outputs) {
        const tensor = results.get(name);
        if (tensor === undefined) throw new OutriderError('OUT_MODEL_TENSOR', `answer: tensor ${name} is missing`);
        alive.set(name, tensor);
      }
    }
    return new Map(chain.model.outputs.map((name) => [name, alive.get(name) ?? unmeasured(name)]));
  }

  /** The plan's ranges at the host, and what lies between them on board. */
  #steps(plan: number): readonly Step[] {
    const steps: Step[] = [];
    let at = 0;
    for (const range of this.#upload.plans[plan]?.ranges ?? []) {
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

  async #connect(): Promise<void> {
    const { connect, clock, bandwidthMbps, deadlineSec = 5, onEvent } = this.#options;
    const { signal } = this.#abort;
    try {
      const transport = await connect(signal);
      if (signal.aborted) {
        transport.close();
        return;
      }
      const link: HostLink = new HostLink(transport, this.#upload, {
        clock,
        bandwidthMbps,
        deadlineSec,
        onReady: (plan) => void this.#ready(link, plan),
        onLost: (error) => {
          if (this.#link === link) this.#drop(link, error);
        },
      });
      this.#link = link;
      onEvent?.({ kind: 'connected' });
    } catch {
      this.#again();
    }
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
    this.#link = null;
    this.#plan = null;
    link.close();
    if (this.#abort.signal.aborted) return;
    this.#options.onEvent?.({ kind: 'lost', error });
    this.#again();
  }

  #again(): void {
    if (this.#abort.signal.aborted) return;
    this.#retry = this.#options.clock.after(this.#options.retrySec ?? 2, () => void this.#connect());
  }
}

function unmeasured(name: string): never {
  throw new OutriderError('OUT_INTERNAL', `the tensor ${name} is not there`);
}
