// The calls of a fixed end: numbers them, runs them where the module is now, holds them while it moves, makes them again after a loss.
import { OutriderError, isOutriderError } from '../errors.ts';
import type { CallEngineOptions } from './call-engine-options.ts';
import { admitCall } from './call-admission.ts';
import { BufferPool } from './buffer-pool.ts';
import type { CallOptions } from './call-options.ts';
import { CallSettlement } from './call-settlement.ts';
import { CallStats } from './call-stats.ts';
import { watchCall } from './call-watch.ts';
import { FlightWindow } from './flight-window.ts';
import { LatestCalls } from './latest-calls.ts';
import { LocalPlace, type CallOutcome } from './local-place.ts';
import { isLocalRunner, type LocalRunner } from './local-runner.ts';
import type { ModuleInstance } from './module-instance.ts';
import { Outbox, createCall, type Call } from './outbox.ts';
import type { Session } from './session.ts';
import { bindFunctions, type BoundFunction } from './shell-calls.ts';
import { decodeValues } from './value-codec.ts';

type Place =
  | { readonly kind: 'held' | 'closed' }
  | { readonly kind: 'local'; readonly local: ModuleInstance | LocalRunner; readonly inline: ModuleInstance | null }
  | { readonly kind: 'session'; readonly session: Session };

const GOES = { goes: true, replaced: null };

export class CallEngine {
  readonly stats = new CallStats();
  readonly #settlement: CallSettlement;
  readonly #options: CallEngineOptions;
  readonly #functions: readonly BoundFunction[];
  /** On board, a shared module's effects are provisional: they are made again when a shared instance takes over. */
  readonly #provisional: boolean;
  /** A device model holds answers back. */
  readonly #modelled: boolean;
  readonly #buffers = new BufferPool();
  readonly flight = new FlightWindow();
  readonly local: LocalPlace;
  readonly #outbox = new Outbox((call) => this.#removed(call));
  /** Calls that no instance has got yet, in order. */
  #unsent: Call[] = [];
  readonly #latest = new LatestCalls();
  #place: Place = { kind: 'held' };
  #nextNumber = 1;
  #safe = 0;
  #askedDurable = false;

  constructor(options: CallEngineOptions) {
    this.#options = options;
    this.#settlement = new CallSettlement(this.stats, options.clock);
    this.#functions = bindFunctions(options.manifest);
    this.local = new LocalPlace(options.clock, options.holdBackSec);
    this.#provisional = options.manifest.sharing === 'shared';
    this.#modelled = options.holdBackSec !== undefined;
  }

  /** Effects up to here cannot be made again: their calls are forgotten. */
  get safe(): number {
    return this.#safe;
  }

  get pending(): number {
    return this.#outbox.openCalls + this.#latest.waiting.length;
  }

  get outbox(): { readonly calls: number; readonly bytes: number } {
    const { openCalls, keptCalls, openBytes, keptBytes } = this.#outbox;
    return { calls: openCalls + keptCalls, bytes: openBytes + keptBytes };
  }

  call(index: number, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    const fn = this.#functions[index] as BoundFunction;
    const place = this.#place;
    if (
      place.kind === 'local' &&
      place.inline !== null &&
      options === undefined &&
      this.#unsent.length === 0 &&
      !this.local.busy &&
      !this.#modelled &&
      !(this.#provisional && fn.stateful)
    ) {
      try {
        return Promise.resolve(this.#callInline(place.inline, fn, args));
      } catch (error) {
        this.stats.failed += 1;
        this.#checkTrap(error);
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
    return this.#enqueue(index, fn, args, options);
  }

  /** Stops giving calls to an instance; resolves when none is under way on board. Answers from the edge still arrive. */
  hold(): Promise<void> {
    if (this.#place.kind !== 'closed') this.#place = { kind: 'held' };
    return this.local.idle();
  }

  /** Runs calls on board, whose state holds effects up to `processed`; later ones are made again. Returns how many. */
  runLocally(local: ModuleInstance | LocalRunner, processed: number): number {
    this.local.processed = processed;
    const replayed = this.#requeue(processed, false);
    // What is in the state of an instance of our own needs no safety beyond it.
    if (!this.#provisional) this.#outbox.trim(processed);
    this.#place = { kind: 'local', local, inline: isLocalRunner(local) ? null : local };
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
        this.#settlement.answer(call, 'edge', result);
      } catch (error) {
        this.#settlement.fail(call, error);
      }
      this.#done(call);
    }
    this.#pump();
  }

  onFailure(number: number, error: Error, withoutEffect: boolean): void {
    const call = this.#arrived(number, 0);
    if (call === null) return;
    if (!call.answered) this.#settlement.fail(call, error);
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

  /** What was safe went with the instance: its effects from `processed` on cannot be made again. Returns how many calls that is, at most. */
  giveUpSafe(processed: number): number {
    const lost = Math.max(0, this.#safe - processed);
    this.#safe = Math.min(this.#safe, processed);
    this.stats.lost += lost;
    return lost;
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
    for (const call of [...this.#outbox.all(), ...this.#latest.waiting]) this.#settlement.fail(call, error);
    for (const call of this.#outbox.all()) this.#outbox.remove(call);
    this.#latest.clear();
    this.#unsent = [];
  }

  #callInline(instance: ModuleInstance, fn: BoundFunction, args: readonly unknown[]): unknown {
    const startedSec = this.#options.clock.nowSec();
    this.local.processed = this.#nextNumber;
    this.#nextNumber += 1;
    const result = instance.call(fn.name, args);
    this.stats.answered('onboard', this.#options.clock.nowSec() - startedSec);
    return result;
  }

  #checkTrap(error: unknown): void {
    if (isOutriderError(error, 'OUT_MODULE_TRAP')) this.#options.onLocalTrap(error);
  }

  #enqueue(index: number, fn: BoundFunction, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    const { clock, latest, defaultDeadlineMs } = this.#options;
    const { signal, deadlineMs = defaultDeadlineMs } = options ?? {};
    let encoded: Uint8Array<ArrayBuffer>;
    try {
      signal?.throwIfAborted();
      if (this.#place.kind === 'closed') throw new OutriderError('OUT_ELASTIC_CLOSED', `${this.#options.manifest.name} is closed`);
      encoded = admitCall(fn, args, this.#outbox, this.#options, this.#buffers);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const startedSec = clock.nowSec();
    return new Promise((resolve, reject) => {
      const call = createCall({ index, fn, args: encoded, latest: latest.has(fn.name), startedSec, deadlineMs, resolve, reject });
      call.dispose = watchCall({ clock, functionName: fn.name, signal, deadlineMs }, (error) => this.#giveUp(call, error));
      const { goes, replaced } = call.latest ? this.#latest.offer(call) : GOES;
      if (goes) this.#push(call);
      if (replaced !== null) this.#stale(replaced, `${fn.name} was replaced by a newer call`);
      this.#pump();
    });
  }

  #push(call: Call): void {
    call.number = this.#nextNumber;
    this.#nextNumber += 1;
    this.#outbox.add(call);
    this.#unsent.push(call);
  }

  /** Deadline or cancellation: what has not begun does not take effect. */
  #giveUp(call: Call, error: unknown): void {
    this.#settlement.fail(call, error);
    if (call.number === 0) this.#latest.end(call);
    const waiting = this.#unsent.indexOf(call);
    if (waiting >= 0 && !call.attempted) {
      this.#unsent.splice(waiting, 1);
      this.#drop(call);
    } else if (call.inFlight && this.#place.kind === 'session') {
      this.#place.session.cancel(call.number);
    }
  }

  #pump(): void {
    const place = this.#place;
    if (place.kind === 'session') this.#pumpSession(place.session);
    else if (place.kind === 'local') this.#pumpLocal(place);
  }

  #pumpSession(session: Session): void {
    const outbox = this.#outbox;
    const { maxCalls, maxBytes } = this.#options;
    if (!this.#askedDurable && (outbox.keptCalls > maxCalls / 2 || outbox.keptBytes > maxBytes / 2)) {
      this.#askedDurable = true;
      session.askDurable();
    }
    while (this.#place.kind === 'session' && this.#place.session === session) {
      const call = this.#unsent[0];
      if (call === undefined || !this.flight.hasRoomFor(call)) return;
      if (outbox.keptCalls >= maxCalls || outbox.keptBytes >= maxBytes) return;
      this.#unsent.shift();
      this.stats.bytesOut += call.args.byteLength;
      this.flight.send(session, call, this.#options.clock.nowSec());
    }
  }

  #pumpLocal(place: Place & { readonly kind: 'local' }): void {
    while (!this.local.busy && this.#place === place) {
      const call = this.#unsent.shift();
      if (call === undefined) return;
      call.attempted = true;
      this.local.run(
        place.local,
        call,
        (outcome) => this.#ranLocally(call, outcome),
        () => this.#pump(),
      );
    }
  }

  #ranLocally(call: Call, outcome: CallOutcome): void {
    if (!call.answered) {
      if ('error' in outcome) this.#settlement.fail(call, outcome.error);
      else this.#settlement.answer(call, 'onboard', outcome.value);
    }
    this.#done(call);
    if ('error' in outcome) this.#checkTrap(outcome.error);
  }

  /** What is to be made at the next place, given that its state holds effects up to `processed`. */
  #requeue(processed: number, remote: boolean): number {
    this.#askedDurable = false;
    for (const call of this.#outbox.all()) this.flight.end(call);
    const plan = this.#outbox.planAt(processed, this.flight.received);
    this.#unsent = plan.again;
    for (const call of plan.unwanted) this.#drop(call);
    for (const call of plan.stale) this.#stale(call, `${call.fn.name} is not made again`);
    for (const call of plan.unanswered) {
      // It took effect there; its answer comes after the greeting.
      if (remote) this.flight.start(call, false);
      else {
        this.#settlement.fail(call, new OutriderError('OUT_ELASTIC_LOST', `the answer of ${call.fn.name} was lost`));
        this.#drop(call);
      }
    }
    return plan.again.filter((call) => call.attempted).length;
  }

  /** Accounts for an answer; null for a late or repeated one. */
  #arrived(number: number, bytes: number): Call | null {
    const call = this.#outbox.get(number);
    this.stats.bytesIn += bytes;
    if (call === undefined || !call.inFlight) return null;
    const isTime = this.flight.arrive(call, bytes);
    if (isTime && this.#place.kind === 'session') this.#place.session.acknowledge(this.flight.received);
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
    const isSent = call.inFlight;
    this.flight.end(call);
    // Then the socket may hold the arguments still.
    if (!isSent) this.#buffers.give(call.args);
  }

  #drop(call: Call): void {
    this.#outbox.remove(call);
    const next = call.latest ? this.#latest.end(call) : null;
    if (next !== null) this.#push(next);
  }

  #stale(call: Call, why: string): void {
    this.stats.stale += 1;
    this.#settlement.fail(call, new OutriderError('OUT_ELASTIC_STALE', why));
    if (call.number !== 0) this.#drop(call);
  }
}
