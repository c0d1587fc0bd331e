// What a rover sends of its network, in which order: the graph, then plan by plan the weights that are new to it (IONN, Jeong et al.,
// SoCC 2018, section 4.3), a few pieces ahead of what the host has confirmed, so that a query never waits behind a full buffer.
import { OutriderError } from '../../../shared/errors.ts';
import { encodeFrame, type Blob, type LayerRange, type OpenFrame } from '../../../shared/incremental/frames.ts';
import { CHUNK_BYTES } from '../../../shared/incremental/limits.ts';
import { largeWeights, sha256, toSkeleton } from '../../../shared/incremental/skeleton.ts';
import { rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import { contiguousRanges, type UploadPlan } from '../../../shared/partition/plan-uploads.ts';
import type { Transport } from '../../../shared/ports/transport.ts';

/** Everything to upload, made once per network. */
export interface PreparedUpload {
  readonly open: OpenFrame;
  readonly contents: readonly Uint8Array[];
  /** For each plan: its ranges, and how many blobs must have arrived, in order. */
  readonly plans: readonly { readonly ranges: readonly LayerRange[]; readonly blobs: number }[];
}

/** Default of what is under way and not confirmed: so long a query may wait behind weights [s]. */
const AHEAD_SEC = 0.05;

export function prepareUpload(chain: NetworkChain, plans: readonly UploadPlan[], maxTensors: number): PreparedUpload {
  const large = largeWeights(chain.model);
  const skeleton = toSkeleton(chain.model, large);
  const names: string[] = [];
  const staged = plans.map((plan) => {
    const ranges = contiguousRanges(plan.serverLayers);
    for (const [first, end] of ranges) {
      for (const name of rangeOf(chain, first, end).weights) if (large.has(name) && !names.includes(name)) names.push(name);
    }
    return { ranges, blobs: names.length + 1 };
  });
  const contents = [skeleton, ...names.map((name) => chain.model.initializers.get(name)?.rawData ?? new Uint8Array())];
  const blobs = contents.map((bytes, index): Blob => ({ name: names[index - 1] ?? '', bytes: bytes.byteLength, digest: sha256(bytes) }));
  const cuts = chain.cuts.slice(1, -1);
  const crossing = new Set(chain.cuts.slice(0, -1).flatMap((cut) => cut.tensors));
  const specs = [...chain.specs.values()].filter((spec) => crossing.has(spec.name));
  return { open: { kind: 'open', maxTensors, cuts: cuts.map((cut) => cut.position), specs, blobs }, contents, plans: staged };
}

/** Sends over one connection. The owner passes on what the host says. */
export class PlanUpload {
  readonly #transport: Transport;
  readonly #upload: PreparedUpload;
  readonly #aheadBytes: number;
  readonly #held = new Set<number>();
  #blob = 0;
  #offset = 0;
  #announced = 0;
  /** Sent and not confirmed, oldest first. */
  readonly #underWay: { readonly blob: number; readonly end: number; readonly bytes: number }[] = [];
  #underWayBytes = 0;
  #begun = false;

  constructor(transport: Transport, upload: PreparedUpload, options: { readonly bandwidthMbps: number }) {
    this.#transport = transport;
    this.#upload = upload;
    this.#aheadBytes = Math.max(2 * CHUNK_BYTES, (options.bandwidthMbps * 1e6 * AHEAD_SEC) / 8);
  }

  start(): void {
    this.#transport.send(encodeFrame(this.#upload.open));
  }

  get isDone(): boolean {
    return this.#blob >= this.#upload.contents.length;
  }

  /** The host's answer to open: what it has already. */
  onHave(blobs: readonly number[]): void {
    if (this.#begun) throw new OutriderError('OUT_MODEL_TRANSFER', 'the host said twice what it has');
    for (const blob of blobs) this.#held.add(blob);
    this.#begun = true;
    this.#pump();
  }

  onAck(blob: number, bytes: number): void {
    const oldest = this.#underWay.shift();
    if (oldest?.blob !== blob || oldest.end !== bytes) {
      throw new OutriderError('OUT_MODEL_TRANSFER', `the host confirmed ${bytes} bytes of blob ${blob}, which is not what was sent`);
    }
    this.#underWayBytes -= oldest.bytes;
    this.#pump();
  }

  onDrain(): void {
    if (this.#begun) this.#pump();
  }

  #pump(): void {
    const { contents, plans } = this.#upload;
    for (;;) {
      const content = contents[this.#blob];
      // A plan is announced as soon as the pieces before it are sent: the host prepares it when they have arrived.
      for (let plan = plans[this.#announced]; plan !== undefined && plan.blobs <= this.#blob; plan = plans[this.#announced]) {
        this.#transport.send(encodeFrame({ kind: 'plan', plan: this.#announced, ranges: plan.ranges }));
        this.#announced += 1;
      }
      if (content === undefined) return;
      if (this.#held.has(this.#blob)) {
        this.#blob += 1;
        continue;
      }
      if (this.#underWayBytes >= this.#aheadBytes) return;
      const bytes = content.subarray(this.#offset, this.#offset + CHUNK_BYTES);
      const room = this.#transport.send(encodeFrame({ kind: 'chunk', blob: this.#blob, offset: this.#offset, bytes }));
      this.#offset += bytes.byteLength;
      this.#underWay.push({ blob: this.#blob, end: this.#offset, bytes: bytes.byteLength });
      this.#underWayBytes += bytes.byteLength;
      if (this.#offset >= content.byteLength) {
        this.#blob += 1;
        this.#offset = 0;
      }
      if (!room) return;
    }
  }
}
