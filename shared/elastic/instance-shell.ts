// The moving end of an elastic module's channels: one per module instance, wherever it runs (rover, edge worker).
// Processes every numbered request exactly once per state lineage, and gives its state away when asked to.
import { OutriderError } from '../errors.ts';
import type { Transport } from '../ports/transport.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { MAX_UNGREETED, MAX_CHANNELS, STATE_SLACK_BYTES } from './limits.ts';
import type { InstanceShellOptions } from './instance-shell-options.ts';
import { encodeFailure } from './remote-error.ts';
import { ShellCalls } from './shell-calls.ts';
import { ShellChannel } from './shell-channel.ts';
import { ShellCheckpoints } from './shell-checkpoints.ts';
import { ShellConnection } from './shell-connection.ts';
import { captureState, interfaceIdOf, restoreState } from './state-form.ts';
import { StateStore, stateFrames, type HeldState } from './state-transfer.ts';
import { FRAME, encodeBare, encodeStateMark, type Hello } from './wire.ts';

export type { InstanceShellOptions };

export interface ShellStats {
  readonly calls: number;
  readonly errors: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Requests that wait. */
  readonly queued: number;
  /** Fixed ends known, and connected now. */
  readonly channels: number;
  readonly connected: number;
}

/** `frozen`: its fixed end took the state. `parked`: its host did. */
type Phase = 'embryo' | 'running' | 'frozen' | 'parked' | 'retired' | 'closed';

export class InstanceShell {
  readonly #options: InstanceShellOptions;
  readonly #calls: ShellCalls;
  readonly #checkpoints: ShellCheckpoints;
  readonly #channels = new Map<string, ShellChannel>();
  readonly #connections = new Set<ShellConnection>();
  /** Greeted before the state was there. */
  #waiting: { readonly connection: ShellConnection; readonly hello: Hello }[] = [];
  readonly #states = new StateStore();
  #stateCount = 0;
  #phase: Phase;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(options: InstanceShellOptions) {
    this.#options = options;
    this.#phase = options.embryo === true ? 'embryo' : 'running';
    if (options.held !== undefined && options.held !== null) this.#states.put(options.held);
    const { manifest, instance, clock, holdBackSec } = options;
    this.#calls = new ShellCalls({
      manifest,
      instance,
      clock,
      holdBackSec,
      onEffect: () => this.#checkpoints.effect(),
      onTrap: (error) => this.#fault(error),
    });
    this.#checkpoints = new ShellCheckpoints({
      clock,
      everySec: options.checkpointEverySec ?? 5,
      everyCalls: options.checkpointEveryCalls ?? 256,
      save: () => this.#save(),
      onFenced: () => this.#retire('fenced'),
    });
  }

  /** A fixed end connects (again): the transport is owned by the shell from here. */
  accept(transport: Transport): void {
    const ungreeted = [...this.#connections].filter((connection) => connection.channel === null).length;
    if (this.#phase === 'closed' || ungreeted >= MAX_UNGREETED) {
      transport.close(new OutriderError('OUT_WIRE_LIMIT', `${ungreeted} connections have not said HELLO`));
      return;
    }
    const connection = new ShellConnection(transport, {
      clock: this.#options.clock,
      calls: this.#calls,
      states: this.#states,
      maxStateBytes: this.#options.manifest.memoryMaxBytes + STATE_SLACK_BYTES,
      isRunning: () => this.#phase === 'running',
      onHello: (hello) => this.#greet(connection, hello),
      onActivate: (stateId, processed) => this.#activate(connection, stateId, processed),
      onFreeze: () => this.#calls.inTurn(() => this.#freezeFor(connection)),
      onResume: () => this.resume(),
      onCheckpointWanted: (toChannel) =>
        this.#calls.inTurn(() => (toChannel ? void this.#sendCheckpoint(connection) : this.#checkpoints.now())),
      onBye: () => this.#forget(connection),
      onClosed: () => {
        this.#connections.delete(connection);
        this.#waiting = this.#waiting.filter((waiting) => waiting.connection !== connection);
        this.#bytesIn += connection.link.bytesIn;
        this.#bytesOut += connection.link.bytesOut;
      },
    });
    this.#connections.add(connection);
  }

  /** Finishes the call under way, stops, and gives the checkpoint: state, per channel the last processed number and unacknowledged results. */
  freeze(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#calls.next(() => {
        if (this.#phase !== 'running') {
          reject(new OutriderError('OUT_ELASTIC_RETIRED', `${this.#options.instanceId} is ${this.#phase}`));
          return;
        }
        try {
          const checkpoint = this.#checkpoint();
          this.#phase = 'parked';
          this.#calls.forget(null);
          this.#turnAway('moves to another host');
          resolve(checkpoint);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  /** Takes a checkpoint over, before the first `accept`. Throws OUT_ELASTIC_CHECKPOINT or OUT_MODULE_SNAPSHOT. */
  restore(checkpoint: Uint8Array): void {
    const { manifest, instance, epoch, instanceId } = this.#options;
    const decoded = decodeCheckpoint(manifest, checkpoint);
    if (decoded.epoch > epoch) {
      throw new OutriderError(
        'OUT_ELASTIC_CHECKPOINT',
        `${instanceId}: the checkpoint is of epoch ${decoded.epoch}, this instance of ${epoch}`,
      );
    }
    restoreState(manifest, instance, decoded.state);
    for (const channel of decoded.channels) this.#channels.set(channel.channelId, ShellChannel.restored(channel));
    this.#phase = 'running';
  }

  /** Goes on after a freeze whose checkpoint was not used. */
  resume(): void {
    if (this.#phase === 'frozen' || this.#phase === 'parked') this.#phase = 'running';
  }

  /** A call by the host itself; see {@link ShellCalls.invoke}. */
  async invoke(functionName: string, args: Uint8Array): Promise<Uint8Array> {
    if (this.#phase !== 'running') throw new OutriderError('OUT_ELASTIC_RETIRED', `${this.#options.instanceId} is ${this.#phase}`);
    return this.#calls.invoke(functionName, args);
  }

  /** Cuts the fixed ends of which this holds: their rights were taken back. What they have done stays done. */
  dismiss(matches: (channelId: string) => boolean): void {
    for (const connection of [...this.#connections]) {
      const { channel } = connection;
      if (channel === null || !matches(channel.id)) continue;
      this.#calls.forget(channel);
      connection.refuse(new OutriderError('OUT_EDGE_UNAUTHORIZED', `${channel.id} may not use ${this.#options.instanceId} any more`));
    }
  }

  get stats(): ShellStats {
    let bytesIn = this.#bytesIn;
    let bytesOut = this.#bytesOut;
    for (const { link } of this.#connections) {
      bytesIn += link.bytesIn;
      bytesOut += link.bytesOut;
    }
    const { calls, errors, queued } = this.#calls;
    return { calls, errors, bytesIn, bytesOut, queued, channels: this.#channels.size, connected: this.#connections.size };
  }

  close(): Promise<void> {
    this.#phase = 'closed';
    this.#checkpoints.stop();
    this.#calls.forget(null);
    for (const connection of [...this.#connections]) connection.link.close();
    return Promise.resolve();
  }

  #greet(connection: ShellConnection, hello: Hello): void {
    const { manifest, instanceId, epoch } = this.#options;
    if (!this.#options.authorize({ channelId: hello.channelId, token: hello.token, peer: connection.link.peer })) {
      throw new OutriderError('OUT_ELASTIC_REFUSED', `${hello.channelId} may not use ${instanceId}`);
    }
    if (hello.module !== manifest.name || hello.interfaceId !== interfaceIdOf(manifest)) {
      throw new OutriderError(
        'OUT_ELASTIC_REFUSED',
        `this is ${manifest.name} ${manifest.version}; ${hello.module} with another interface was asked for`,
      );
    }
    if (hello.epoch > epoch) {
      this.#retire('fenced');
      throw new OutriderError('OUT_ELASTIC_RETIRED', `${instanceId} is of epoch ${epoch}, ${hello.channelId} knows epoch ${hello.epoch}`);
    }
    if (this.#phase === 'embryo' && !hello.provision) {
      this.#waiting.push({ connection, hello });
      return;
    }
    const phase = this.#phase;
    if (phase === 'retired' || phase === 'closed' || phase === 'parked' || (phase === 'frozen' && !this.#channels.has(hello.channelId))) {
      throw new OutriderError('OUT_ELASTIC_RETIRED', `${instanceId} of epoch ${epoch} is ${phase}`);
    }
    let channel = this.#channels.get(hello.channelId);
    if (channel === undefined) {
      if (this.#channels.size >= MAX_CHANNELS)
        throw new OutriderError('OUT_WIRE_LIMIT', `${instanceId} has ${MAX_CHANNELS} fixed ends already`);
      channel = new ShellChannel(hello.channelId);
      this.#channels.set(channel.id, channel);
    }
    const previous = channel.link;
    this.#calls.forget(channel);
    connection.channel = channel;
    channel.welcome(connection.link, hello, { instanceId, epoch, phase, held: this.#states.ids });
    previous?.close(new OutriderError('OUT_ELASTIC_LOST', `${channel.id} has connected again`));
  }

  #activate(connection: ShellConnection, stateId: string, processed: number): void {
    if (this.#phase !== 'embryo' || connection.channel === null) {
      throw new OutriderError('OUT_WIRE_MALFORMED', `ACTIVATE for an instance that is ${this.#phase}`);
    }
    if (stateId !== '') {
      const state = this.#states.get(stateId);
      if (state === undefined) throw new OutriderError('OUT_WIRE_MALFORMED', 'ACTIVATE names a state that has not arrived');
      restoreState(this.#options.manifest, this.#options.instance, state);
    }
    connection.channel.processed = processed;
    this.#phase = 'running';
    connection.link.send(encodeBare(FRAME.activated));
    this.#options.onActivated?.();
    for (const waiting of this.#waiting.splice(0)) waiting.connection.guard(() => this.#greet(waiting.connection, waiting.hello));
    // What the state holds so far is in no store yet: nobody could bring the instance back.
    if (this.#options.storeCheckpoint === undefined) return;
    this.#checkpoints.effect();
    this.#checkpoints.now();
  }

  #freezeFor(connection: ShellConnection): void {
    const { channel, link } = connection;
    if (channel === null || link.closed) return;
    if (this.#phase !== 'running' && this.#phase !== 'frozen') return;
    if (this.#channels.size > 1) {
      const message = `${this.#options.instanceId} is used by ${this.#channels.size - 1} other fixed ends`;
      link.send(encodeFailure(FRAME.failure, 0, new OutriderError('OUT_ELASTIC_REFUSED', message), true));
      return;
    }
    this.#phase = 'frozen';
    void this.#sendState(connection, FRAME.frozen);
  }

  async #sendCheckpoint(connection: ShellConnection): Promise<void> {
    if (this.#phase === 'running' && connection.channel !== null && !connection.link.closed) {
      await this.#sendState(connection, FRAME.checkpoint);
    }
  }

  /** Sends the state as it is now, and after it the mark that says what is in it. */
  async #sendState(connection: ShellConnection, kind: number): Promise<void> {
    if (connection.sending.has(kind)) return;
    const { manifest, instance, instanceId, epoch } = this.#options;
    const channel = connection.channel as ShellChannel;
    const { processed, peerStates } = channel;
    const captured = captureState(manifest, instance);
    if (captured.form === 'none') {
      connection.link.send(encodeStateMark(kind, '', processed));
      return;
    }
    this.#stateCount += 1;
    const state: HeldState = { ...captured, id: `${instanceId}.${epoch}.${this.#stateCount}`, processed };
    const base = this.#states.newestOf(peerStates);
    // The receiver changes the base in place, so it has the new state instead of it.
    if (base !== null) peerStates.delete(base.id);
    peerStates.add(state.id);
    this.#states.put(state);
    const frames = stateFrames(state, base, () => undefined);
    const mark = (function* () {
      yield* frames;
      yield [encodeStateMark(kind, state.id, processed)];
    })();
    connection.sending.add(kind);
    // A connection that ends in between is greeted anew, with what is held then.
    await connection.link.sendBulk(mark).catch(() => undefined);
    connection.sending.delete(kind);
  }

  #checkpoint(): Uint8Array {
    const { manifest, instance, epoch } = this.#options;
    const channels = [...this.#channels.values()].map((channel) => channel.checkpoint());
    return encodeCheckpoint(manifest, { epoch, state: captureState(manifest, instance), channels });
  }

  /** A periodic checkpoint: to the store, or to the one fixed end that can use it. */
  #save(): Promise<void> {
    // Captured inside the turn: a call that begins after it must not be half in the checkpoint.
    return new Promise((resolve, reject) => {
      this.#calls.next(() => {
        this.#saveNow().then(resolve, reject);
      });
    });
  }

  async #saveNow(): Promise<void> {
    if (this.#phase !== 'running') return;
    const { storeCheckpoint } = this.#options;
    if (storeCheckpoint === undefined) {
      const connection = [...this.#connections].find((candidate) => candidate.channel !== null);
      if (this.#channels.size === 1 && connection !== undefined) await this.#sendCheckpoint(connection);
      return;
    }
    const covered = [...this.#channels.values()].map((channel) => ({ channel, number: channel.processed }));
    await storeCheckpoint(this.#checkpoint());
    for (const { channel, number } of covered) channel.tellDurable(number);
  }

  #forget(connection: ShellConnection): void {
    const { channel } = connection;
    if (channel === null) return;
    this.#calls.forget(channel);
    this.#channels.delete(channel.id);
    connection.link.close();
    if (this.#phase === 'frozen') this.#retire('moved');
  }

  #retire(reason: 'moved' | 'fenced'): void {
    if (this.#phase === 'retired' || this.#phase === 'closed') return;
    this.#phase = 'retired';
    this.#checkpoints.stop();
    this.#calls.forget(null);
    this.#turnAway(reason === 'moved' ? 'has moved' : 'is fenced by a newer epoch');
    this.#options.onRetired?.(reason, reason === 'moved' ? this.#states.newest : null);
  }

  #fault(error: Error): void {
    if (this.#phase === 'retired' || this.#phase === 'closed') return;
    this.#phase = 'retired';
    this.#checkpoints.stop();
    this.#turnAway(`has stopped: ${error.message}`);
    this.#options.onFault?.(error);
  }

  #turnAway(why: string): void {
    const error = new OutriderError('OUT_ELASTIC_RETIRED', `${this.#options.instanceId} of epoch ${this.#options.epoch} ${why}`);
    for (const connection of [...this.#connections]) connection.refuse(error);
  }
}
