// The published evaluation scenes, searched by both detectors: what they find beside what is there.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toFrame } from '../../robot/perception/frame.ts';
import { type DetectorConfig, detectorConfigSchema } from '../../shared/inference/detector-config.ts';
import { builtModels } from '../../shared/inference/model-library.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { NeuralDetection, NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import { evaluationFrames } from '../../sim/dataset/evaluation-scenes.ts';
import type { LabelledFrame } from '../../sim/dataset/scene-shots.ts';
import type { FoundBox, JudgedFrame, TrueBox } from '../../sim/scoring/average-precision.ts';

export interface EvaluatedFrame extends JudgedFrame {
  readonly objects: readonly (TrueBox & { readonly distanceM: number })[];
}

/** The detector that comes with Outrider, and a folder with it as `everything`: with all boxes down to a score of 0.01, as curves need. */
export async function publishedDetector() {
  const path = join(builtModels(), 'hazards');
  const config: DetectorConfig = detectorConfigSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
  const network = await readFile(`${path}.onnx`);
  const folder = await mkdtemp(join(tmpdir(), 'outrider-detector-'));
  const thresholds = { ...config.thresholds, score: 0.01, classScores: {}, maxDetections: 300 };
  await writeFile(join(folder, 'everything.onnx'), network);
  await writeFile(join(folder, 'everything.json'), JSON.stringify({ ...config, thresholds }));
  return { config, network, folder, close: () => rm(folder, { recursive: true, force: true }) };
}

export function neuralFrame({ width, height, data }: LabelledFrame, model: string): NeuralFrame {
  return { model, encoding: 'rgb8', width, height, data };
}

/** Searches `count` evaluation frames with both detectors. */
export function evaluate(
  count: number,
  neural: ModuleInstance,
  classical: ModuleInstance,
): { readonly neural: EvaluatedFrame[]; readonly classical: EvaluatedFrame[] } {
  const results = { neural: [] as EvaluatedFrame[], classical: [] as EvaluatedFrame[] };
  for (const frame of evaluationFrames({ frames: count })) {
    const objects = frame.hazards.map(({ class: name, box, distanceM }) => ({ class: name, box, distanceM }));
    const ignored = frame.ignored.map(({ class: name, box }) => ({ class: name, box }));
    const raw = { ...frame, encoding: 'rgb8' as const, stampSec: 0, sequence: 0 };
    results.neural.push({ objects, ignored, found: boxes(neural.call('detect', [neuralFrame(frame, 'everything')])) });
    results.classical.push({
      objects,
      ignored,
      found: boxes(classical.call('detect', [toFrame(raw, frame.camera.intrinsics, frame.camera.mount)])),
    });
  }
  return results;
}

function boxes(detections: unknown): FoundBox[] {
  return (detections as NeuralDetection[]).map(({ className, score, x, y, width, height }) => ({
    class: className,
    score,
    box: [x, y, x + width, y + height],
  }));
}
