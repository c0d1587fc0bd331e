// Counters and recent latencies of a module's calls, cheap enough for every call.
import type { LatencySummary } from './module-events.ts';

const SAMPLES = 512;

/** The last latencies in a ring. */
export class LatencyRing {
  readonly #samplesMs = new Float64Array(SAMPLES);
  #count = 0;

  add(latencyMs: number): void {
    this.#samplesMs[this.#count % SAMPLES] = latencyMs;
    this.#count += 1;
  }

  /** Of the last 512 calls; `count` is of all. */
  summary(): LatencySummary | null {
    if (this.#count === 0) return null;
    const sorted = this.#samplesMs.slice(0, Math.min(this.#count, SAMPLES)).toSorted();
    const at = (p: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? 0;
    return { count: this.#count, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
  }
}

export class CallStats {
  onboard = 0;
  edge = 0;
  failed = 0;
  stale = 0;
  lost = 0;
  bytesOut = 0;
  bytesIn = 0;
  readonly onboardMs = new LatencyRing();
  readonly edgeMs = new LatencyRing();

  /** `where` null: without an answer. */
  settled(where: 'onboard' | 'edge' | null, latencySec: number): void {
    if (where === null) this.failed += 1;
    else this.answered(where, latencySec);
  }

  answered(where: 'onboard' | 'edge', latencySec: number): void {
    if (where === 'onboard') {
      this.onboard += 1;
      this.onboardMs.add(latencySec * 1000);
    } else {
      this.edge += 1;
      this.edgeMs.add(latencySec * 1000);
    }
  }
}
