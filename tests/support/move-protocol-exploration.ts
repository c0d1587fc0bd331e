// Exhaustive exploration of the model of the move protocol: every step from every state, and what must hold in each.
import { Model } from './move-protocol-model.ts';
import { type Bounds, initialState, type ModelState, processedOf } from './move-protocol-state.ts';

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
