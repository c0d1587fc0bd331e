// Frames of several rovers through the inference of one live edge host: how many, and how late the latest are.
import { encodeJpeg } from '../../robot/perception/jpeg-encoder.ts';
import { PICTURE_LEVELS, type PictureLevel } from '../../robot/perception/jpeg-policy.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { NeuralDetectorHandle, NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import type { LabelledFrame } from '../../sim/dataset/scene-shots.ts';
import { quantile } from '../bench-result.ts';
import { benchRover, benchSite } from './edge-bench-site.ts';

export interface FleetRun {
  readonly frames_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** Each rover sends its next frame when the last one is answered. */
export async function measureFleet(options: {
  readonly bundle: ModuleBundle;
  readonly frame: LabelledFrame;
  readonly rovers: number;
  readonly maxBatch: number;
  readonly seconds: number;
}): Promise<FleetRun> {
  const { bundle, rovers, maxBatch, seconds } = options;
  const site = await benchSite({ hosts: 1, spareWorkers: 2, inference: { maxBatch } });
  const { data, ...size } = await encodeJpeg(options.frame, PICTURE_LEVELS[0] as PictureLevel);
  const frame: NeuralFrame = { model: 'hazards', encoding: 'jpeg', ...size, data };
  const fleet = await Promise.all(
    Array.from({ length: rovers }, (_, index) => benchRover<NeuralDetectorHandle>(site.live, `r${index + 1}`, bundle)),
  );
  try {
    for (const { module } of fleet) {
      const report = await module.offload({ reason: 'bench' });
      if (report.outcome !== 'moved') throw report.error ?? new Error(`${report.outcome}: ${report.reason}`);
    }
    const taken: number[] = [];
    const run = async (untilMs: number, into: number[]): Promise<void> => {
      await Promise.all(
        fleet.map(async ({ module }) => {
          while (performance.now() < untilMs) {
            const startedMs = performance.now();
            await module.handle.detect(frame);
            into.push(performance.now() - startedMs);
          }
        }),
      );
    };
    // Batch sizes are learnt meanwhile, as they would be on a site that runs.
    await run(performance.now() + 2000, []);
    const startedMs = performance.now();
    await run(startedMs + seconds * 1000, taken);
    const elapsedSec = (performance.now() - startedMs) / 1000;
    return { frames_per_s: taken.length / elapsedSec, p50_ms: quantile(taken, 0.5), p99_ms: quantile(taken, 0.99) };
  } finally {
    for (const rover of fleet) await rover.close();
    await site.close();
  }
}
