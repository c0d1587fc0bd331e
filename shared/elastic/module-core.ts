// What the moves and the recovery of an elastic module share: its places, its calls, its epoch, its events. One change of place at a time.
import type { OutriderError } from '../errors.ts';
import { CallEngine } from './call-engine.ts';
import { EdgePlace } from './edge-place.ts';
import type { ElasticModuleOptions } from './elastic-module.ts';
import { OUTBOX_MAX_BYTES, OUTBOX_MAX_CALLS } from './limits.ts';
import { isLocalRunner, type LocalRunner } from './local-runner.ts';
import { ModuleEmitter } from './module-emitter.ts';
import type { Placement } from './module-events.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { RemoteEndpoint } from './remote-site.ts';
import { NO_STATE, captureState, restoreState, stateFormOf, type CapturedState } from './state-form.ts';
import { type HeldState, LeftStates } from './state-transfer.ts';

export class ModuleCore extends ModuleEmitter {
  readonly options: ElasticModuleOptions;
  readonly engine: CallEngine;
  /** Whether calls leave something behind in the instance. */
  readonly stateful: boolean;
  local: ModuleInstance | LocalRunner | null = null;
  edge: EdgePlace | null = null;
  /** Settles when the place that was left last knows it, and the site too. */
  departure: Promise<void> = Promise.resolve();
  /** What places at the edge were left with. */
  readonly left = new LeftStates();
  epoch = 1;
  moves = 0;
  closed = false;
  /** Aborted by closing: what is being prepared elsewhere is not waited for. */
  readonly closing = new AbortController();
  /** Called when the connection that the module uses is lost. */
  onLost: (edge: EdgePlace, error: Error) => void = () => undefined;
  #kind: Placement['kind'] = 'onboard';
  #turn: Promise<unknown> = Promise.resolve();
  #stateCount = 0;

  constructor(options: ElasticModuleOptions) {
    super();
    this.options = options;
    const { manifest, clock, holdBackSec, defaultDeadlineMs } = options;
    this.stateful = stateFormOf(manifest) !== 'none';
    this.engine = new CallEngine({
      manifest,
      clock,
      holdBackSec,
      defaultDeadlineMs,
      latest: new Set(options.latest ?? []),
      maxCalls: options.outboxMaxCalls ?? OUTBOX_MAX_CALLS,
      maxBytes: options.outboxMaxBytes ?? OUTBOX_MAX_BYTES,
      onLocalTrap: (error) => this.#replaceTrapped(error),
    });
  }

  get placement(): Placement {
    const hostId = this.#kind === 'onboard' ? null : (this.edge?.endpoint.hostId ?? null);
    return { kind: this.#kind, hostId, epoch: this.epoch };
  }

  get nowSec(): number {
    return this.options.clock.nowSec();
  }

  /** Runs `work` after the change of place under way, if any. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  place(kind: Placement['kind']): void {
    if (this.closed) return;
    this.#kind = kind;
    this.emit('placement', this.placement);
  }

  newEdge(endpoint: RemoteEndpoint): EdgePlace {
    const { manifest, clock, channelId, heartbeatSec = 1, lostAfterSec = 4 } = this.options;
    return new EdgePlace(endpoint, { manifest, clock, channelId, heartbeatSec, lostAfterSec, left: this.left });
  }

  /** Sends calls over the edge's present session. Returns how many are made again. */
  runAtEdge(edge: EdgePlace, processed: number): number {
    const { session } = edge;
    const replayed = this.engine.runRemotely(session, processed);
    session.attach({
      onResult: (number, value) => this.engine.onResult(number, value),
      onFailure: (number, error, withoutEffect) => this.engine.onFailure(number, error, withoutEffect),
      onDurable: (number) => this.engine.trim(number),
      onState: (state) => {
        if (this.options.manifest.sharing === 'per-rover') this.engine.trim(state.processed);
      },
      onEnd: (error) => {
        if (this.edge === edge && edge.session === session && !edge.switching && !this.closed) this.onLost(edge, error);
      },
    });
    return replayed;
  }

  /** The on-board instance, made if need be. */
  async ensureLocal(): Promise<ModuleInstance | LocalRunner> {
    this.local ??= await this.options.createLocal();
    return this.local;
  }

  /**
   * The on-board state, with the number up to which effects are in it (0 while calls go on: good as a base only). Null for a module without state.
   */
  async captureLocal(): Promise<HeldState | null> {
    const { local } = this;
    if (!this.stateful || local === null) return null;
    const processed = this.engine.local.busy ? 0 : this.engine.local.processed;
    const captured: CapturedState = isLocalRunner(local) ? await local.capture() : captureState(this.options.manifest, local);
    this.#stateCount += 1;
    const id = `${this.options.channelId}.${this.epoch}.${this.#stateCount}`;
    const isStill = !this.engine.local.busy && this.engine.local.processed === processed;
    return { ...captured, id, processed: isStill ? processed : 0 };
  }

  async restoreLocal(state: CapturedState | null): Promise<void> {
    const local = await this.ensureLocal();
    if (isLocalRunner(local)) await local.restore(state ?? NO_STATE);
    else restoreState(this.options.manifest, local, state ?? NO_STATE);
  }

  async closeLocal(): Promise<void> {
    const { local } = this;
    this.local = null;
    if (local !== null && isLocalRunner(local)) await local.close();
  }

  /** Tells the site that an instance is not needed any more; nothing waits for it. */
  release(endpoint: RemoteEndpoint): void {
    this.options.site?.release(endpoint).catch(() => undefined);
  }

  /** A trapped on-board instance is thrown away: a new one goes on from the newest state that is held, or from none. */
  #replaceTrapped(error: OutriderError): void {
    void this.engine.hold();
    this.local = null;
    const startedSec = this.nowSec;
    const { manifest } = this.options;
    this.emit('lost', {
      module: manifest.name,
      hostId: 'onboard',
      epoch: this.epoch,
      stampSec: startedSec,
      pendingCalls: this.engine.pending,
      error,
    });
    void this.inTurn(async () => {
      if (this.closed || this.#kind !== 'onboard') return;
      const state = this.edge?.states.newest ?? null;
      await this.restoreLocal(state);
      this.epoch += 1;
      const replayed = this.engine.runLocally(this.local as ModuleInstance | LocalRunner, this.engine.local.processed);
      const stampSec = this.nowSec;
      const outageMs = (stampSec - startedSec) * 1000;
      this.emit('recovered', {
        module: manifest.name,
        how: 'fallback',
        hostId: null,
        epoch: this.epoch,
        stampSec,
        outageMs,
        replayed,
        lost: 0,
      });
    });
  }
}
