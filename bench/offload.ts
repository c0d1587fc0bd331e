// From trigger to first remote result on loopback: cold (the host has never seen the bundle) and warm, with the share of each step; at a
// plain site, and at one with certificates and mutual TLS on the broker and the data plane.
import { readBuiltModule } from '../shared/elastic/built-modules.ts';
import type { MoveReport } from '../shared/elastic/module-events.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { benchFrame, benchRover, type BenchSite, benchSite, unseen } from './support/edge-bench-site.ts';

const COLD_RUNS = 15;
const WARM_RUNS = 30;
/** The pool of warm workers fills up again between two runs. */
const PAUSE_MS = 400;

interface Run {
  readonly totalMs: number;
  /** Of it, from the end of the move until the result. */
  readonly callMs: number;
  readonly report: MoveReport;
}

/** Of one kind of run: at the plain site, and at the secured one. */
interface Pair {
  readonly plain: Run[];
  readonly tls: Run[];
}

export const bench: Bench = {
  name: 'offload',
  description: 'trigger to first remote result, cold and warm, loopback, without and with TLS',
  run: async ({ log }) => {
    const bundle = await readBuiltModule('object-detection');
    const sites: BenchSite[] = [];
    let count = 0;
    const once = async (site: BenchSite, cold: boolean): Promise<Run> => {
      const rover = await benchRover<ObjectDetectorHandle>(site, `r${++count}`, cold ? unseen(bundle) : bundle);
      await rover.module.handle.detect(benchFrame());
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const startedMs = performance.now();
      const report = await rover.module.offload({ reason: 'bench' });
      const movedMs = performance.now();
      await rover.module.handle.detect(benchFrame());
      const endedMs = performance.now();
      if (report.outcome !== 'moved') throw report.error ?? new Error(`${report.outcome}: ${report.reason}`);
      await rover.close();
      return { totalMs: endedMs - startedMs, callMs: endedMs - movedMs, report };
    };
    try {
      for (const secured of [false, true]) sites.push(await benchSite({ hosts: 1, spareWorkers: 2, secured }));
      const [plainSite, tlsSite] = sites as [BenchSite, BenchSite];
      for (const site of sites) await once(site, false);
      // In turns, so that both sites see the same machine.
      const inTurns = async (name: string, cold: boolean, runs: number): Promise<Pair> => {
        const pair: Pair = { plain: [], tls: [] };
        for (let run = 0; run < runs; run += 1) {
          pair.plain.push(await once(plainSite, cold));
          pair.tls.push(await once(tlsSite, cold));
        }
        log(`${name} ${p50(pair.plain).toFixed(1)} ms, with TLS ${p50(pair.tls).toFixed(1)} ms`);
        return pair;
      };
      const cold = await inTurns('cold', true, COLD_RUNS);
      const warm = await inTurns('warm', false, WARM_RUNS);
      return {
        results: {
          cold: summary(cold.plain),
          warm: summary(warm.plain),
          cold_tls: summary(cold.tls),
          warm_tls: summary(warm.tls),
          tls_by_plain: { cold_p50: p50(cold.tls) / p50(cold.plain), warm_p50: p50(warm.tls) / p50(warm.plain) },
        },
        targets: {
          cold_p50_ms: atMost(p50(cold.plain), 250),
          warm_p50_ms: atMost(p50(warm.plain), 20),
          cold_tls_p50_ms: atMost(p50(cold.tls), 250),
          warm_tls_p50_ms: atMost(p50(warm.tls), 20),
        },
      };
    } finally {
      for (const site of sites) await site.close();
    }
  },
};

const times = (runs: readonly Run[]): number[] => runs.map((run) => run.totalMs);
const p50 = (runs: readonly Run[]): number => quantile(times(runs), 0.5);

function summary(runs: readonly Run[]): Record<string, unknown> {
  const steps: Record<string, number> = {};
  const names = [...new Set(runs.flatMap(({ report }) => [...Object.keys(report.offload?.stepsMs ?? {}), ...Object.keys(report.stepsMs)]))];
  for (const name of names) {
    const values = runs.map(({ report }) => report.offload?.stepsMs[name] ?? report.stepsMs[name] ?? 0);
    steps[`${name}_p50_ms`] = quantile(values, 0.5);
  }
  steps['call_p50_ms'] = quantile(
    runs.map(({ callMs }) => callMs),
    0.5,
  );
  return {
    runs: runs.length,
    p50_ms: p50(runs),
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
