// The trained detector on scenes that share nothing with its training: precision and recall beside the classical one's, time per frame
// on board and in the sandbox, and what batching gives eight rovers on one host.
import { readBuiltModule } from '../shared/elastic/built-modules.ts';
import { instantiateNative } from '../shared/elastic/instantiate.ts';
import type { HostFunctions } from '../shared/elastic/module-instance.ts';
import { loadVisionHost } from '../shared/modules/host-impl/vision-opencv.ts';
import { configureLocalServices, localService } from '../shared/services/local-services.ts';
import { evaluationFrames } from '../sim/dataset/evaluation-scenes.ts';
import type { LabelledFrame } from '../sim/dataset/scene-shots.ts';
import { averagePrecision, workingPoint } from '../sim/scoring/average-precision.ts';
import { atLeast, atMost, type Bench } from './bench-result.ts';
import { type EvaluatedFrame, evaluate, neuralFrame, publishedDetector } from './support/detector-frames.ts';
import { compareBatching } from './support/detector-fleet.ts';
import { measureSpeeds } from './support/detector-speed.ts';

const FRAMES = 400;
const SPEED_ROUNDS = 60;
const FLEET_ROVERS = 8;
const FLEET_ROUNDS = 25;
const FLEET_ROUND_SEC = 1;
const FLEET_LEARN_SEC = 6;
const CLASSICAL_CLASSES = ['survivor', 'gas-cylinder', 'chemical-drum', 'fire'];
/** Measurements of one throughput scatter by so much. */
const NOISE = 0.03;
/** The slowest of a hundred scatter more. */
const TAIL_NOISE = 0.1;

export const bench: Bench = {
  name: 'detector',
  description: 'trained detector: precision on unseen scenes, time per frame, batching of eight rovers',
  run: async ({ log }) => {
    const published = await publishedDetector();
    try {
      configureLocalServices({ inference: { models: [published.folder], provider: 'cpu', threads: 1 } });
      const host = { nn: await localService('nn', 'bench'), image: await localService('image', 'bench') } as HostFunctions;
      const bundle = await readBuiltModule('neural-detection');
      const neural = await instantiateNative(bundle, host);
      const classical = await instantiateNative(await readBuiltModule('object-detection'), { vision: await loadVisionHost() });

      const found = evaluate(FRAMES, neural, classical);
      const { classes, thresholds, input } = published.config;
      const precision = averagePrecision(found.neural, classes);
      const recall = recallByDistance(found.neural, thresholds.score);
      log(
        `mAP50 ${precision.map50.toFixed(3)}, mAP50-95 ${precision.map50To95.toFixed(3)}, recall at 1–6 m ${recall['1-6 m'].recall.toFixed(3)}`,
      );

      const [frame] = [...evaluationFrames({ frames: 1 })] as [LabelledFrame];
      const speeds = await measureSpeeds({
        ...{ bundle, host, frame: neuralFrame(frame, 'hazards'), network: published.network, size: input, rounds: SPEED_ROUNDS },
      });
      log(
        `native ${speeds.native_frame_ms.toFixed(1)} ms, guest ${speeds.guest_frame_ms.toFixed(1)} ms, portable ${speeds.web_network_ms.toFixed(1)} ms`,
      );

      const fleet = await compareBatching({
        ...{ bundle, frame, rovers: FLEET_ROVERS, rounds: FLEET_ROUNDS, roundSec: FLEET_ROUND_SEC, learnSec: FLEET_LEARN_SEC },
      });
      const { single, batched, batching_throughput_gain: gain } = fleet;
      log(`eight rovers: ${single.frames_per_s.toFixed(0)} frames/s singly, ${batched.frames_per_s.toFixed(0)} batched`);
      return {
        results: {
          frames: FRAMES,
          network: { ...precision, recall, score: thresholds.score },
          classical: {
            ...averagePrecision(found.classical, CLASSICAL_CLASSES),
            recall: recallByDistance(
              found.classical.map((item) => only(item, CLASSICAL_CLASSES)),
              0,
            ),
          },
          speed: speeds,
          eight_rovers: fleet,
        },
        targets: {
          map50: atLeast(precision.map50, 0.9),
          guest_overhead_fraction: atMost(speeds.guest_overhead_fraction, 0.1),
          batching_throughput_gain: atLeast(gain, 1 - NOISE),
          batching_p99_gain: atLeast(fleet.batching_p99_gain, 1 - TAIL_NOISE),
        },
      };
    } finally {
      await published.close();
    }
  },
};

const SPANS = { '1-3 m': [1, 3], '3-6 m': [3, 6], '1-6 m': [1, 6] } as const;

function recallByDistance(frames: readonly EvaluatedFrame[], score: number) {
  const at = ([fromM, toM]: readonly [number, number]) => workingPoint(frames, { score, fromM, toM });
  return { '1-3 m': at(SPANS['1-3 m']), '3-6 m': at(SPANS['3-6 m']), '1-6 m': at(SPANS['1-6 m']) };
}

/** The classical detector knows four classes; it is asked for no others. */
function only(frame: EvaluatedFrame, classes: readonly string[]): EvaluatedFrame {
  return { ...frame, objects: frame.objects.filter((item) => classes.includes(item.class)) };
}
