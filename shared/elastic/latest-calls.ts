// `latest` functions: one call under way, and behind it only the newest one.
import type { Call } from './outbox.ts';

export class LatestCalls {
  /** Per function, the call that is queued or under way. */
  readonly #active = new Map<number, Call>();
  readonly #waiting = new Map<number, Call>();

  get waiting(): Call[] {
    return [...this.#waiting.values()];
  }

  /** Whether the call may go now. Otherwise it waits, and the call that it replaces is returned. */
  offer(call: Call): { readonly goes: boolean; readonly replaced: Call | null } {
    if (!this.#active.has(call.index)) {
      this.#active.set(call.index, call);
      return { goes: true, replaced: null };
    }
    const replaced = this.#waiting.get(call.index) ?? null;
    this.#waiting.set(call.index, call);
    return { goes: false, replaced };
  }

  /** A call is over, or not wanted any more: returns the one that may go now. */
  end(call: Call): Call | null {
    const waiting = this.#waiting.get(call.index) ?? null;
    if (waiting === call) {
      this.#waiting.delete(call.index);
      return null;
    }
    if (this.#active.get(call.index) !== call) return null;
    this.#active.delete(call.index);
    if (waiting === null) return null;
    this.#waiting.delete(call.index);
    this.#active.set(call.index, waiting);
    return waiting;
  }

  clear(): void {
    this.#active.clear();
    this.#waiting.clear();
  }
}
