// Calls that are sent and not answered: the window that bounds them, and when answers are acknowledged.
import { WINDOW_BYTES, WINDOW_CALLS } from './limits.ts';
import type { Call } from './outbox.ts';
import type { Session } from './session.ts';
import { encodeRequestHeader } from './wire.ts';

/** Answers without an acknowledgement riding on a request, before one is sent alone [count, bytes]. */
const ACK_EVERY_RESULTS = 64;
const ACK_EVERY_BYTES = 1024 * 1024;

/** Deadlines travel in 32 bits; longer ones are none. */
const MAX_DEADLINE_MS = 0xffff_ffff;

export class FlightWindow {
  /** All answers up to here have arrived. */
  received = 0;
  #calls = 0;
  #bytes = 0;
  #unackedResults = 0;
  #unackedBytes = 0;

  /** A lone call may be larger than the window. */
  hasRoomFor(call: Call): boolean {
    return this.#calls < WINDOW_CALLS && (this.#calls === 0 || this.#bytes + call.args.byteLength <= WINDOW_BYTES);
  }

  /** A call is under way; with a request of its own, what was received is acknowledged on it. */
  start(call: Call, acknowledges: boolean): void {
    call.inFlight = true;
    this.#calls += 1;
    this.#bytes += call.args.byteLength;
    if (acknowledges) this.#acknowledged();
  }

  /** Sends a call with the time that its deadline leaves it; one that was attempted before has none, for it may have begun. */
  send(session: Session, call: Call, nowSec: number): void {
    const leftMs = (call.expiresSec - nowSec) * 1000;
    const deadlineMs = call.attempted || leftMs > MAX_DEADLINE_MS ? 0 : Math.max(1, Math.ceil(leftMs));
    call.attempted = true;
    this.start(call, true);
    session.request(encodeRequestHeader(call.latest, call.index, call.number, this.received, deadlineMs), call.args);
  }

  end(call: Call): void {
    if (!call.inFlight) return;
    call.inFlight = false;
    this.#calls -= 1;
    this.#bytes -= call.args.byteLength;
  }

  /** A call's answer has arrived. True: it is time to acknowledge. */
  arrive(call: Call, answerBytes: number): boolean {
    this.end(call);
    if (call.number > this.received) this.received = call.number;
    this.#unackedResults += 1;
    this.#unackedBytes += answerBytes;
    if (this.#unackedResults < ACK_EVERY_RESULTS && this.#unackedBytes < ACK_EVERY_BYTES) return false;
    this.#acknowledged();
    return true;
  }

  #acknowledged(): void {
    this.#unackedResults = 0;
    this.#unackedBytes = 0;
  }
}
