// Running requests on an instance, one at a time and in order: decode, call, encode, and the held-back time of a device model.
import { OutriderError, isOutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { InterfaceType } from './interface-type.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { encodeFailure } from './remote-error.ts';
import type { ShellChannel } from './shell-channel.ts';
import { decodeValues, encodeValues } from './value-codec.ts';
import { FRAME, MAX_VALUES_BYTES, encodeResultHeader, type RequestFrame } from './wire.ts';

/** A function of the manifest with its types in the shape that the codec takes. */
export interface BoundFunction {
  readonly name: string;
  readonly stateful: boolean;
  readonly parameterTypes: readonly InterfaceType[];
  readonly resultTypes: readonly InterfaceType[];
}

export function bindFunctions(manifest: ModuleManifest): readonly BoundFunction[] {
  return manifest.functions.map(({ name, stateful, parameters, result }) => ({
    name,
    stateful,
    parameterTypes: parameters.map((parameter) => parameter.type),
    resultTypes: result === null ? [] : [result],
  }));
}

/** Small results come from Node's pool: each ArrayBuffer of its own costs the garbage collector more than its bytes. */
const allocateResult = (sizeBytes: number): Uint8Array<ArrayBuffer> => Buffer.allocUnsafe(sizeBytes);

type Request = Omit<RequestFrame, 'ack' | 'deadlineMs'> & { readonly channel: ShellChannel; readonly expiresSec: number };

interface CallRunnerOptions {
  readonly manifest: ModuleManifest;
  readonly instance: ModuleInstance;
  readonly clock: Clock;
  readonly holdBackSec: ((functionName: string) => number) | undefined;
  /** After each call that took effect on the state. */
  readonly onEffect: () => void;
  readonly onTrap: (error: OutriderError) => void;
}

export class ShellCalls {
  readonly #options: CallRunnerOptions;
  readonly #functions: readonly BoundFunction[];
  #queue: (Request | (() => void))[] = [];
  #busy = false;
  #trapped = false;
  calls = 0;
  errors = 0;

  constructor(options: CallRunnerOptions) {
    this.#options = options;
    this.#functions = bindFunctions(options.manifest);
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Runs the request now if nothing is under way, else in its turn. Its arguments are copied only to wait. */
  request(channel: ShellChannel, frame: RequestFrame): void {
    if (frame.functionIndex >= this.#functions.length) {
      throw new OutriderError('OUT_WIRE_MALFORMED', `function ${frame.functionIndex} of ${this.#functions.length}`);
    }
    const expiresSec = frame.deadlineMs === 0 ? Number.POSITIVE_INFINITY : this.#options.clock.nowSec() + frame.deadlineMs / 1000;
    const { latest, functionIndex, number, args } = frame;
    if (!this.#busy && this.#queue.length === 0) {
      this.#run({ channel, latest, functionIndex, number, args, expiresSec });
      return;
    }
    channel.queuedCalls += 1;
    channel.queuedBytes += args.byteLength;
    this.#queue.push({ channel, latest, functionIndex, number, args: new Uint8Array(args), expiresSec });
  }

  /**
   * A call from no channel: the host's operator asks. It takes its turn among the others and is made at most once; encoded arguments and
   * result. Rejects with what the function threw, OUT_MODULE_VALUE, or OUT_ELASTIC_RETIRED after a trap.
   */
  invoke(functionName: string, args: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.inTurn(() => {
        const bound = this.#functions.find(({ name }) => name === functionName);
        try {
          if (this.#trapped) throw new OutriderError('OUT_ELASTIC_RETIRED', 'the instance has trapped');
          if (bound === undefined) throw new OutriderError('OUT_EDGE_UNKNOWN', `there is no function ${functionName}`);
          const encoded = this.#call(bound, args, () => undefined) ?? new Uint8Array(0);
          resolve(encoded);
          if (bound.stateful) this.#options.onEffect();
        } catch (error) {
          this.errors += 1;
          if (isOutriderError(error, 'OUT_MODULE_TRAP')) this.#trap(error);
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  /** Runs `job` between two calls, after what was asked before. */
  inTurn(job: () => void): void {
    if (!this.#busy && this.#queue.length === 0) job();
    else this.#queue.push(job);
  }

  /** Runs `job` as soon as no call is under way, before those that wait. */
  next(job: () => void): void {
    if (this.#busy) this.#queue.unshift(job);
    else job();
  }

  /** Forgets requests that wait: of one channel (it asks again), or all. */
  forget(channel: ShellChannel | null): void {
    this.#queue = this.#queue.filter((item) => {
      if (typeof item === 'function' || (channel !== null && item.channel !== channel)) return true;
      item.channel.queuedCalls -= 1;
      item.channel.queuedBytes -= item.args.byteLength;
      return false;
    });
  }

  #run(request: Request): void {
    if (this.#trapped) return;
    const { channel, number, latest } = request;
    const { parts, effect } = this.#answer(request);
    const send = (): void => {
      if (latest) channel.link?.send(...parts);
      else channel.answer(number, parts);
      // Only now: a checkpoint that holds the effect must hold the answer, or come after it.
      if (effect) this.#options.onEffect();
    };
    const holdSec = this.#options.holdBackSec?.(this.#functions[request.functionIndex]?.name ?? '') ?? 0;
    if (!(holdSec > 0)) {
      send();
      return;
    }
    this.#busy = true;
    this.#options.clock.after(holdSec, () => {
      this.#busy = false;
      send();
      this.#drain();
    });
  }

  #drain(): void {
    while (!this.#busy) {
      const item = this.#queue.shift();
      if (item === undefined) return;
      if (typeof item === 'function') {
        item();
        continue;
      }
      item.channel.queuedCalls -= 1;
      item.channel.queuedBytes -= item.args.byteLength;
      if (item.number > item.channel.processed) this.#run(item);
    }
  }

  /** Makes the call take effect and returns its answer's frame. */
  #answer({ channel, number, functionIndex, args, expiresSec }: Request): {
    readonly parts: readonly Uint8Array[];
    readonly effect: boolean;
  } {
    channel.processed = number;
    const bound = this.#functions[functionIndex] as BoundFunction;
    let begun = false;
    try {
      if (channel.cancelled.delete(number)) throw new OutriderError('OUT_ELASTIC_CANCELLED', `${bound.name} was cancelled before it began`);
      if (this.#options.clock.nowSec() > expiresSec) {
        throw new OutriderError('OUT_ELASTIC_DEADLINE', `${bound.name} had not begun at its deadline`);
      }
      const encoded = this.#call(bound, args, () => (begun = true));
      const header = encodeResultHeader(number);
      return { parts: encoded === null ? [header] : [header, encoded], effect: bound.stateful };
    } catch (error) {
      this.errors += 1;
      const trapped = isOutriderError(error, 'OUT_MODULE_TRAP');
      // After a trap the instance is thrown away and an older state restored: this call is not in it and must not be made again.
      if (trapped) this.#trap(error);
      const parts = [encodeFailure(FRAME.failure, number, error, trapped || !begun)];
      return { parts, effect: begun && bound.stateful && !trapped };
    }
  }

  /** Decodes, calls and encodes; null for a function without result. `onBegun`: from here it may have taken effect. */
  #call(bound: BoundFunction, args: Uint8Array, onBegun: () => void): Uint8Array | null {
    const { instance } = this.#options;
    // A Wasm guest copies its arguments into its own memory, so views of the frame will do; a native one may keep them.
    const values = decodeValues(bound.parameterTypes, args, { viewsAllowed: instance.build === 'wasm' });
    onBegun();
    this.calls += 1;
    const result = instance.call(bound.name, values);
    const encoded = bound.resultTypes.length === 0 ? null : encodeValues(bound.resultTypes, [result], allocateResult);
    if (encoded !== null && encoded.byteLength > MAX_VALUES_BYTES) {
      throw new OutriderError(
        'OUT_WIRE_LIMIT',
        `${bound.name} returned ${encoded.byteLength} bytes, at most ${MAX_VALUES_BYTES} are allowed`,
      );
    }
    return encoded;
  }

  #trap(error: OutriderError): void {
    this.#trapped = true;
    queueMicrotask(() => this.#options.onTrap(error));
  }
}
