// What a rover sends of its network, in which order: the graph, which also measures the link, then plan by plan the weights that the host
// lacks (IONN, Jeong et al., SoCC 2018, section 4.3), a few pieces ahead of what it has confirmed, so that no query waits behind a full buffer.
import { OutriderError } from '../../../shared/errors.ts';
import { encodeFrame, type Blob, type LayerRange, type OpenFrame } from '../../../shared/incremental/frames.ts';
import { CHUNK_BYTES } from '../../../shared/incremental/limits.ts';
import { largeWeights, sha256, toSkeleton } from '../../../shared/incremental/skeleton.ts';
import { rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import { bytesPerMs } from '../../../shared/partition/edge-costs.ts';
import { contiguousRanges, type UploadPlan } from '../../../shared/partition/plan-uploads.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';

/** Everything that could be uploaded of a network, made once. */
export interface NetworkBlobs {
  readonly chain: NetworkChain;
  readonly open: OpenFrame;
  /** The graph without its large weights, then these. */
  readonly contents: readonly Uint8Array[];
  /** Index of each large weight. */
  readonly indexOf: ReadonlyMap<string, number>;
}

/** A plan by the ranges that the host runs. */
export interface StagedPlan {
  readonly ranges: readonly LayerRange[];
  /** So many blobs of the order must have arrived. */
  readonly blobs: number;
}

/** What the partitioner is asked with once the graph has gone over the link: its measured bandwidth, in the partitioner's megabits. */
export type PlanFor = (bandwidthMbps: number) => readonly UploadPlan[];

export interface PlanUploadOptions {
  readonly clock: Clock;
  readonly planFor: PlanFor;
  readonly onPlanned: (plans: readonly StagedPlan[], bandwidthMbps: number) => void;
}

/** What is under way and not confirmed: so long a query may wait behind weights [s]. */
const AHEAD_SEC = 0.05;
/** Weights that measure the link, before the plans are made [bytes]: at 10 Mbit/s 0.1 s, in which an odd delay does not count for much. */
const PROBE_BYTES = 128 * 1024;
/** What is measured with less is worth less than what the graph's own transfer said [bytes]. */
const LEAST_PROBE_BYTES = 64 * 1024;
/** The bandwidth is at most so many times what the graph's transfer, round trip included, came to. */
const MAX_CORRECTION = 4;

export function networkBlobs(chain: NetworkChain, maxTensors: number): NetworkBlobs {
  const large = largeWeights(chain.model);
  const names = [...new Set(chain.segments.flatMap(({ part }) => part.weights))].filter((name) => large.has(name));
  const weights = names.map((name) => chain.model.initializers.get(name)?.rawData ?? new Uint8Array());
  const contents = [toSkeleton(chain.model, large), ...weights];
  const blobs = contents.map((bytes, index): Blob => ({ name: names[index - 1] ?? '', bytes: bytes.byteLength, digest: sha256(bytes) }));
  const cuts = chain.cuts.slice(1, -1);
  const crossing = new Set(chain.cuts.slice(0, -1).flatMap((cut) => cut.tensors));
  const specs = [...chain.specs.values()].filter((spec) => crossing.has(spec.name));
  const open: OpenFrame = { kind: 'open', maxTensors, cuts: cuts.map((cut) => cut.position), specs, blobs };
  return { chain, open, contents, indexOf: new Map(names.map((name, index) => [name, index + 1])) };
}

/** Sends over one connection. The owner passes on what the host says. */
export class PlanUpload {
  readonly #transport: Transport;
  readonly #network: NetworkBlobs;
  readonly #options: PlanUploadOptions;
  readonly #openBytes: number;
  readonly #held = new Set<number>();
  /** Blobs in the order of their upload. */
  readonly #order: number[] = [0];
  /** Null while the link is measured. */
  #plans: readonly StagedPlan[] | null = null;
  #aheadBytes = Number.POSITIVE_INFINITY;
  #openedSec = 0;
  /** When the graph began to travel; null before the host has answered. */
  #begunSec: number | null = null;
  /** What the graph's transfer says of the link [bytes/ms]; null while it travels. */
  #graphSpeed: { readonly most: number; readonly likely: number } | null = null;
  /** Since the first piece of weights was confirmed: when, and bytes. */
  #probe: { readonly sinceSec: number; bytes: number } | null = null;
  /** Place in the order, and in the blob there. */
  #at = 0;
  #offset = 0;
  #announced = 0;
  /** Sent and not confirmed, oldest first. */
  readonly #underWay: { readonly blob: number; readonly end: number; readonly bytes: number }[] = [];
  #underWayBytes = 0;

  constructor(transport: Transport, network: NetworkBlobs, options: PlanUploadOptions) {
    this.#transport = transport;
    this.#network = network;
    this.#options = options;
    this.#openBytes = encodeFrame(network.open).reduce((sum, part) => sum + part.byteLength, 0);
  }

  start(): void {
    this.#openedSec = this.#options.clock.nowSec();
    this.#transport.send(encodeFrame(this.#network.open));
  }

  /** The host's answer to open: what it has already. The graph is not among it: the link is measured by it. */
  onHave(blobs: readonly number[]): void {
    if (this.#begunSec !== null) throw new OutriderError('OUT_MODEL_TRANSFER', 'the host said twice what it has');
    this.#begunSec = this.#options.clock.nowSec();
    for (const blob of blobs) if (blob !== 0) this.#held.add(blob);
    this.#pump();
  }

  onAck(blob: number, bytes: number): void {
    const oldest = this.#underWay.shift();
    if (oldest?.blob !== blob || oldest.end !== bytes) {
      throw new OutriderError('OUT_MODEL_TRANSFER', `the host confirmed ${bytes} bytes of blob ${blob}, which is not what was sent`);
    }
    this.#underWayBytes -= oldest.bytes;
    if (blob !== 0) {
      if (this.#probe === null) this.#probe = { sinceSec: this.#options.clock.nowSec(), bytes: 0 };
      else this.#probe.bytes += oldest.bytes;
    } else if (bytes === this.#network.contents[0]?.byteLength) this.#begin();
    this.#pump();
    if (this.#plans === null && this.#graphSpeed !== null && this.#probed) this.#plan();
  }

  onDrain(): void {
    if (this.#begunSec !== null) this.#pump();
  }

  /** The graph has arrived: what would go up first over the best link that this may be measures it. */
  #begin(): void {
    const speed = this.#speedOfGraph();
    this.#graphSpeed = speed;
    this.#stage(speed.most);
  }

  /** Enough has gone up, or nothing is left to. */
  get #probed(): boolean {
    const { bytes } = this.#probe ?? { bytes: 0 };
    return bytes >= PROBE_BYTES || (this.#at >= this.#order.length && this.#underWay.length === 0);
  }

  /** How fast the link is decides what goes up next; what is up, or on its way, stays. */
  #plan(): void {
    const { sinceSec, bytes } = this.#probe ?? { sinceSec: 0, bytes: 0 };
    const tookMs = (this.#options.clock.nowSec() - sinceSec) * 1000;
    const speed = bytes >= LEAST_PROBE_BYTES && tookMs > 0 ? bytes / tookMs : (this.#graphSpeed?.likely ?? 0);
    this.#order.length = Math.min(this.#order.length, this.#at + (this.#offset > 0 ? 1 : 0));
    this.#plans = this.#stage(speed);
    this.#options.onPlanned(this.#plans, speed / bytesPerMs(1));
    this.#pump();
  }

  /** Puts the blobs of the plans for this speed [bytes/ms] into the order. */
  #stage(speed: number): readonly StagedPlan[] {
    this.#aheadBytes = Math.max(2 * CHUNK_BYTES, speed * AHEAD_SEC * 1000);
    const { chain, indexOf } = this.#network;
    return this.#options.planFor(speed / bytesPerMs(1)).map(({ serverLayers }) => {
      const ranges = contiguousRanges(serverLayers);
      for (const name of ranges.flatMap(([first, end]) => rangeOf(chain, first, end).weights)) {
        const blob = indexOf.get(name);
        if (blob !== undefined && !this.#order.includes(blob)) this.#order.push(blob);
      }
      return { ranges, blobs: this.#order.length };
    });
  }

  /** By what the graph took longer than the opening frame for its additional bytes: so the round trip does not count. */
  #speedOfGraph(): { readonly most: number; readonly likely: number } {
    const begunSec = this.#begunSec ?? 0;
    const bytes = this.#network.contents[0]?.byteLength ?? 0;
    const tookMs = Math.max((this.#options.clock.nowSec() - begunSec) * 1000, 0.01);
    const longerMs = tookMs - (begunSec - this.#openedSec) * 1000;
    const least = bytes / tookMs;
    const most = MAX_CORRECTION * least;
    const measured = bytes > this.#openBytes ? (longerMs > 0 ? (bytes - this.#openBytes) / longerMs : most) : least;
    return { most, likely: Math.min(most, Math.max(least, measured)) };
  }

  #pump(): void {
    const { contents } = this.#network;
    for (;;) {
      // A plan is announced as soon as the pieces before it are sent: the host prepares it when they have arrived.
      const plans = this.#plans ?? [];
      for (let plan = plans[this.#announced]; plan !== undefined && plan.blobs <= this.#at; plan = plans[this.#announced]) {
        this.#transport.send(encodeFrame({ kind: 'plan', plan: this.#announced, ranges: plan.ranges }));
        this.#announced += 1;
      }
      const blob = this.#order[this.#at];
      const content = contents[blob ?? -1];
      if (blob === undefined || content === undefined) return;
      if (this.#held.has(blob)) {
        this.#at += 1;
        continue;
      }
      if (this.#underWayBytes >= this.#aheadBytes) return;
      const bytes = content.subarray(this.#offset, this.#offset + CHUNK_BYTES);
      const room = this.#transport.send(encodeFrame({ kind: 'chunk', blob, offset: this.#offset, bytes }));
      this.#offset += bytes.byteLength;
      this.#underWay.push({ blob, end: this.#offset, bytes: bytes.byteLength });
      this.#underWayBytes += bytes.byteLength;
      if (this.#offset >= content.byteLength) {
        this.#at += 1;
        this.#offset = 0;
      }
      if (!room) return;
    }
  }
}
