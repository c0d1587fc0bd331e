// Restarts shared instances from their last checkpoint when their host is lost or they failed: on another host, under a higher epoch.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { OutriderError } from '../../shared/errors.ts';
import { type Span, type Tracer, traceOf } from '../../shared/ports/tracer.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import { instanceKey } from '../tokens.ts';
import type { HostCommander } from './host-commander.ts';
import type { PlacementBook } from './placement-book.ts';
import { needsOf, type ResourceManager } from './resource-manager.ts';

export interface FailoverOptions {
  readonly clock: Clock;
  readonly book: PlacementBook;
  readonly resources: ResourceManager;
  readonly hosts: HostCommander;
  readonly siteKey: Uint8Array;
  readonly logger: Logger;
  /** Each restart and each move by the manager begins a trace. */
  readonly tracer: Tracer;
  /** How long a host may take to restart an instance before another one is tried [s]. */
  readonly restartTimeoutSec: number;
  readonly tell: (record: PlacementRecord, text: string) => void;
}

interface Attempt {
  readonly instance: string;
  readonly why: string;
  readonly sinceSec: number;
  notBeforeSec: number;
  busy: boolean;
  failures: number;
  readonly span: Span;
}

/** Restarts of one instance within {@link POISON_WINDOW_SEC} before it counts as poisoned: replaying makes it fail again and again. */
const MAX_RESTARTS = 4;
const POISON_WINDOW_SEC = 60;
const FIRST_RETRY_SEC = 0.25;
const MAX_RETRY_SEC = 5;

export class Failover {
  readonly #options: FailoverOptions;
  readonly #attempts = new Map<string, Attempt>();
  readonly #restarts = new Map<string, number[]>();
  #completed = 0;

  constructor(options: FailoverOptions) {
    this.#options = options;
  }

  /** Instances that were brought back so far. */
  get completed(): number {
    return this.#completed;
  }

  /** Whether an instance is being brought back. */
  tends(instance: string): boolean {
    return this.#attempts.has(instance);
  }

  /** Begins to bring an instance back; `why` is told to people. */
  begin(record: PlacementRecord, why: string): void {
    const { book, clock } = this.#options;
    if (this.#attempts.has(record.instance)) return;
    const now = clock.nowSec();
    const recent = (this.#restarts.get(record.instance) ?? []).filter((stamp) => now - stamp < POISON_WINDOW_SEC);
    this.#restarts.set(record.instance, [...recent, now]);
    if (recent.length >= MAX_RESTARTS) {
      this.#giveUp(record, `restarted ${recent.length} times within ${POISON_WINDOW_SEC} s and failed again (${why})`);
      return;
    }
    book.put({ ...record, status: 'restarting', host: null, addresses: [] });
    this.#attempts.set(record.instance, this.#attempt('restart', record, why, false));
    this.step();
  }

  /** Moves a running instance in order: its host stores a last checkpoint and lets go, another host goes on from there. */
  async move(record: PlacementRecord, why: string): Promise<void> {
    const { book, hosts, logger } = this.#options;
    const { instance, host, epoch } = record;
    if (host === null || this.#attempts.has(instance)) return;
    const attempt = this.#attempt('evacuate', record, why, true);
    this.#attempts.set(instance, attempt);
    book.put({ ...record, status: 'restarting', host: null, addresses: [] });
    await hosts.command(host, { kind: 'stop', instance, epoch, checkpoint: 'store' }, this.#options.restartTimeoutSec).then(
      (reply) => {
        if (reply.kind !== 'done') logger.warn({ instance, host, reply }, 'an instance was not stored before its move');
      },
      // Its users still hold every call that no checkpoint covers.
      (error: Error) => logger.warn({ instance, host, error: error.message }, 'an instance was not stored before its move'),
    );
    attempt.busy = false;
    this.step();
  }

  #attempt(name: string, { instance, module }: PlacementRecord, why: string, busy: boolean): Attempt {
    const { clock, tracer } = this.#options;
    const now = clock.nowSec();
    const span = tracer.begin(name, { instance, module: module.name, why });
    return { instance, why, sinceSec: now, notBeforeSec: now, busy, failures: 0, span };
  }

  /** Called now and then, and when a host appears: tries what is due. */
  step(): void {
    const now = this.#options.clock.nowSec();
    for (const attempt of this.#attempts.values()) {
      if (!attempt.busy && attempt.notBeforeSec <= now) void this.#try(attempt);
    }
  }

  /** The instance is not wanted any more. */
  forget(instance: string): void {
    this.#attempts.get(instance)?.span.end('it is not wanted any more');
    this.#attempts.delete(instance);
    this.#restarts.delete(instance);
  }

  async #try(attempt: Attempt): Promise<void> {
    const { book, resources, hosts, siteKey, clock, logger, restartTimeoutSec } = this.#options;
    const record = book.get(attempt.instance);
    if (record === null) return this.forget(attempt.instance);
    const { fit, unfit } = resources.candidates({ needs: needsOf(record), tenant: record.tenant, digest: record.module.digest });
    const host = fit[attempt.failures % Math.max(1, fit.length)]?.host;
    if (host === undefined) {
      if (attempt.failures === 0)
        logger.warn({ instance: record.instance, code: 'OUT_EDGE_NO_HOST', unfit }, 'no host can take an instance over');
      return this.#postpone(attempt);
    }
    // Each attempt has an epoch of its own: a host that answered too late has a fenced instance, not a second one.
    const next = { ...record, epoch: record.epoch + 1 };
    book.put(next);
    attempt.busy = true;
    try {
      const { instance, epoch, module, mission, rover, tenant, memoryMaxBytes } = next;
      const key = instanceKey(siteKey, instance);
      const reply = await hosts.command(
        host,
        {
          kind: 'restart',
          instance,
          epoch,
          module,
          mission,
          rover,
          requestedBy: null,
          tenant,
          memoryMaxBytes,
          key,
          ...traceOf(attempt.span),
        },
        restartTimeoutSec,
      );
      if (this.#attempts.get(attempt.instance) !== attempt) return undefined;
      if (reply.kind === 'refused' && reply.code === 'OUT_EDGE_STORE') return this.#giveUp(next, reply.reason);
      if (reply.kind !== 'running') throw new Error(reply.kind === 'refused' ? `${reply.code}: ${reply.reason}` : `answered ${reply.kind}`);
      book.put({ ...next, status: 'running', host, addresses: [...reply.addresses] });
      this.#attempts.delete(attempt.instance);
      attempt.span.set({ host, epoch, attempts: attempt.failures + 1 });
      attempt.span.end();
      this.#completed += 1;
      const seconds = (clock.nowSec() - attempt.sinceSec).toFixed(1);
      this.#options.tell(next, `${module.name} restarted on ${host} after ${seconds} s: ${attempt.why}`);
      logger.info({ instance, host, epoch, seconds }, 'shared instance restarted from its checkpoint');
    } catch (error) {
      logger.warn({ instance: record.instance, host, error: (error as Error).message }, 'restart failed; trying again');
      this.#postpone(attempt);
    } finally {
      attempt.busy = false;
    }
    return undefined;
  }

  #postpone(attempt: Attempt): void {
    attempt.failures += 1;
    attempt.notBeforeSec = this.#options.clock.nowSec() + Math.min(MAX_RETRY_SEC, FIRST_RETRY_SEC * 2 ** attempt.failures);
  }

  #giveUp(record: PlacementRecord, why: string): void {
    this.#attempts.get(record.instance)?.span.end(new OutriderError('OUT_EDGE_STORE', why));
    this.forget(record.instance);
    this.#options.book.remove(record.instance);
    this.#options.logger.error({ instance: record.instance, why }, 'shared instance cannot be brought back');
    this.#options.tell(record, `${record.module.name} cannot be brought back: ${why}`);
  }
}
