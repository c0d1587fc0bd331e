// The state that the model of the move protocol explores: a fixed end, instances, and what is under way between them.

/** Faults planted into the protocol, to prove that the exploration finds them. */
export type Mutation =
  'none' | 'no-dedup' | 'no-replay' | 'answers-forgotten' | 'safe-when-answered' | 'checkpoint-before-answer' | 'no-resume';

export interface Bounds {
  readonly calls: number;
  readonly moves: number;
  readonly faults: number;
  readonly mutation: Mutation;
}

export type Up =
  | { readonly t: 'hello'; readonly ack: number }
  | { readonly t: 'req'; readonly n: number; readonly ack: number }
  | { readonly t: 'activate'; readonly effects: readonly number[] }
  | { readonly t: 'freeze' | 'resume' };
export type Down =
  | { readonly t: 'welcome'; readonly phase: Phase; readonly processed: number }
  | { readonly t: 'res'; readonly n: number; readonly v: number }
  | { readonly t: 'activated' }
  | { readonly t: 'frozen' | 'checkpoint'; readonly effects: readonly number[] };
export type Phase = 'embryo' | 'running' | 'frozen' | 'dead';

export interface Instance {
  phase: Phase;
  effects: number[];
  /** Answers that are not acknowledged: number, value. */
  results: [number, number][];
  conn: { up: Up[]; down: Down[] } | null;
}

export interface ModelState {
  issued: number;
  /** Value answered to each call, 0: none yet. */
  answers: number[];
  /** Numbers kept for replay or unanswered. */
  outbox: number[];
  unsent: number[];
  inFlight: number[];
  received: number;
  /** -1: on board; -2: held; else the instance that gets calls. */
  place: number;
  local: number[];
  /** The instance that the module is at, -1 on board. */
  edge: number;
  /** Newest state of the edge's instance held by the fixed end. */
  held: number[];
  op:
    | 'none'
    | 'offload-connect'
    | 'offload-activate'
    | 'recall'
    | 'handoff-connect'
    | 'handoff-freeze'
    | 'handoff-activate'
    | 'lost'
    | 'reconnect';
  target: number;
  instances: Instance[];
  moves: number;
  faults: number;
  /** A call answered twice with different values, or wrongly. */
  wrong: string | null;
}

export function initialState(bounds: Bounds): ModelState {
  return {
    issued: 0,
    answers: Array.from({ length: bounds.calls }, () => 0),
    outbox: [],
    unsent: [],
    inFlight: [],
    received: 0,
    place: -1,
    local: [],
    edge: -1,
    held: [],
    op: 'none',
    target: -1,
    instances: [],
    moves: bounds.moves,
    faults: bounds.faults,
    wrong: null,
  };
}

export const processedOf = (effects: readonly number[]): number => effects.at(-1) ?? 0;
