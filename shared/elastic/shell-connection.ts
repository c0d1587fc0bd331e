// One connection of a fixed end to a shell: checks each frame and hands it on. What is wrong with a frame ends the connection, coded.
import { OutriderError } from '../errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Transport } from '../ports/transport.ts';
import { HANDSHAKE_SEC, WINDOW_BYTES, WINDOW_CALLS } from './limits.ts';
import { Link } from './link.ts';
import { encodeFailure } from './remote-error.ts';
import type { ShellCalls } from './shell-calls.ts';
import type { ShellChannel } from './shell-channel.ts';
import { StateReceiver, type StateStore } from './state-transfer.ts';
import { FRAME, decodeHello, decodeRequest, decodeStateMark, encodeBare, encodeNumber, type Hello } from './wire.ts';
import { WireReader } from './wire-cursor.ts';

interface ShellConnectionOptions {
  readonly clock: Clock;
  readonly calls: ShellCalls;
  readonly states: StateStore;
  readonly maxStateBytes: number;
  readonly isRunning: () => boolean;
  /** Binds `channel`, or throws what the peer is refused with. */
  readonly onHello: (hello: Hello) => void;
  readonly onActivate: (stateId: string, processed: number) => void;
  readonly onFreeze: () => void;
  readonly onResume: () => void;
  readonly onCheckpointWanted: (toChannel: boolean) => void;
  readonly onBye: () => void;
  readonly onClosed: () => void;
}

export class ShellConnection {
  readonly link: Link;
  /** Null until HELLO is accepted. */
  channel: ShellChannel | null = null;
  /** Kinds of state (FROZEN, CHECKPOINT) that are on their way: none is sent twice at a time, however often it is asked for. */
  readonly sending = new Set<number>();
  readonly #options: ShellConnectionOptions;
  readonly #receiver: StateReceiver;
  readonly #handshake: Timer;
  #greeted = false;

  constructor(transport: Transport, options: ShellConnectionOptions) {
    this.#options = options;
    this.#receiver = new StateReceiver(options.states, options.maxStateBytes);
    this.#handshake = options.clock.after(HANDSHAKE_SEC, () => {
      if (!this.#greeted) this.link.close(new OutriderError('OUT_WIRE_LIMIT', `no HELLO within ${HANDSHAKE_SEC} s`));
    });
    this.link = new Link(transport, {
      onFrame: (frame) => this.guard(() => this.#receive(frame)),
      onClose: () => {
        this.#handshake.stop();
        if (this.channel?.link === this.link) this.channel.link = null;
        options.onClosed();
      },
    });
  }

  /** Runs `work`; what it throws is told to the peer, and the connection ends. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.refuse(error instanceof Error ? error : new Error(String(error)));
    }
  }

  refuse(error: Error): void {
    this.link.send(encodeFailure(FRAME.refused, 0, error, true));
    this.link.close(error);
  }

  #receive(frame: Uint8Array): void {
    if (!this.#greeted) {
      const hello = decodeHello(frame);
      this.#greeted = true;
      this.#handshake.stop();
      this.#options.onHello(hello);
      return;
    }
    const reader = new WireReader(frame);
    const kind = reader.u8();
    const { channel } = this;
    if (channel === null) throw new OutriderError('OUT_WIRE_MALFORMED', `frame 0x${kind.toString(16)} before WELCOME`);
    // Another connection of the same fixed end has taken over: what is still under way here is void.
    if (channel.link !== this.link) return;
    switch (kind) {
      case FRAME.request:
        this.#request(channel, reader);
        return;
      case FRAME.ack:
        channel.acknowledge(reader.u48());
        break;
      case FRAME.cancel:
        this.#cancel(channel, reader.u48());
        break;
      case FRAME.ping:
        this.link.send(encodeBare(FRAME.pong));
        break;
      case FRAME.freeze:
        this.#options.onFreeze();
        break;
      case FRAME.resume:
        this.#options.onResume();
        break;
      case FRAME.checkpointWanted:
        this.#options.onCheckpointWanted(reader.u8() === 1);
        break;
      case FRAME.stateBegin:
        this.#receiver.begin(reader);
        return;
      case FRAME.stateChunk:
        this.#receiver.chunk(reader);
        return;
      case FRAME.stateEnd:
        this.#stateEnd(channel, reader);
        return;
      case FRAME.activate: {
        const { stateId, processed } = decodeStateMark(reader);
        this.#options.onActivate(stateId, processed);
        return;
      }
      case FRAME.bye:
        this.#options.onBye();
        break;
      default:
        throw new OutriderError('OUT_WIRE_MALFORMED', `unknown frame 0x${kind.toString(16)} at a shell`);
    }
    reader.end();
  }

  #request(channel: ShellChannel, reader: WireReader): void {
    const request = decodeRequest(reader);
    channel.acknowledge(request.ack);
    // Made again although it took effect here: its answer was sent after WELCOME.
    if (request.number <= channel.processed || !this.#options.isRunning()) return;
    if (channel.queuedCalls >= WINDOW_CALLS || channel.queuedBytes + request.args.byteLength > WINDOW_BYTES) {
      throw new OutriderError(
        'OUT_WIRE_LIMIT',
        `${channel.queuedCalls} calls of ${channel.queuedBytes} bytes wait for ${channel.id} already`,
      );
    }
    this.#options.calls.request(channel, request);
  }

  #cancel(channel: ShellChannel, number: number): void {
    if (number > channel.processed && channel.cancelled.size < WINDOW_CALLS) channel.cancelled.add(number);
  }

  #stateEnd(channel: ShellChannel, reader: WireReader): void {
    const state = this.#receiver.end(reader);
    channel.peerStates.add(state.id);
    this.link.send(encodeNumber(FRAME.stateHeld, state.bytes.byteLength));
  }
}
