// From trigger to first remote result on loopback: cold (the host has never seen the bundle) and warm, with the share of each step.
import { readBuiltModule } from '../shared/elastic/built-modules.ts';
import type { MoveReport } from '../shared/elastic/module-events.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { benchFrame, benchRover, benchSite, unseen } from './support/edge-bench-site.ts';

const COLD_RUNS = 15;
const WARM_RUNS = 30;
/** The pool of warm workers fills up again between two runs. */
const PAUSE_MS = 400;

interface Run {
  readonly totalMs: number;
  readonly report: MoveReport;
}

export const bench: Bench = {
  name: 'offload',
  description: 'trigger to first remote result, cold and warm, loopback',
  run: async ({ log }) => {
    const bundle = await readBuiltModule('object-detection');
    const site = await benchSite({ hosts: 1, spareWorkers: 2 });
    let count = 0;
    const once = async (cold: boolean): Promise<Run> => {
      const rover = await benchRover<ObjectDetectorHandle>(site.live, `r${++count}`, cold ? unseen(bundle) : bundle);
      await rover.module.handle.detect(benchFrame());
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const startedMs = performance.now();
      const report = await rover.module.offload({ reason: 'bench' });
      await rover.module.handle.detect(benchFrame());
      const totalMs = performance.now() - startedMs;
      if (report.outcome !== 'moved') throw report.error ?? new Error(`${report.outcome}: ${report.reason}`);
      await rover.close();
      return { totalMs, report };
    };
    try {
      await once(false);
      const cold: Run[] = [];
      for (let run = 0; run < COLD_RUNS; run += 1) cold.push(await once(true));
      log(`cold ${quantile(times(cold), 0.5).toFixed(1)} ms`);
      const warm: Run[] = [];
      for (let run = 0; run < WARM_RUNS; run += 1) warm.push(await once(false));
      log(`warm ${quantile(times(warm), 0.5).toFixed(1)} ms`);
      return {
        results: { cold: summary(cold), warm: summary(warm) },
        targets: {
          cold_p50_ms: atMost(quantile(times(cold), 0.5), 250),
          warm_p50_ms: atMost(quantile(times(warm), 0.5), 20),
        },
      };
    } finally {
      await site.close();
    }
  },
};

const times = (runs: readonly Run[]): number[] => runs.map((run) => run.totalMs);

function summary(runs: readonly Run[]): Record<string, unknown> {
  const steps: Record<string, number> = {};
  const names = [...new Set(runs.flatMap(({ report }) => [...Object.keys(report.offload?.stepsMs ?? {}), ...Object.keys(report.stepsMs)]))];
  for (const name of names) {
    const values = runs.map(({ report }) => report.offload?.stepsMs[name] ?? report.stepsMs[name] ?? 0);
    steps[`${name}_p50_ms`] = quantile(values, 0.5);
  }
  return {
    runs: runs.length,
    p50_ms: quantile(times(runs), 0.5),
    p90_ms: quantile(times(runs), 0.9),
    max_ms: quantile(times(runs), 1),
    pause_p50_ms: quantile(
      runs.map(({ report }) => report.pauseMs),
      0.5,
    ),
    bundle_bytes_sent: quantile(
      runs.map(({ report }) => report.offload?.bundleBytesSent ?? 0),
      0.5,
    ),
    steps,
  };
}
