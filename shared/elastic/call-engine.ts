// The calls of a fixed end: numbers them, runs them where the module is now, holds them while it moves, makes them again after a loss.
import { OutriderError, isOutriderError, type ErrorCode } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { BufferPool } from './buffer-pool.ts';
import type { CallOptions } from './call-options.ts';
import { CallStats } from './call-stats.ts';
import { WINDOW_BYTES, WINDOW_CALLS } from './limits.ts';
import { isLocalRunner, type LocalRunner } from './local-runner.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { Outbox, type Call } from './outbox.ts';
import type { Session } from './session.ts';
import { bindFunctions, type BoundFunction } from './shell-calls.ts';
import { decodeValues, encodeValues } from './value-codec.ts';
import { MAX_VALUES_BYTES, encodeRequestHeader } from './wire.ts';

interface CallEngineOptions {
  readonly manifest: ModuleManifest;
  readonly clock: Clock;
  readonly latest: ReadonlySet<string>;
  readonly defaultDeadlineMs: number | undefined;
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly holdBackSec: ((functionName: string) => number) | undefined;
  /** An on-board instance trapped: it must be replaced. */
  readonly onLocalTrap: (error: OutriderError) => void;
}

type Place =
  | { readonly kind: 'held' | 'closed' }
  | { readonly kind: 'inline'; readonly instance: ModuleInstance }
  | { readonly kind: 'runner'; readonly runner: LocalRunner }
  | { readonly kind: 'session'; readonly session: Session };

/** Results received without an acknowledgement riding on a request, before one is sent alone [count, bytes]. */
const ACK_EVERY_RESULTS = 64;
const ACK_EVERY_BYTES = 1024 * 1024;
const MAX_DEADLINE_MS = 0xffff_ffff;

export class CallEngine {
  readonly stats = new CallStats();
  readonly #options: CallEngineOptions;
  readonly #functions: readonly BoundFunction[];
  /** On board, a shared module's effects are provisional: they are made again when a shared instance takes over. */
  readonly #provisional: boolean;
  readonly #buffers = new BufferPool();
  readonly #outbox = new Outbox((call) => this.#removed(call));
  /** Calls that no instance has got yet, in order. */
  #unsent: Call[] = [];
  /** Per function, the newest `latest` call behind the one that is queued or under way. */
  readonly #latestWaiting = new Map<number, Call>();
  readonly #latestActive = new Set<number>();
  #place: Place = { kind: 'held' };
  #nextNumber = 1;
  #localProcessed = 0;
  #localBusy = false;
  #whenLocalIdle: (() => void)[] = [];
  #received = 0;
  #safe = 0;
  #unackedResults = 0;
  #unackedBytes = 0;
  #inFlightCalls = 0;
  #inFlightBytes = 0;
  #askedDurable = false;

  constructor(options: CallEngineOptions) {
    this.#options = options;
    this.#functions = bindFunctions(options.manifest);
    this.#provisional = options.manifest.sharing === 'shared';
  }

  /** Last number whose effect is in the on-board instance. */
  get localProcessed(): number {
    return this.#localProcessed;
  }

  /** Whether a call is under way on board, so that its effect may be in the state or not. */
  get localBusy(): boolean {
    return this.#localBusy;
  }

  /** All results up to here have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Effects up to here cannot be made again: their calls are forgotten. */
  get safe(): number {
    return this.#safe;
  }

  get pending(): number {
    return this.#outbox.open.calls + this.#latestWaiting.size;
  }

  get outbox(): { readonly calls: number; readonly bytes: number } {
    const { open, kept } = this.#outbox;
    return { calls: open.calls + kept.calls, bytes: open.bytes + kept.bytes };
  }

  call(index: number, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    const fn = this.#functions[index] as BoundFunction;
    const place = this.#place;
    if (place.kind === 'inline' && options === undefined && this.#isDirect(fn)) {
      try {
        return Promise.resolve(this.#callInline(place.instance, fn, args));
      } catch (error) {
        return Promise.reject(this.#localFailure(error));
      }
    }
    return this.#enqueue(index, fn, args, options);
  }

  /** Stops giving calls to an instance; resolves when none is under way on board. Answers from the edge still arrive. */
  hold(): Promise<void> {
    if (this.#place.kind !== 'closed') this.#place = { kind: 'held' };
    if (!this.#localBusy) return Promise.resolve();
    return new Promise((resolve) => this.#whenLocalIdle.push(resolve));
  }

  /** Runs calls on board, whose state holds effects up to `processed`; later ones are made again. Returns how many. */
  runLocally(local: ModuleInstance | LocalRunner, processed: number): number {
    this.#localProcessed = processed;
    const replayed = this.#requeue(processed, false);
    this.#place = isLocalRunner(local) ? { kind: 'runner', runner: local } : { kind: 'inline', instance: local };
    this.#pump();
    return replayed;
  }

  /** Runs calls over a new session, whose instance's state holds effects up to `processed`. Returns how many are made again. */
  runRemotely(session: Session, processed: number): number {
    const replayed = this.#requeue(processed, true);
    this.#place = { kind: 'session', session };
    this.#pump();
    return replayed;
  }

  /** Goes on over the session that was held: nothing happened in between. */
  continueRemotely(session: Session): void {
    this.#place = { kind: 'session', session };
    this.#pump();
  }

  onResult(number: number, value: Uint8Array): void {
    const call = this.#arrived(number, value.byteLength);
    if (call === null) return;
    if (!call.answered) {
      try {
        const [result] = decodeValues(call.fn.resultTypes, value);
        this.#settle(call, 'edge', () => call.resolve(result));
      } catch (error) {
        this.#fail(call, error);
      }
      this.#done(call);
    }
    this.#pump();
  }

  onFailure(number: number, error: Error, withoutEffect: boolean): void {
    const call = this.#arrived(number, 0);
    if (call === null) return;
    if (!call.answered) this.#fail(call, error);
    if (withoutEffect) this.#drop(call);
    else this.#done(call);
    this.#pump();
  }

  /** Effects up to `number` are safe: in a state held here, or in the site's store. */
  trim(number: number): void {
    this.#askedDurable = false;
    if (number > this.#safe) this.#safe = number;
    this.#outbox.trim(number);
    if (this.#place.kind === 'session') this.#pump();
  }

  /** The connection is gone: `latest` calls under way are stale; the others wait for the next place. */
  lost(): void {
    void this.hold();
    for (const call of this.#outbox.all()) {
      if (call.latest && call.inFlight) this.#stale(call, `${call.fn.name} was under way when the connection was lost`);
    }
  }

  close(error: OutriderError): void {
    this.#place = { kind: 'closed' };
    for (const call of [...this.#outbox.all(), ...this.#latestWaiting.values()]) this.#fail(call, error);
    for (const call of this.#outbox.all()) this.#outbox.remove(call);
    this.#latestWaiting.clear();
    this.#unsent = [];
  }

  #isDirect(fn: BoundFunction): boolean {
    return this.#unsent.length === 0 && !this.#localBusy && this.#options.holdBackSec === undefined && !(this.#provisional && fn.stateful);
  }

  #callInline(instance: ModuleInstance, fn: BoundFunction, args: readonly unknown[]): unknown {
    const startedSec = this.#options.clock.nowSec();
    this.#localProcessed = this.#nextNumber;
    this.#nextNumber += 1;
    const result = instance.call(fn.name, args);
    this.stats.answered('onboard', this.#options.clock.nowSec() - startedSec);
    return result;
  }

  #localFailure(error: unknown): unknown {
    this.stats.failed += 1;
    if (isOutriderError(error, 'OUT_MODULE_TRAP')) this.#options.onLocalTrap(error);
    return error;
  }

  #enqueue(index: number, fn: BoundFunction, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    const { clock, latest, defaultDeadlineMs, maxCalls, maxBytes } = this.#options;
    const { manifest } = this.#options;
    const refuse = (code: ErrorCode, message: string): Promise<never> =>
      Promise.reject(new OutriderError(code, `${manifest.name}.${fn.name}: ${message}`));
    if (this.#place.kind === 'closed') return refuse('OUT_ELASTIC_CLOSED', 'the module is closed');
    const { signal, deadlineMs = defaultDeadlineMs } = options ?? {};
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    let encoded: Uint8Array<ArrayBuffer>;
    try {
      encoded = encodeValues(fn.parameterTypes, args, this.#buffers.take);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    if (encoded.byteLength > MAX_VALUES_BYTES) {
      return refuse('OUT_WIRE_LIMIT', `arguments of ${encoded.byteLength} bytes, at most ${MAX_VALUES_BYTES} are allowed`);
    }
    const { calls, bytes } = this.#outbox.open;
    if (calls >= maxCalls || bytes + encoded.byteLength > maxBytes) {
      return refuse('OUT_ELASTIC_OVERLOADED', `${calls} calls with ${bytes} bytes wait already`);
    }
    const startedSec = clock.nowSec();
    return new Promise((resolve, reject) => {
      const call: Call = {
        number: 0,
        index,
        fn,
        args: encoded,
        latest: latest.has(fn.name),
        startedSec,
        expiresSec: deadlineMs === undefined ? Number.POSITIVE_INFINITY : startedSec + deadlineMs / 1000,
        resolve,
        reject,
        settled: false,
        answered: false,
        attempted: false,
        inFlight: false,
        dispose: null,
      };
      if (signal !== undefined || deadlineMs !== undefined) this.#watch(call, signal, deadlineMs);
      if (!call.latest || !this.#latestActive.has(index)) {
        this.#push(call);
      } else {
        const older = this.#latestWaiting.get(index);
        this.#latestWaiting.set(index, call);
        if (older !== undefined) this.#stale(older, `${fn.name} was replaced by a newer call`);
      }
      this.#pump();
    });
  }

  #push(call: Call): void {
    call.number = this.#nextNumber;
    this.#nextNumber += 1;
    if (call.latest) this.#latestActive.add(call.index);
    this.#outbox.add(call);
    this.#unsent.push(call);
  }

  /** Deadline and cancellation: what has not begun does not take effect. */
  #watch(call: Call, signal: AbortSignal | undefined, deadlineMs: number | undefined): void {
    const giveUp = (error: unknown): void => {
      this.#fail(call, error);
      if (this.#latestWaiting.get(call.index) === call) this.#latestWaiting.delete(call.index);
      const waiting = this.#unsent.indexOf(call);
      if (waiting >= 0 && !call.attempted) {
        this.#unsent.splice(waiting, 1);
        this.#drop(call);
      } else if (call.inFlight && this.#place.kind === 'session') {
        this.#place.session.cancel(call.number);
      }
    };
    const onAbort = (): void => giveUp(signal?.reason);
    const timer =
      deadlineMs === undefined
        ? null
        : this.#options.clock.after(deadlineMs / 1000, () =>
            giveUp(new OutriderError('OUT_ELASTIC_DEADLINE', `${call.fn.name} did not answer within ${deadlineMs} ms`)),
          );
    signal?.addEventListener('abort', onAbort, { once: true });
    call.dispose = () => {
      timer?.stop();
      signal?.removeEventListener('abort', onAbort);
    };
  }

  #pump(): void {
    const place = this.#place;
    if (place.kind === 'session') this.#pumpSession(place.session);
    else if (place.kind === 'inline' || place.kind === 'runner') this.#pumpLocal(place);
  }

  #pumpSession(session: Session): void {
    const { kept } = this.#outbox;
    const { maxCalls, maxBytes } = this.#options;
    if (!this.#askedDurable && (kept.calls > maxCalls / 2 || kept.bytes > maxBytes / 2)) {
      this.#askedDurable = true;
      session.askDurable();
    }
    while (this.#place.kind === 'session' && this.#place.session === session) {
      const call = this.#unsent[0];
      if (call === undefined || this.#inFlightCalls >= WINDOW_CALLS) return;
      if (this.#inFlightBytes + call.args.byteLength > WINDOW_BYTES && this.#inFlightCalls > 0) return;
      if (this.#outbox.kept.calls >= maxCalls || this.#outbox.kept.bytes >= maxBytes) return;
      this.#unsent.shift();
      this.#send(session, call);
    }
  }

  #send(session: Session, call: Call): void {
    const leftMs = (call.expiresSec - this.#options.clock.nowSec()) * 1000;
    const deadlineMs = call.attempted || leftMs > MAX_DEADLINE_MS ? 0 : Math.max(1, Math.ceil(leftMs));
    call.attempted = true;
    call.inFlight = true;
    this.#inFlightCalls += 1;
    this.#inFlightBytes += call.args.byteLength;
    this.#unackedResults = 0;
    this.#unackedBytes = 0;
    this.stats.bytesOut += call.args.byteLength;
    session.request(encodeRequestHeader(call.latest, call.index, call.number, this.#received, deadlineMs), call.args);
  }

  #pumpLocal(place: Place & { readonly kind: 'inline' | 'runner' }): void {
    while (!this.#localBusy && this.#place === place) {
      const call = this.#unsent.shift();
      if (call === undefined) return;
      this.#runLocal(place, call);
    }
  }

  #runLocal(place: Place & { readonly kind: 'inline' | 'runner' }, call: Call): void {
    call.attempted = true;
    this.#localProcessed = call.number;
    const finish = (outcome: { readonly value: unknown } | { readonly error: unknown }): void => {
      if (!call.answered) {
        if ('error' in outcome) this.#fail(call, this.#localFailure(outcome.error));
        else this.#settle(call, 'onboard', () => call.resolve(outcome.value));
      }
      this.#done(call);
    };
    const later = (work: () => void): void => {
      work();
      this.#localBusy = false;
      for (const resolve of this.#whenLocalIdle.splice(0)) resolve();
      this.#pump();
    };
    const args = decodeValues(call.fn.parameterTypes, call.args);
    if (place.kind === 'runner') {
      this.#localBusy = true;
      place.runner.call(call.fn.name, args).then(
        (value) => later(() => finish({ value })),
        (error: unknown) => later(() => finish({ error })),
      );
      return;
    }
    let outcome: { readonly value: unknown } | { readonly error: unknown };
    try {
      outcome = { value: place.instance.call(call.fn.name, args) };
    } catch (error) {
      outcome = { error };
    }
    const holdSec = this.#options.holdBackSec?.(call.fn.name) ?? 0;
    if (!(holdSec > 0)) {
      finish(outcome);
      return;
    }
    this.#localBusy = true;
    this.#options.clock.after(holdSec, () => later(() => finish(outcome)));
  }

  /** What is to be made at the next place, given that its state holds effects up to `processed`. */
  #requeue(processed: number, remote: boolean): number {
    let replayed = 0;
    this.#unsent = [];
    this.#inFlightCalls = 0;
    this.#inFlightBytes = 0;
    this.#askedDurable = false;
    const stale: Call[] = [];
    for (const call of this.#outbox.all()) {
      call.inFlight = false;
      if (call.latest && call.attempted) {
        stale.push(call);
      } else if (call.number > processed) {
        if (call.attempted) replayed += 1;
        this.#unsent.push(call);
      } else if (!call.answered && remote) {
        // It took effect there; its answer comes after the greeting.
        call.inFlight = true;
        this.#inFlightCalls += 1;
        this.#inFlightBytes += call.args.byteLength;
      } else if (!call.answered) {
        this.#fail(call, new OutriderError('OUT_ELASTIC_LOST', `the answer of ${call.fn.name} was lost`));
        this.#drop(call);
      }
    }
    for (const call of stale) this.#stale(call, `${call.fn.name} is not made again`);
    return replayed;
  }

  /** Accounts for an answer; null for a late or repeated one. */
  #arrived(number: number, bytes: number): Call | null {
    const call = this.#outbox.get(number);
    this.stats.bytesIn += bytes;
    if (call === undefined || !call.inFlight) return null;
    call.inFlight = false;
    this.#inFlightCalls -= 1;
    this.#inFlightBytes -= call.args.byteLength;
    if (number > this.#received) this.#received = number;
    this.#unackedResults += 1;
    this.#unackedBytes += bytes;
    if (this.#unackedResults >= ACK_EVERY_RESULTS || this.#unackedBytes >= ACK_EVERY_BYTES) {
      this.#unackedResults = 0;
      this.#unackedBytes = 0;
      if (this.#place.kind === 'session') this.#place.session.acknowledge(this.#received);
    }
    return call;
  }

  /** A call took effect: kept while a loss could undo it. */
  #done(call: Call): void {
    const undoable =
      call.fn.stateful && !call.latest && (this.#place.kind === 'session' || this.#place.kind === 'held' || this.#provisional);
    if (!undoable) {
      this.#drop(call);
      return;
    }
    this.#outbox.keep(call);
    if (this.#place.kind !== 'session') {
      this.stats.lost += this.#outbox.dropOldestKept(this.#options.maxCalls, this.#options.maxBytes);
    }
  }

  #removed(call: Call): void {
    // Made again, and safe before its second answer came.
    if (call.inFlight) {
      this.#inFlightCalls -= 1;
      this.#inFlightBytes -= call.args.byteLength;
      // The socket may hold the arguments still.
      return;
    }
    this.#buffers.give(call.args);
  }

  #drop(call: Call): void {
    this.#outbox.remove(call);
    if (!call.latest) return;
    this.#latestActive.delete(call.index);
    const waiting = this.#latestWaiting.get(call.index);
    if (waiting === undefined) return;
    this.#latestWaiting.delete(call.index);
    this.#push(waiting);
  }

  #stale(call: Call, why: string): void {
    this.stats.stale += 1;
    this.#fail(call, new OutriderError('OUT_ELASTIC_STALE', why));
    if (call.number !== 0) this.#drop(call);
  }

  #fail(call: Call, error: unknown): void {
    this.#settle(call, null, () => call.reject(error));
  }

  #settle(call: Call, where: 'onboard' | 'edge' | null, deliver: () => void): void {
    if (call.settled) return;
    call.settled = true;
    call.dispose?.();
    call.dispose = null;
    if (where === null) this.stats.failed += 1;
    else this.stats.answered(where, this.#options.clock.nowSec() - call.startedSec);
    deliver();
  }
}
