// Decides where a module of this rover runs: to the edge while a trigger is raised (or the cost model says so), back when all have
// cleared. Moves are spaced, and failures back off, so that nothing flaps.
import type { MoveReport, Placement } from '../../shared/elastic/module-events.ts';
import type { CostEstimate } from './cost-model.ts';
import type { TriggerChange, TriggerName } from './notifier.ts';

/** What the policy needs of an ElasticModule. */
export interface MovableModule {
  readonly name: string;
  readonly placement: Placement;
  offload(options: { readonly reason: string }): Promise<MoveReport>;
  recall(options: { readonly reason: string }): Promise<MoveReport>;
}

export interface PlacementRule {
  /** Which triggers send this module to the edge; empty: none does. */
  readonly triggers: readonly TriggerName[];
  /** `edge-first`: goes as soon as the edge is there and stays (shared modules). */
  readonly preference: 'onboard-first' | 'edge-first';
  /** Moves by the cost model: to the edge above `offloadGain`, back below `recallGain` (shares of the on-board cost). Null: triggers only. */
  readonly cost?: { readonly offloadGain: number; readonly recallGain: number } | null;
  /** Shortest time between two moves [s]. */
  readonly minStaySec: number;
  /** Wait after a move that did not happen [s]; doubles up to the maximum. */
  readonly retrySec: number;
  readonly maxRetrySec: number;
}

export const ONBOARD_FIRST: PlacementRule = {
  triggers: ['temperature', 'battery', 'load', 'latency'],
  preference: 'onboard-first',
  cost: null,
  minStaySec: 10,
  retrySec: 3,
  maxRetrySec: 60,
};

export const EDGE_FIRST: PlacementRule = {
  triggers: [],
  preference: 'edge-first',
  cost: null,
  minStaySec: 0,
  retrySec: 1,
  maxRetrySec: 10,
};

export interface PolicyInputs {
  readonly nowSec: number;
  readonly raised: readonly TriggerName[];
  /** What changed since the last step, for the reason that people read. */
  readonly changes: readonly TriggerChange[];
  readonly siteReachable: boolean;
  readonly cost: CostEstimate | null;
}

export type Decision = { readonly move: 'offload' | 'recall'; readonly reason: string } | null;

export class PlacementPolicy {
  readonly #module: MovableModule;
  readonly #rule: PlacementRule;
  #busy = false;
  #lastMoveSec = Number.NEGATIVE_INFINITY;
  #notBeforeSec = Number.NEGATIVE_INFINITY;
  #retrySec: number;
  #reason = '';
  #costSaysEdge = false;

  constructor(module: MovableModule, rule: PlacementRule) {
    this.#module = module;
    this.#rule = rule;
    this.#retrySec = rule.retrySec;
  }

  /** What should happen now. Does nothing itself. */
  decide(inputs: PolicyInputs): Decision {
    const { nowSec, raised, changes, siteReachable, cost } = inputs;
    const { triggers, preference, minStaySec } = this.#rule;
    const relevant = raised.filter((trigger) => triggers.includes(trigger));
    for (const change of changes) if (triggers.includes(change.trigger)) this.#reason = change.text;
    this.#followCost(cost);
    if (this.#busy || nowSec < this.#notBeforeSec || nowSec - this.#lastMoveSec < minStaySec) return null;
    const { kind } = this.#module.placement;
    const wantsEdge = preference === 'edge-first' || relevant.length > 0 || this.#costSaysEdge;
    if (wantsEdge && kind === 'onboard' && siteReachable) {
      return { move: 'offload', reason: relevant.length > 0 ? this.#reason : preference === 'edge-first' ? 'edge first' : costText(cost) };
    }
    if (!wantsEdge && kind === 'edge') return { move: 'recall', reason: this.#reason === '' ? costText(cost) : this.#reason };
    return null;
  }

  /** Decides and carries it out; the move's report, or null when nothing was to be done. */
  async step(inputs: PolicyInputs): Promise<MoveReport | null> {
    const decision = this.decide(inputs);
    if (decision === null) return null;
    this.#busy = true;
    try {
      const { move, reason } = decision;
      const report = await (move === 'offload' ? this.#module.offload({ reason }) : this.#module.recall({ reason }));
      this.#learn(report, inputs.nowSec + report.durationMs / 1000);
      return report;
    } finally {
      this.#busy = false;
    }
  }

  #learn(report: MoveReport, nowSec: number): void {
    if (report.outcome === 'moved' || report.outcome === 'unneeded') {
      this.#lastMoveSec = nowSec;
      this.#retrySec = this.#rule.retrySec;
      return;
    }
    this.#notBeforeSec = nowSec + this.#retrySec;
    this.#retrySec = Math.min(this.#rule.maxRetrySec, this.#retrySec * 2);
  }

  #followCost(cost: CostEstimate | null): void {
    const limits = this.#rule.cost ?? null;
    if (limits === null || cost === null) return;
    if (cost.gain > limits.offloadGain) this.#costSaysEdge = true;
    else if (cost.gain < limits.recallGain) this.#costSaysEdge = false;
  }
}

function costText(cost: CostEstimate | null): string {
  if (cost === null) return 'no trigger is raised';
  return `expected ${(cost.onboardSec * 1000).toFixed(0)} ms on board, ${(cost.edgeSec * 1000).toFixed(0)} ms at the edge`;
}
