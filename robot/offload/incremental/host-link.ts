// One connection to a host that runs a part of the network: uploads go on by themselves, queries get answers or an error, in time.
import { isErrorCode, OutriderError } from '../../../shared/errors.ts';
import { decodeHostFrame, encodeFrame, type HostFrame, type LayerRange } from '../../../shared/incremental/frames.ts';
import { copyTensors } from '../../../shared/incremental/tensor-codec.ts';
import type { NamedTensors } from '../../../shared/onnx/tensor.ts';
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { PlanUpload, type NetworkBlobs, type PlanUploadOptions } from './plan-upload.ts';

export interface HostLinkOptions extends PlanUploadOptions {
  readonly clock: Clock;
  /** A query without an answer for so long ends the connection [s]. */
  readonly deadlineSec: number;
  /** The host has made this plan ready. */
  readonly onReady: (plan: number) => void;
  /** The connection is over; every query under way has been rejected. */
  readonly onLost: (error: Error) => void;
}

export interface RemoteAnswer {
  readonly tensors: NamedTensors;
  /** Time that the host computed [ms]. */
  readonly computeMs: number;
}

interface Waiting {
  readonly resolve: (answer: RemoteAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

export class HostLink {
  readonly #transport: Transport;
  readonly #options: HostLinkOptions;
  readonly #upload: PlanUpload;
  #plans = 0;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #lost: Error | null = null;

  constructor(transport: Transport, network: NetworkBlobs, options: HostLinkOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#upload = new PlanUpload(transport, network, {
      ...options,
      onPlanned: (plans, bandwidthMbps) => {
        this.#plans = plans.length;
        options.onPlanned(plans, bandwidthMbps);
      },
    });
    transport.onFrame = (bytes) => {
      if (this.#lost !== null) return;
      try {
        this.#receive(decodeHostFrame(bytes));
      } catch (error) {
        this.#end(error as Error);
      }
    };
    transport.onDrain = () => this.#upload.onDrain();
    transport.onClose = (error) => this.#end(new OutriderError('OUT_ELASTIC_LOST', error?.message ?? 'the host closed the connection'));
    this.#upload.start();
  }

  /** Rejects with the host's own code, or with OUT_ELASTIC_LOST, OUT_ELASTIC_DEADLINE when the connection is over. */
  query(range: LayerRange, tensors: NamedTensors): Promise<RemoteAnswer> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    const { clock, deadlineSec } = this.#options;
    const id = this.#nextId;
    this.#nextId = (id + 1) % 2 ** 31;
    return new Promise((resolve, reject) => {
      const timer = clock.after(deadlineSec, () =>
        this.#end(new OutriderError('OUT_ELASTIC_DEADLINE', `the host did not answer a query within ${deadlineSec} s`)),
      );
      this.#waiting.set(id, { resolve, reject, timer });
      this.#transport.send(encodeFrame({ kind: 'query', id, range, tensors }));
    });
  }

  close(): void {
    this.#end(new OutriderError('OUT_ELASTIC_CLOSED', 'incremental offloading was closed'));
  }

  #receive(frame: HostFrame): void {
    switch (frame.kind) {
      case 'have':
        this.#upload.onHave(frame.blobs);
        break;
      case 'ack':
        this.#upload.onAck(frame.blob, frame.bytes);
        break;
      case 'ready':
        if (frame.plan >= this.#plans)
          throw new OutriderError('OUT_MODEL_TRANSFER', `the host made plan ${frame.plan} of ${this.#plans} ready`);
        this.#options.onReady(frame.plan);
        break;
      case 'result':
        this.#take(frame.id)?.resolve({ tensors: copyTensors(frame.tensors), computeMs: frame.computeMs });
        break;
      case 'failed': {
        const error = new OutriderError(isErrorCode(frame.code) ? frame.code : 'OUT_ELASTIC_REMOTE', `the host: ${frame.message}`);
        if (frame.id === null) this.#end(error);
        else this.#take(frame.id)?.reject(error);
        break;
      }
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.stop();
    return waiting;
  }

  #end(error: Error): void {
    if (this.#lost !== null) return;
    this.#lost = error;
    this.#transport.close(error);
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(error);
    this.#options.onLost(error);
  }
}
