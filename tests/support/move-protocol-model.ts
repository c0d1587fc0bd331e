// A model of the move protocol (docs/wire.md) for exhaustive exploration: one fixed end, instances that may die, connections that may break.
// A call's effect is its number, appended to a list; its answer is the list's length: any lost, doubled or reordered effect shows.

/** Faults planted into the protocol, to prove that the exploration finds them. */
export type Mutation =
  'none' | 'no-dedup' | 'no-replay' | 'answers-forgotten' | 'safe-when-answered' | 'checkpoint-before-answer' | 'no-resume';

export interface Bounds {
  readonly calls: number;
  readonly moves: number;
  readonly faults: number;
  readonly mutation: Mutation;
}

type Up =
  | { readonly t: 'hello'; readonly ack: number }
  | { readonly t: 'req'; readonly n: number; readonly ack: number }
  | { readonly t: 'activate'; readonly effects: readonly number[] }
  | { readonly t: 'freeze' | 'resume' };
type Down =
  | { readonly t: 'welcome'; readonly phase: Phase; readonly processed: number }
  | { readonly t: 'res'; readonly n: number; readonly v: number }
  | { readonly t: 'activated' }
  | { readonly t: 'frozen' | 'checkpoint'; readonly effects: readonly number[] };
type Phase = 'embryo' | 'running' | 'frozen' | 'dead';

interface Instance {
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

const processedOf = (effects: readonly number[]): number => effects.at(-1) ?? 0;

/** Every state that one step leads to. `fault`: the step is the environment's malice, not progress. */
export function successors(
  state: ModelState,
  bounds: Bounds,
): { readonly label: string; readonly fault: boolean; readonly state: ModelState }[] {
  const next: { label: string; fault: boolean; state: ModelState }[] = [];
  const step = (label: string, fault: boolean, change: (model: Model) => void): void => {
    const model = new Model(structuredClone(state), bounds.mutation);
    change(model);
    next.push({ label, fault, state: model.s });
  };
  const { s } = new Model(state, bounds.mutation);
  if (s.issued < bounds.calls) step('call', false, (m) => m.call());
  for (const [index, instance] of s.instances.entries()) {
    if (instance.conn === null) continue;
    if (instance.conn.up.length > 0) step(`up ${index} ${instance.conn.up[0]?.t}`, false, (m) => m.deliverUp(index));
    if (instance.conn.down.length > 0) step(`down ${index} ${instance.conn.down[0]?.t}`, false, (m) => m.deliverDown(index));
    const isGreeted = !instance.conn.up.some((message) => message.t === 'hello');
    const dirty =
      isGreeted && processedOf(instance.effects) > processedOf(s.held) && !instance.conn.down.some((message) => message.t === 'checkpoint');
    if (instance.phase === 'running' && index === s.edge && dirty) step(`checkpoint ${index}`, false, (m) => m.checkpoint(index));
    if (s.faults > 0) {
      step(`cut ${index}`, true, (m) => m.cut(index));
      step(`crash ${index}`, true, (m) => m.crash(index));
      if (instance.conn.up[0]?.t === 'req') step(`repeat ${index}`, true, (m) => m.repeat(index));
    }
  }
  if (s.op === 'none' && s.moves > 0) {
    if (s.edge === -1) step('offload', true, (m) => m.startOffload());
    else {
      step('recall', true, (m) => m.startRecall());
      step('handoff', true, (m) => m.startHandoff());
    }
  }
  if (s.op === 'lost') {
    if (s.instances[s.edge]?.phase !== 'dead') step('reconnect', false, (m) => m.reconnect());
    // The fixed end cannot tell a dead instance from a slow one: it may give up either.
    step('fall back', false, (m) => m.fallBack());
  }
  return next;
}

/** What is wrong with a state, or null. */
export function violation(state: ModelState, bounds: Bounds, isFinal: boolean): string | null {
  if (state.wrong !== null) return state.wrong;
  const current = state.edge === -1 ? state.local : state.instances[state.edge]?.effects;
  for (const [index, effect] of (current ?? []).entries()) {
    if (effect !== index + 1) return `effects ${JSON.stringify(current)} are not in order, once each`;
  }
  if (!isFinal) return null;
  if (state.answers.some((answer) => answer === 0)) return `nothing more happens, and the answers are ${JSON.stringify(state.answers)}`;
  if (current?.length !== bounds.calls) return `nothing more happens, and the effects are ${JSON.stringify(current)}`;
  return null;
}

class Model {
  readonly s: ModelState;
  readonly #mutation: Mutation;

  constructor(state: ModelState, mutation: Mutation) {
    this.s = state;
    this.#mutation = mutation;
  }

  call(): void {
    this.s.issued += 1;
    this.s.outbox.push(this.s.issued);
    this.s.unsent.push(this.s.issued);
    this.#pump();
  }

  // The fixed end's moves.

  startOffload(): void {
    this.s.moves -= 1;
    this.s.op = 'offload-connect';
    this.s.target = this.#spawn();
  }

  startRecall(): void {
    this.s.moves -= 1;
    this.s.op = 'recall';
    this.s.place = -2;
    this.#send(this.s.edge, { t: 'freeze' });
  }

  startHandoff(): void {
    this.s.moves -= 1;
    this.s.op = 'handoff-connect';
    this.s.target = this.#spawn();
  }

  reconnect(): void {
    this.s.op = 'reconnect';
    (this.s.instances[this.s.edge] as Instance).conn = { up: [{ t: 'hello', ack: this.s.received }], down: [] };
  }

  fallBack(): void {
    this.s.op = 'none';
    // Unreachable, not dead: it may still be there, and what it says is not listened to.
    this.#close(this.s.edge);
    this.s.edge = -1;
    this.#runLocally(this.s.held);
  }

  // The environment.

  cut(index: number): void {
    this.s.faults -= 1;
    this.#close(index);
    this.#lost(index);
  }

  crash(index: number): void {
    this.s.faults -= 1;
    (this.s.instances[index] as Instance).phase = 'dead';
    this.#close(index);
    this.#lost(index);
  }

  /** A request arrives twice. */
  repeat(index: number): void {
    this.s.faults -= 1;
    const { conn } = this.s.instances[index] as Instance;
    conn?.up.unshift({ ...(conn.up[0] as Up) });
  }

  // The instance's shell.

  checkpoint(index: number): void {
    const { conn, effects } = this.s.instances[index] as Instance;
    conn?.down.push({ t: 'checkpoint', effects: [...effects] });
  }

  deliverUp(index: number): void {
    const instance = this.s.instances[index] as Instance;
    const conn = instance.conn as NonNullable<Instance['conn']>;
    const message = conn.up.shift() as Up;
    switch (message.t) {
      case 'hello':
        conn.down.push({ t: 'welcome', phase: instance.phase, processed: processedOf(instance.effects) });
        if (this.#mutation === 'answers-forgotten') instance.results = [];
        instance.results = instance.results.filter(([n]) => n > message.ack);
        for (const [n, v] of instance.results) conn.down.push({ t: 'res', n, v });
        return;
      case 'activate':
        instance.effects = [...message.effects];
        instance.phase = 'running';
        conn.down.push({ t: 'activated' });
        return;
      case 'req': {
        instance.results = instance.results.filter(([n]) => n > message.ack);
        const isRepeated = message.n <= processedOf(instance.effects) && this.#mutation !== 'no-dedup';
        if (instance.phase !== 'running' || isRepeated) return;
        instance.effects.push(message.n);
        // The bug that the property test found: a checkpoint with the effect, before the answer.
        if (this.#mutation === 'checkpoint-before-answer') conn.down.push({ t: 'checkpoint', effects: [...instance.effects] });
        const v = instance.effects.length;
        instance.results.push([message.n, v]);
        conn.down.push({ t: 'res', n: message.n, v });
        return;
      }
      case 'freeze':
        instance.phase = 'frozen';
        conn.down.push({ t: 'frozen', effects: [...instance.effects] });
        return;
      case 'resume':
        if (instance.phase === 'frozen') instance.phase = 'running';
    }
  }

  // The fixed end.

  deliverDown(index: number): void {
    const instance = this.s.instances[index] as Instance;
    const message = instance.conn?.down.shift() as Down;
    switch (message.t) {
      case 'welcome':
        this.#welcomed(index, message.phase, message.processed);
        return;
      case 'activated':
        if (this.s.op === 'handoff-activate') this.#close(this.s.edge);
        this.s.edge = index;
        this.s.op = 'none';
        this.#trim(processedOf(this.s.held));
        return;
      case 'checkpoint':
        if (index !== this.s.edge) return;
        this.s.held = [...message.effects];
        this.#trim(processedOf(message.effects));
        return;
      case 'frozen':
        this.#frozen(message.effects);
        return;
      case 'res':
        this.#result(index, message.n, message.v);
    }
  }

  #welcomed(index: number, phase: Phase, processed: number): void {
    const { s } = this;
    if (s.op === 'offload-connect') {
      s.op = 'offload-activate';
      s.held = [...s.local];
      this.#send(index, { t: 'activate', effects: [...s.local] });
      // Calls follow at once.
      this.#runAt(index, processedOf(s.local));
    } else if (s.op === 'handoff-connect') {
      s.op = 'handoff-freeze';
      s.place = -2;
      this.#send(s.edge, { t: 'freeze' });
    } else if (s.op === 'reconnect') {
      s.op = 'none';
      if (phase === 'frozen' && this.#mutation !== 'no-resume') this.#send(index, { t: 'resume' });
      this.#runAt(index, processed);
    }
  }

  #frozen(effects: readonly number[]): void {
    const { s } = this;
    if (s.op === 'recall') {
      this.#close(s.edge);
      s.edge = -1;
      s.op = 'none';
      this.#runLocally(effects);
    } else if (s.op === 'handoff-freeze') {
      s.held = [...effects];
      if (s.instances[s.target]?.conn === null) {
        this.#goOnAtEdge(effects);
        return;
      }
      s.op = 'handoff-activate';
      this.#send(s.target, { t: 'activate', effects: [...effects] });
      this.#runAt(s.target, processedOf(effects));
    }
  }

  #result(index: number, n: number, v: number): void {
    const { s } = this;
    const isCurrent = index === s.place || (s.place === -2 && index === s.edge);
    if (!isCurrent || !s.inFlight.includes(n)) return;
    s.inFlight = s.inFlight.filter((other) => other !== n);
    s.received = Math.max(s.received, n);
    if (v !== n) s.wrong = `call ${n} was answered ${v}`;
    s.answers[n - 1] = v;
    if (this.#mutation === 'safe-when-answered') s.outbox = s.outbox.filter((other) => other !== n);
  }

  /** The connection to an instance is gone. */
  #lost(index: number): void {
    const { s } = this;
    if (index === s.target && (s.op === 'offload-connect' || s.op === 'offload-activate')) {
      (s.instances[index] as Instance).phase = 'dead';
      const isHeld = s.op === 'offload-activate';
      s.op = 'none';
      if (isHeld) this.#runLocally(s.local);
    } else if (index === s.target && s.op === 'handoff-connect') {
      s.op = 'none';
    } else if (index === s.target && s.op === 'handoff-activate') {
      (s.instances[index] as Instance).phase = 'dead';
      this.#goOnAtEdge(s.held);
    } else if (index === s.edge && s.op !== 'handoff-activate') {
      if (s.op.startsWith('handoff')) this.#close(s.target);
      s.op = 'lost';
      s.place = -2;
    }
  }

  /** The source of a handoff goes on, or is looked for. */
  #goOnAtEdge(effects: readonly number[]): void {
    const { s } = this;
    if (s.instances[s.edge]?.conn === null) {
      s.op = 'lost';
      s.place = -2;
      return;
    }
    s.op = 'none';
    if (this.#mutation !== 'no-resume') this.#send(s.edge, { t: 'resume' });
    this.#runAt(s.edge, processedOf(effects));
  }

  #runLocally(effects: readonly number[]): void {
    this.s.local = [...effects];
    this.s.place = -1;
    this.#requeue(processedOf(effects));
    this.#pump();
    this.s.held = [];
  }

  #runAt(index: number, processed: number): void {
    this.s.place = index;
    this.#requeue(processed);
    this.#pump();
  }

  #requeue(processed: number): void {
    const { s } = this;
    const again = (n: number): boolean => n > processed && (this.#mutation !== 'no-replay' || s.answers[n - 1] === 0);
    s.unsent = s.outbox.filter(again);
    s.inFlight = s.outbox.filter((n) => n <= processed && s.answers[n - 1] === 0);
  }

  #pump(): void {
    const { s } = this;
    if (s.place === -2) return;
    for (const n of s.unsent.splice(0)) {
      if (s.place >= 0) {
        s.inFlight.push(n);
        this.#send(s.place, { t: 'req', n, ack: s.received });
        continue;
      }
      s.local.push(n);
      if (s.local.length !== n) s.wrong = `call ${n} took effect as number ${s.local.length}`;
      s.answers[n - 1] = s.local.length;
      s.outbox = s.outbox.filter((other) => other !== n);
    }
  }

  #trim(processed: number): void {
    this.s.outbox = this.s.outbox.filter((n) => n > processed || this.s.answers[n - 1] === 0);
  }

  #spawn(): number {
    this.s.instances.push({ phase: 'embryo', effects: [], results: [], conn: { up: [{ t: 'hello', ack: this.s.received }], down: [] } });
    return this.s.instances.length - 1;
  }

  #send(index: number, message: Up): void {
    this.s.instances[index]?.conn?.up.push(message);
  }

  #close(index: number): void {
    const instance = this.s.instances[index];
    if (instance !== undefined) instance.conn = null;
  }
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  readonly finals: number;
  /** What went wrong, with the shortest way there; null: nothing can. */
  readonly counterexample: { readonly what: string; readonly trace: readonly string[] } | null;
}

/** Breadth first through every reachable state. */
export function explore(bounds: Bounds): Exploration {
  const first = initialState(bounds);
  const parents = new Map<string, { readonly from: string | null; readonly label: string }>([
    [JSON.stringify(first), { from: null, label: 'start' }],
  ]);
  let frontier = [first];
  let transitions = 0;
  let finals = 0;
  const traceTo = (key: string): string[] => {
    const trace: string[] = [];
    for (let at: string | null = key; at !== null; at = parents.get(at)?.from ?? null) trace.unshift(parents.get(at)?.label ?? '');
    return trace;
  };
  while (frontier.length > 0) {
    const following: ModelState[] = [];
    for (const state of frontier) {
      const key = JSON.stringify(state);
      const steps = successors(state, bounds);
      const isFinal = !steps.some((candidate) => !candidate.fault);
      if (isFinal) finals += 1;
      const what = violation(state, bounds, isFinal);
      if (what !== null) return { states: parents.size, transitions, finals, counterexample: { what, trace: traceTo(key) } };
      for (const { label, state: successor } of steps) {
        transitions += 1;
        const successorKey = JSON.stringify(successor);
        if (parents.has(successorKey)) continue;
        parents.set(successorKey, { from: key, label });
        following.push(successor);
      }
    }
    frontier = following;
  }
  return { states: parents.size, transitions, finals, counterexample: null };
}
