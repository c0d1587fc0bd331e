// The shape of every benchmark's outcome: figures, and targets with what was reached.
import { arch, cpus, platform, totalmem } from 'node:os';

/** A target: `higher` means that the value must reach it, `lower` that it must not exceed it. */
export interface Target {
  readonly value: number | null;
  readonly target: number;
  readonly better: 'higher' | 'lower';
  readonly met: boolean;
}

export interface BenchResult {
  /** Figures with units in their names; nested objects become sections of the printed table. */
  readonly results: Readonly<Record<string, unknown>>;
  readonly targets: Readonly<Record<string, Target>>;
}

export interface Bench {
  readonly name: string;
  readonly description: string;
  run(options: { readonly log: (line: string) => void }): Promise<BenchResult>;
}

/** A target that is met when `value` does not exceed `target`; null (not measured) is not met. */
export function atMost(value: number | null, target: number): Target {
  return { value, target, better: 'lower', met: value !== null && value <= target };
}

/** A target that is met when `value` reaches `target`; null (not measured) is not met. */
export function atLeast(value: number | null, target: number): Target {
  return { value, target, better: 'higher', met: value !== null && value >= target };
}

/** The machine as reported beside every figure. */
export function describeMachine(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    node: process.version,
  };
}

/** The p-quantile (0…1) of the samples, by nearest rank. */
export function quantile(samples: readonly number[], p: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}
