// How many module instances one host carries: memory per instance (100 idle, then 50 active), and call latency while all are active.
import { readBuiltModule } from '../shared/elastic/built-modules.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import type { MapServerHandle } from '../shared/modules/map-server/handle.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { benchFrame, benchRover, benchSite } from './support/edge-bench-site.ts';
import { residentBytes } from './support/process-figures.ts';

const IDLE = 100;
const ACTIVE = 50;
const ACTIVE_SEC = 10;
/** Frames per second of each active rover. */
const RATE_HZ = 2;

export const bench: Bench = {
  name: 'density',
  description: '100 idle and 50 active instances on one host: memory per instance, call p99',
  run: async ({ log }) => {
    const detection = await readBuiltModule('object-detection');
    const mapServer = await readBuiltModule('map-server');
    const site = await benchSite({ hosts: 1, spareWorkers: 1 });
    const pid = site.live.hosts[0]?.pid ?? 0;
    const rovers: { close(): Promise<void> }[] = [];
    try {
      const emptyBytes = await residentBytes(pid);
      const map = await benchRover<MapServerHandle>(site, 'map', mapServer);
      rovers.push(map);
      await mustMove(map.module.offload({ reason: 'bench' }));
      const detectors = [];
      for (let index = 0; index < IDLE; index += 1) {
        const rover = await benchRover<ObjectDetectorHandle>(site, `d${index}`, detection);
        rovers.push(rover);
        detectors.push(rover);
        await mustMove(rover.module.offload({ reason: 'bench' }));
        if ((index + 1) % 25 === 0) log(`${index + 1} instances`);
      }
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const idleBytes = await residentBytes(pid);
      const latenciesMs: number[] = [];
      const untilMs = performance.now() + ACTIVE_SEC * 1000;
      const frame = benchFrame();
      await Promise.all(
        detectors.slice(0, ACTIVE).map(async ({ module }, index) => {
          await new Promise((resolve) => setTimeout(resolve, (index / ACTIVE) * (1000 / RATE_HZ)));
          while (performance.now() < untilMs) {
            const sentMs = performance.now();
            await module.handle.detect(frame);
            latenciesMs.push(performance.now() - sentMs);
            await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 / RATE_HZ - (performance.now() - sentMs))));
          }
        }),
      );
      const activeBytes = await residentBytes(pid);
      const instances = IDLE + 1;
      const perInstance = (bytes: number): number => (bytes - emptyBytes) / instances / 1e6;
      return {
        results: {
          instances,
          host_empty_mb: emptyBytes / 1e6,
          idle_per_instance_mb: perInstance(idleBytes),
          active_per_instance_mb: perInstance(activeBytes),
          calls: latenciesMs.length,
          call_p50_ms: quantile(latenciesMs, 0.5),
          call_p99_ms: quantile(latenciesMs, 0.99),
        },
        targets: {
          idle_per_instance_mb: atMost(perInstance(idleBytes), 10),
          active_per_instance_mb: atMost(perInstance(activeBytes), 10),
        },
      };
    } finally {
      await Promise.all(rovers.map((rover) => rover.close()));
      await site.close();
    }
  },
};

async function mustMove(move: Promise<{ readonly outcome: string; readonly reason: string; readonly error: Error | null }>): Promise<void> {
  const { outcome, reason, error } = await move;
  if (outcome !== 'moved') throw error ?? new Error(`${outcome}: ${reason}`);
}
