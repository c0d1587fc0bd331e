// Measures a move while it happens: its steps, its pause, its bytes; and makes the report of it.
import { NO_SPAN, type Span } from '../ports/tracer.ts';
import type { ModuleCore } from './module-core.ts';
import type { MoveKind, MoveReport } from './module-events.ts';
import type { OffloadReport } from './remote-site.ts';

export class MoveRecorder {
  readonly #core: ModuleCore;
  readonly #reason: string;
  readonly #from: string | null;
  readonly #startedSec: number;
  readonly #stepsMs: Record<string, number> = {};
  #stepSec: number;
  #pauseSec: number | null = null;
  #pauseMs = 0;
  kind: MoveKind;
  to: string | null = null;
  offload: OffloadReport | null = null;
  stateBytes = 0;
  bytesAhead = 0;
  bytesInPause = 0;
  replayed = 0;
  /** The whole move, from its beginning until its report. */
  span: Span = NO_SPAN;

  constructor(core: ModuleCore, kind: MoveKind, reason: string) {
    this.#core = core;
    this.kind = kind;
    this.#reason = reason;
    this.#from = core.placement.hostId;
    this.#startedSec = core.nowSec;
    this.#stepSec = this.#startedSec;
  }

  /** The step that began with the last one's end is over. */
  step(name: string): void {
    const nowSec = this.#core.nowSec;
    this.#stepsMs[name] = (this.#stepsMs[name] ?? 0) + (nowSec - this.#stepSec) * 1000;
    this.#stepSec = nowSec;
  }

  pauseBegins(): void {
    this.#pauseSec = this.#core.nowSec;
  }

  pauseEnds(): void {
    if (this.#pauseSec !== null) this.#pauseMs += (this.#core.nowSec - this.#pauseSec) * 1000;
    this.#pauseSec = null;
  }

  report(outcome: MoveReport['outcome'], error: unknown = null): MoveReport {
    const core = this.#core;
    this.pauseEnds();
    const report: MoveReport = {
      module: core.options.manifest.name,
      kind: this.kind,
      outcome,
      reason: this.#reason,
      from: this.#from,
      to: this.to,
      epoch: core.epoch,
      startedSec: this.#startedSec,
      durationMs: (core.nowSec - this.#startedSec) * 1000,
      pauseMs: this.#pauseMs,
      stepsMs: this.#stepsMs,
      stateBytes: this.stateBytes,
      bytesAhead: this.bytesAhead,
      bytesInPause: this.bytesInPause,
      replayed: this.replayed,
      offload: this.offload,
      error: error === null || error instanceof Error ? error : new Error('the move failed', { cause: error }),
    };
    this.span.set({ move: report.kind, outcome, ...(report.to === null ? {} : { host: report.to }), pauseMs: report.pauseMs });
    this.span.end(report.error);
    if (outcome === 'moved') {
      core.moves += 1;
      core.emit('moved', report);
    } else if (outcome !== 'unneeded') core.emit('move-failed', report);
    return report;
  }
}
