// A model of the move protocol (docs/wire.md) for exhaustive exploration: one fixed end, instances that may die, connections that may break.
// A call's effect is its number, appended to a list; its answer is the list's length: any lost, doubled or reordered effect shows.
import { type Down, type Instance, type ModelState, type Mutation, type Phase, processedOf, type Up } from './move-protocol-state.ts';

export class Model {
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
