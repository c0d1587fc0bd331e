// One rover's connection for incremental offloading, at the host: takes the network piece by piece and answers queries for what is ready.
import { OutriderError } from '../../../shared/errors.ts';
import {
  decodeRoverFrame,
  encodeFrame,
  type HostFrame,
  type LayerRange,
  type OpenFrame,
  type RoverFrame,
} from '../../../shared/incremental/frames.ts';
import { MAX_PLANS, MAX_WAITING_QUERIES } from '../../../shared/incremental/limits.ts';
import { copyTensors } from '../../../shared/incremental/tensor-codec.ts';
import type { OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { BlobArrivals } from './blob-arrivals.ts';
import { HostedNetwork } from './hosted-network.ts';
import type { WeightStore } from './weight-store.ts';

export interface ServeOptions {
  readonly clock: Clock;
  readonly open: OpenNetwork;
  /** Shared by all connections of a host. */
  readonly store: WeightStore;
  readonly onError?: (error: Error) => void;
  /** A query was answered, or failed. */
  readonly onAnswered?: (failed: boolean) => void;
  /** The connection is over. */
  readonly onClosed?: () => void;
  /** Extra time [s] to hold a result back, by the share of the network that was run: the device model of a simulated host. */
  readonly holdBackSec?: (share: number) => number;
}

interface PendingPlan {
  readonly plan: number;
  readonly ranges: readonly LayerRange[];
  readonly needs: readonly number[];
}

/** Serves until the connection ends. A rover that breaks the rules gets a FAILED frame with the code and is cut off. */
export function serveNetwork(transport: Transport, options: ServeOptions): void {
  new NetworkConnection(transport, options).start();
}

class NetworkConnection {
  readonly #transport: Transport;
  readonly #options: ServeOptions;
  #opened: OpenFrame | null = null;
  #arrivals: BlobArrivals | null = null;
  #network: HostedNetwork | null = null;
  /** Plans that came before the skeleton, and plans whose weights are on the way. */
  #early: { readonly plan: number; readonly ranges: readonly LayerRange[] }[] = [];
  #pending: PendingPlan[] = [];
  #plans = 0;
  #waiting = 0;
  #closed = false;
  /** Work is done one after the other: the runtime computes on this thread anyway. */
  #tail: Promise<void> = Promise.resolve();

  constructor(transport: Transport, options: ServeOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  start(): void {
    this.#transport.onClose = () => this.#end();
    this.#transport.onFrame = (bytes) => {
      if (this.#closed) return;
      try {
        this.#receive(decodeRoverFrame(bytes));
      } catch (error) {
        this.#fail(error);
      }
    };
  }

  #receive(frame: RoverFrame): void {
    if (frame.kind === 'open') {
      this.#begin(frame);
      return;
    }
    const arrivals = this.#arrivals;
    if (arrivals === null) throw new OutriderError('OUT_WIRE_MALFORMED', `${frame.kind} came before open`);
    switch (frame.kind) {
      case 'chunk': {
        const whole = arrivals.append(frame.blob, frame.offset, frame.bytes);
        this.#send({ kind: 'ack', blob: frame.blob, bytes: frame.offset + frame.bytes.byteLength });
        if (whole) this.#progress();
        break;
      }
      case 'plan':
        this.#plans += 1;
        if (this.#plans > MAX_PLANS) throw new OutriderError('OUT_WIRE_LIMIT', `more than ${MAX_PLANS} plans`);
        this.#early.push({ plan: frame.plan, ranges: frame.ranges });
        this.#progress();
        break;
      case 'query':
        this.#answer(frame.id, frame.range, frame.tensors);
        break;
    }
  }

  #begin(frame: OpenFrame): void {
    if (this.#opened !== null) throw new OutriderError('OUT_WIRE_MALFORMED', 'open came twice');
    this.#opened = frame;
    this.#arrivals = new BlobArrivals(frame.blobs, this.#options.store);
    this.#send({ kind: 'have', blobs: this.#arrivals.held });
    this.#progress();
  }

  /** Makes whatever has become possible. */
  #progress(): void {
    const arrivals = this.#arrivals;
    const skeleton = arrivals?.get(0) ?? null;
    if (arrivals === null || skeleton === null || this.#opened === null) return;
    this.#network ??= new HostedNetwork(this.#opened, skeleton, this.#options.open);
    const network = this.#network;
    for (const { plan, ranges } of this.#early) this.#pending.push({ plan, ranges, needs: network.needs(ranges) });
    this.#early = [];
    const ready = this.#pending.filter(({ needs }) => needs.every((blob) => arrivals.get(blob) !== null));
    this.#pending = this.#pending.filter((plan) => !ready.includes(plan));
    for (const { plan, ranges } of ready) {
      this.#then(async () => {
        await network.prepare(ranges, (blob) => arrivals.get(blob));
        this.#send({ kind: 'ready', plan });
      });
    }
  }

  #answer(id: number, range: LayerRange, views: Parameters<typeof copyTensors>[0]): void {
    const network = this.#network;
    if (network === null) throw new OutriderError('OUT_MODEL_TRANSFER', 'a query came before the graph');
    if (this.#waiting >= MAX_WAITING_QUERIES) {
      const message = `${this.#waiting} queries wait already, at most ${MAX_WAITING_QUERIES} may`;
      this.#send({ kind: 'failed', id, code: 'OUT_ELASTIC_OVERLOADED', message });
      return;
    }
    const tensors = copyTensors(views);
    this.#waiting += 1;
    this.#then(async () => {
      this.#waiting -= 1;
      const { clock } = this.#options;
      const startedSec = clock.nowSec();
      try {
        const results = await network.run(range, tensors);
        const heldSec = this.#options.holdBackSec?.(network.shareOf(range)) ?? 0;
        if (heldSec > 0) await clock.sleep(heldSec);
        this.#options.onAnswered?.(false);
        this.#send({ kind: 'result', id, computeMs: (clock.nowSec() - startedSec) * 1000, tensors: results });
      } catch (error) {
        this.#options.onAnswered?.(true);
        this.#send({ kind: 'failed', id, ...describe(error) });
      }
    });
  }

  /** After what is under way; a failure ends the connection. */
  #then(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(() => (this.#closed ? undefined : work())).catch((error: unknown) => this.#fail(error));
  }

  #send(frame: HostFrame): void {
    if (!this.#closed) this.#transport.send(encodeFrame(frame));
  }

  #fail(error: unknown): void {
    this.#options.onError?.(error as Error);
    this.#send({ kind: 'failed', id: null, ...describe(error) });
    this.#transport.close(error as Error);
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.onClosed?.();
    this.#tail = this.#tail.then(() => this.#network?.close()).catch((error: unknown) => this.#options.onError?.(error as Error));
  }
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof OutriderError) return { code: error.code, message: error.message };
  return { code: 'OUT_INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
