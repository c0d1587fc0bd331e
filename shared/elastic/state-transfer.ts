// States over a link: in chunks between the calls, as the pages that differ from a state that the receiver holds already
// (pre-copy, then a small rest in the pause: Clark et al., Live Migration of Virtual Machines, NSDI 2005).
import { OutriderError } from '../errors.ts';
import { MAX_HELD_STATES, STATE_CHUNK_BYTES, STATE_PAGE_BYTES } from './limits.ts';
import type { Frame } from './link.ts';
import type { CapturedState } from './state-form.ts';
import { FRAME, decodeStateBegin, encodeNumber, encodeStateBegin, type StateBegin } from './wire.ts';
import { type WireReader, WireWriter } from './wire-cursor.ts';

export interface HeldState extends CapturedState {
  /** Unique among all versions of all instances: `<instance>.<epoch>.<count>`. */
  readonly id: string;
  /** Last number of the fixed end's channel that took effect in it. */
  readonly processed: number;
}

/**
 * The last states that a module left places with. A host that was left holds its own copy for a while: a return to it sends only what
 * changed since. One per module, shared by the stores of its places.
 */
export class LeftStates {
  readonly #states = new Map<string, HeldState>();

  get all(): ReadonlyMap<string, HeldState> {
    return this.#states;
  }

  /** Keeps `state` and the one before it; its bytes must not be changed from here on. */
  add(state: HeldState): void {
    this.#states.delete(state.id);
    this.#states.set(state.id, state);
    for (const id of this.#states.keys()) {
      if (this.#states.size <= MAX_HELD_STATES) break;
      this.#states.delete(id);
    }
  }
}

/** The versions of a state that this end holds, newest last. */
export class StateStore {
  readonly #states = new Map<string, HeldState>();
  readonly #left: LeftStates;

  constructor(left: LeftStates = new LeftStates()) {
    this.#left = left;
  }

  get ids(): string[] {
    return [...new Set([...this.#left.all.keys(), ...this.#states.keys()])];
  }

  get newest(): HeldState | null {
    return [...this.#states.values()].at(-1) ?? null;
  }

  get(id: string): HeldState | undefined {
    return this.#states.get(id) ?? this.#left.all.get(id);
  }

  /** The newest state that is also among `ids`. */
  newestOf(ids: ReadonlySet<string>): HeldState | null {
    return [...this.#left.all.values(), ...this.#states.values()].findLast((state) => ids.has(state.id)) ?? null;
  }

  /** Whether the bytes of this version may be changed in place: nobody returns to it. */
  isOnlyHere(id: string): boolean {
    return !this.#left.all.has(id);
  }

  put(state: HeldState): void {
    this.#states.delete(state.id);
    this.#states.set(state.id, state);
    for (const id of this.#states.keys()) {
      if (this.#states.size <= MAX_HELD_STATES) break;
      this.#states.delete(id);
    }
  }

  delete(id: string): void {
    this.#states.delete(id);
  }

  clear(): void {
    this.#states.clear();
  }
}

const ZEROS = Buffer.alloc(STATE_PAGE_BYTES);

/**
 * The frames that carry `state` to an end that holds `base` (null: nothing). `count` is told the bytes of every chunk.
 * The bytes of both must stay as they are until the frames have been sent.
 */
export function* stateFrames(state: HeldState, base: HeldState | null, count: (bytes: number) => void): Generator<Frame> {
  const usable = base !== null && base.form === state.form ? base : null;
  const { id: stateId, form, bytes } = state;
  yield [encodeStateBegin({ stateId, baseId: usable?.id ?? '', form, totalBytes: bytes.byteLength })];
  const next = asBuffer(bytes);
  const old = usable === null ? null : asBuffer(usable.bytes);
  let runStart = -1;
  for (let at = 0; at < next.byteLength; at += STATE_PAGE_BYTES) {
    const end = Math.min(at + STATE_PAGE_BYTES, next.byteLength);
    if (!isSamePage(next, old, at, end)) {
      if (runStart < 0) runStart = at;
      if (end - runStart < STATE_CHUNK_BYTES && end < next.byteLength) continue;
      yield chunkOf(next, runStart, end, count);
      runStart = -1;
    } else if (runStart >= 0) {
      yield chunkOf(next, runStart, at, count);
      runStart = -1;
    }
  }
  yield [encodeNumber(FRAME.stateEnd, state.processed)];
}

/** Takes the frames of states in. Memory is bounded by `maxBytes` per state; a base is changed in place, so it is given up. */
export class StateReceiver {
  readonly #store: StateStore;
  readonly #maxBytes: number;
  #begin: StateBegin | null = null;
  #fresh: Buffer | null = null;
  #staged: { readonly offset: number; readonly bytes: Buffer }[] = [];
  #stagedBytes = 0;

  constructor(store: StateStore, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** A connection ended in the middle of a state: forget the part. */
  reset(): void {
    this.#begin = null;
    this.#fresh = null;
    this.#staged = [];
    this.#stagedBytes = 0;
  }

  begin(reader: WireReader): void {
    if (this.#begin !== null) throw new OutriderError('OUT_WIRE_MALFORMED', 'STATE_BEGIN inside a state');
    const begin = decodeStateBegin(reader);
    if (begin.totalBytes > this.#maxBytes) {
      throw new OutriderError('OUT_WIRE_LIMIT', `a state of ${begin.totalBytes} bytes, at most ${this.#maxBytes} are allowed`);
    }
    if (begin.baseId === '') this.#fresh = Buffer.alloc(begin.totalBytes);
    else if (this.#store.get(begin.baseId) === undefined) {
      throw new OutriderError('OUT_WIRE_MALFORMED', 'STATE_BEGIN names a base that is not held here');
    }
    this.#begin = begin;
  }

  chunk(reader: WireReader): void {
    if (this.#begin === null) throw new OutriderError('OUT_WIRE_MALFORMED', 'STATE_CHUNK outside a state');
    const offset = reader.u48();
    const bytes = reader.rest();
    if (offset + bytes.byteLength > this.#begin.totalBytes) {
      throw new OutriderError('OUT_WIRE_MALFORMED', `STATE_CHUNK ends at byte ${offset + bytes.byteLength} of ${this.#begin.totalBytes}`);
    }
    if (this.#fresh !== null) {
      this.#fresh.set(bytes, offset);
      return;
    }
    this.#stagedBytes += bytes.byteLength;
    if (this.#stagedBytes > this.#begin.totalBytes) throw new OutriderError('OUT_WIRE_LIMIT', 'the chunks of a state exceed its size');
    this.#staged.push({ offset, bytes: Buffer.from(bytes) });
  }

  /** The complete state, which the store holds from now on. */
  end(reader: WireReader): HeldState {
    const processed = reader.u48();
    reader.end();
    const begin = this.#begin;
    if (begin === null) throw new OutriderError('OUT_WIRE_MALFORMED', 'STATE_END outside a state');
    const bytes = this.#fresh ?? this.#applied(begin);
    const state: HeldState = { id: begin.stateId, form: begin.form, bytes, processed };
    this.#store.put(state);
    this.reset();
    return state;
  }

  #applied(begin: StateBegin): Buffer {
    const base = asBuffer((this.#store.get(begin.baseId) as HeldState).bytes);
    const inPlace = this.#store.isOnlyHere(begin.baseId) && base.byteLength === begin.totalBytes;
    this.#store.delete(begin.baseId);
    let target = base;
    if (!inPlace) {
      target = Buffer.alloc(begin.totalBytes);
      base.copy(target);
    }
    for (const { offset, bytes } of this.#staged) target.set(bytes, offset);
    return target;
  }
}

function isSamePage(next: Buffer, old: Buffer | null, start: number, end: number): boolean {
  if (old === null) return next.compare(ZEROS, 0, end - start, start, end) === 0;
  if (end <= old.byteLength) return next.compare(old, start, end, start, end) === 0;
  // Beyond the base's end the receiver has zeros.
  if (start >= old.byteLength) return next.compare(ZEROS, 0, end - start, start, end) === 0;
  return false;
}

function chunkOf(bytes: Buffer, start: number, end: number, count: (bytes: number) => void): Frame {
  count(end - start);
  return [new WireWriter(8).u8(FRAME.stateChunk).u48(start).done(), bytes.subarray(start, end)];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
