// One connection of the fixed end to an instance's shell: greeting, calls, states, heartbeat. It ends once, with the reason.
import { OutriderError } from '../errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Transport } from '../ports/transport.ts';
import { BYE_SEC, HANDSHAKE_SEC, STATE_SLACK_BYTES } from './limits.ts';
import { Link } from './link.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { decodeFailure } from './remote-error.ts';
import { interfaceIdOf } from './state-form.ts';
import { StateReceiver, type StateStore, stateFrames, type HeldState } from './state-transfer.ts';
import { FRAME, decodeStateMark, decodeWelcome, encodeBare, encodeHello, encodeNumber, encodeStateMark, type Welcome } from './wire.ts';
import { WireReader, WireWriter } from './wire-cursor.ts';

/** A state from the instance, and the last number of this channel that is in it. */
export interface MarkedState {
  readonly state: HeldState | null;
  readonly processed: number;
}

export interface SessionListener {
  /** `value` is a view of the frame. */
  onResult(number: number, value: Uint8Array): void;
  onFailure(number: number, error: Error, withoutEffect: boolean): void;
  onDurable(number: number): void;
  /** A newer state of the instance has arrived; `processed` of it is safe here. */
  onState(state: HeldState): void;
  /** The session is over; not called after `close`. */
  onEnd(error: Error): void;
}

export interface SessionOptions {
  readonly manifest: ModuleManifest;
  readonly clock: Clock;
  readonly channelId: string;
  readonly token: string;
  readonly epoch: number;
  readonly ack: number;
  readonly provision: boolean;
  readonly heartbeatSec: number;
  readonly lostAfterSec: number;
  /** States held here, which outlive the connection. */
  readonly states: StateStore;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class Session {
  readonly link: Link;
  readonly #options: SessionOptions;
  readonly #receiver: StateReceiver;
  readonly #peerStates = new Set<string>();
  #listener: SessionListener | null = null;
  #early: (() => void)[] = [];
  #welcome: Waiter<Welcome> | null = null;
  #frozen: Waiter<MarkedState> | null = null;
  #checkpoint: Waiter<MarkedState> | null = null;
  #activated: Waiter<void> | null = null;
  #held: Waiter<void> | null = null;
  #heartbeat: Timer | null = null;
  #handshake: Timer | null = null;
  #silentBeats = 0;
  #heard = false;
  #ended: Error | null = null;
  #farewell: (() => void) | null = null;

  private constructor(transport: Transport, options: SessionOptions) {
    this.#options = options;
    this.#receiver = new StateReceiver(options.states, options.manifest.memoryMaxBytes + STATE_SLACK_BYTES);
    this.link = new Link(transport, {
      onFrame: (frame) => this.#receive(frame),
      onClose: (error) => this.#end(error ?? new OutriderError('OUT_ELASTIC_LOST', `${this.link.description} was closed by the other end`)),
    });
  }

  /** Says HELLO and waits for WELCOME. Rejects with what the shell refuses with, or OUT_ELASTIC_LOST. */
  static async open(transport: Transport, options: SessionOptions): Promise<{ readonly session: Session; readonly welcome: Welcome }> {
    const session = new Session(transport, options);
    const welcome = await session.#greet();
    return { session, welcome };
  }

  get over(): boolean {
    return this.#ended !== null;
  }

  /** From here on answers go to `listener`, with those that came first. */
  attach(listener: SessionListener): void {
    this.#listener = listener;
    for (const deliver of this.#early.splice(0)) deliver();
    const ended = this.#ended;
    // It ended before anybody listened.
    if (ended !== null) queueMicrotask(() => listener.onEnd(ended));
  }

  detach(): void {
    this.#listener = null;
  }

  request(header: Uint8Array, args: Uint8Array): void {
    this.link.send(header, args);
  }

  cancel(number: number): void {
    this.link.send(encodeNumber(FRAME.cancel, number));
  }

  acknowledge(number: number): void {
    this.link.send(encodeNumber(FRAME.ack, number));
  }

  /** Asks the shell to make what happened so far durable. */
  askDurable(): void {
    this.link.send(new WireWriter(2).u8(FRAME.checkpointWanted).u8(0).done());
  }

  /** The state as it is now, while calls go on. */
  fetchCheckpoint(): Promise<MarkedState> {
    this.link.send(new WireWriter(2).u8(FRAME.checkpointWanted).u8(1).done());
    return this.#wait((waiter) => (this.#checkpoint = waiter));
  }

  /** Stops the instance after what was sent so far and takes its state. Rejects with OUT_ELASTIC_REFUSED when others use it. */
  freeze(): Promise<MarkedState> {
    this.link.send(encodeBare(FRAME.freeze));
    return this.#wait((waiter) => (this.#frozen = waiter));
  }

  /** Lets a frozen instance go on: its state was not used. */
  resume(): void {
    this.link.send(encodeBare(FRAME.resume));
  }

  /** Sends a state as its difference from what the shell has; resolves with the bytes sent, when the shell has it. */
  async sendState(state: HeldState): Promise<number> {
    const { sent, done } = this.#push(state, null);
    await Promise.all([done, this.#wait<void>((waiter) => (this.#held = waiter))]);
    return sent.bytes;
  }

  /**
   * Brings an embryo to life with a state (null: a module without). `handed` resolves with the bytes sent when all is on its way: calls may
   * follow at once; `running` when the shell says that it runs. Both reject when it does not.
   */
  activate(state: HeldState | null, processed: number): { readonly handed: Promise<number>; readonly running: Promise<void> } {
    const running = this.#wait<void>((waiter) => (this.#activated = waiter));
    // The caller awaits `handed` first; a rejection meanwhile is not unhandled.
    running.catch(() => undefined);
    const mark = encodeStateMark(FRAME.activate, state?.id ?? '', processed);
    if (state === null || this.#peerStates.has(state.id)) {
      this.link.send(mark);
      return { handed: Promise.resolve(0), running };
    }
    const { sent, done } = this.#push(state, mark);
    return { handed: done.then(() => sent.bytes), running };
  }

  /** Ends the session for good: the shell forgets this fixed end. Resolves when it has, as its closing says, or was given up. */
  async bye(): Promise<void> {
    this.#listener = null;
    this.link.send(encodeBare(FRAME.bye));
    if (this.over) return;
    const patience = this.#options.clock.after(BYE_SEC, () => this.close());
    await new Promise<void>((resolve) => (this.#farewell = resolve));
    patience.stop();
  }

  close(error?: Error): void {
    this.#listener = null;
    this.link.close(error);
  }

  #push(state: HeldState, after: Uint8Array | null): { readonly sent: { bytes: number }; readonly done: Promise<void> } {
    const { states } = this.#options;
    const base = states.newestOf(this.#peerStates);
    if (base !== null) this.#peerStates.delete(base.id);
    this.#peerStates.add(state.id);
    states.put(state);
    const sent = { bytes: 0 };
    const frames = (function* () {
      yield* stateFrames(state, base, (bytes) => {
        sent.bytes += bytes;
      });
      if (after !== null) yield [after];
    })();
    return { sent, done: this.link.sendBulk(frames) };
  }

  #wait<T>(register: (waiter: Waiter<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.over) reject(new OutriderError('OUT_ELASTIC_LOST', `${this.link.description} is closed`));
      else register({ resolve, reject });
    });
  }

  #greet(): Promise<Welcome> {
    const { manifest, clock, channelId, token, epoch, ack, provision, states } = this.#options;
    const interfaceId = interfaceIdOf(manifest);
    this.link.send(encodeHello({ channelId, token, module: manifest.name, interfaceId, epoch, ack, provision, held: states.ids }));
    this.#handshake = clock.after(HANDSHAKE_SEC, () => {
      this.link.close(new OutriderError('OUT_ELASTIC_LOST', `${this.link.description}: no WELCOME within ${HANDSHAKE_SEC} s`));
    });
    return this.#wait((waiter) => (this.#welcome = waiter));
  }

  #beat(): void {
    const { heartbeatSec, lostAfterSec } = this.#options;
    this.#silentBeats = this.#heard ? 0 : this.#silentBeats + 1;
    if (this.#silentBeats * heartbeatSec >= lostAfterSec) {
      this.link.close(new OutriderError('OUT_ELASTIC_LOST', `${this.link.description}: silent for ${lostAfterSec} s`));
      return;
    }
    if (!this.#heard) this.link.send(encodeBare(FRAME.ping));
    this.#heard = false;
  }

  /** What throws here closes the connection. */
  #receive(frame: Uint8Array): void {
    this.#heard = true;
    const kind = frame[0];
    if (kind === FRAME.result && this.#welcome === null) {
      this.#result(frame);
      return;
    }
    const reader = new WireReader(frame);
    reader.u8();
    if (this.#welcome !== null && kind !== FRAME.refused) {
      if (kind !== FRAME.welcome) throw new OutriderError('OUT_WIRE_MALFORMED', `frame 0x${kind?.toString(16)} before WELCOME`);
      this.#welcomed(decodeWelcome(reader));
      return;
    }
    switch (kind) {
      case FRAME.failure:
      case FRAME.refused:
        this.#failure(kind, reader);
        return;
      case FRAME.durable: {
        const number = reader.u48();
        this.#deliver((listener) => listener.onDurable(number));
        break;
      }
      case FRAME.pong:
        break;
      case FRAME.stateBegin:
        this.#receiver.begin(reader);
        return;
      case FRAME.stateChunk:
        this.#receiver.chunk(reader);
        return;
      case FRAME.stateEnd: {
        const state = this.#receiver.end(reader);
        this.#peerStates.add(state.id);
        this.#deliver((listener) => listener.onState(state));
        return;
      }
      case FRAME.stateHeld:
        reader.u48();
        settle(this.#held, undefined);
        this.#held = null;
        break;
      case FRAME.activated:
        settle(this.#activated, undefined);
        this.#activated = null;
        break;
      case FRAME.checkpoint:
        settle(this.#checkpoint, this.#marked(reader));
        this.#checkpoint = null;
        return;
      case FRAME.frozen:
        settle(this.#frozen, this.#marked(reader));
        this.#frozen = null;
        return;
      default:
        throw new OutriderError('OUT_WIRE_MALFORMED', `unknown frame 0x${kind?.toString(16)} at a fixed end`);
    }
    reader.end();
  }

  #welcomed(welcome: Welcome): void {
    const { clock, heartbeatSec } = this.#options;
    this.#handshake?.stop();
    for (const id of welcome.held) this.#peerStates.add(id);
    this.#heartbeat = clock.every(heartbeatSec, () => this.#beat());
    settle(this.#welcome, welcome);
    this.#welcome = null;
  }

  #result(frame: Uint8Array): void {
    if (frame.byteLength < 8) throw new OutriderError('OUT_WIRE_MALFORMED', `RESULT of ${frame.byteLength} bytes`);
    const number = (frame[2] ?? 0) + (frame[3] ?? 0) * 2 ** 8 + (frame[4] ?? 0) * 2 ** 16 + (frame[5] ?? 0) * 2 ** 24;
    const whole = number + ((frame[6] ?? 0) + (frame[7] ?? 0) * 2 ** 8) * 2 ** 32;
    const value = frame.subarray(8);
    if (this.#listener !== null) this.#listener.onResult(whole, value);
    else {
      const copy = new Uint8Array(value);
      this.#early.push(() => this.#listener?.onResult(whole, copy));
    }
  }

  #failure(kind: number, reader: WireReader): void {
    const { number, error, withoutEffect } = decodeFailure(reader);
    if (kind === FRAME.refused) {
      this.link.close(error);
    } else if (number === 0) {
      this.#frozen?.reject(error);
      this.#frozen = null;
    } else {
      this.#deliver((listener) => listener.onFailure(number, error, withoutEffect));
    }
  }

  #marked(reader: WireReader): MarkedState {
    const { stateId, processed } = decodeStateMark(reader);
    if (stateId === '') return { state: null, processed };
    const state = this.#options.states.get(stateId);
    if (state === undefined) throw new OutriderError('OUT_WIRE_MALFORMED', 'a state is marked that has not arrived');
    return { state, processed };
  }

  #deliver(deliver: (listener: SessionListener) => void): void {
    if (this.#listener !== null) deliver(this.#listener);
    else this.#early.push(() => this.#listener && deliver(this.#listener));
  }

  #end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#heartbeat?.stop();
    this.#handshake?.stop();
    for (const waiter of [this.#welcome, this.#frozen, this.#checkpoint, this.#activated, this.#held]) waiter?.reject(error);
    this.#listener?.onEnd(error);
    this.#listener = null;
    this.#farewell?.();
  }
}

function settle<T>(waiter: Waiter<T> | null, value: T): void {
  waiter?.resolve(value);
}
