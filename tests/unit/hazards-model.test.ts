import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { evaluationFrames } from '../../sim/dataset/evaluation-scenes.ts';
import { HAZARD_CLASSES } from '../../sim/world/hazards.ts';

const MODEL = fileURLToPath(new URL('../../shared/modules/object-detection/model/hazards', import.meta.url));
const LARGEST_BYTES = 4 * 1024 * 1024;

interface Description {
  readonly layout: string;
  readonly classes: readonly string[];
  readonly input: { readonly width: number; readonly height: number };
  readonly thresholds: { readonly score: number };
  readonly about: {
    readonly sha256: string;
    readonly bytes: number;
    readonly inputShape: readonly number[];
    readonly outputShape: readonly number[];
    readonly evaluation: { readonly map50: number };
  };
}

async function load(): Promise<{ network: Buffer; description: Description }> {
  const network = await readFile(`${MODEL}.onnx`);
  return { network, description: JSON.parse(await readFile(`${MODEL}.json`, 'utf8')) as Description };
}

it('is the file that its description tells of, and small', async () => {
  const { network, description } = await load();
  expect(createHash('sha256').update(network).digest('hex')).toBe(description.about.sha256);
  expect(network.length).toBe(description.about.bytes);
  expect(network.length).toBeLessThanOrEqual(LARGEST_BYTES);
  expect(description.layout).toBe('yolov8');
  expect(description.classes).toEqual([...HAZARD_CLASSES]);
});

it('answers any number of frames at once, in the shapes that it states', async () => {
  const { network, description } = await load();
  const session = await InferenceSession.create(network, { intraOpNumThreads: 1 });
  const { width, height } = description.input;
  expect(description.about.inputShape).toEqual([-1, 3, height, width]);
  for (const count of [1, 3]) {
    const { output0 } = await session.run({
      images: new Tensor('float32', new Float32Array(count * 3 * height * width), [count, 3, height, width]),
    });
    expect(output0?.dims).toEqual([count, ...description.about.outputShape.slice(1)]);
  }
});

it('puts its best box on a hazard in most frames of the evaluation scenes that show one near by', async () => {
  const { network, description } = await load();
  const session = await InferenceSession.create(network, { intraOpNumThreads: 1 });
  const { width, height } = description.input;
  let near = 0;
  let right = 0;
  // Other scenes than those of the published figures.
  for (const { data, hazards } of evaluationFrames({ frames: 32, seed: 41 })) {
    if (!hazards.some(({ distanceM, visibility }) => distanceM < 5 && visibility > 0.6)) continue;
    near += 1;
    const planes = new Float32Array(3 * height * width);
    for (let pixel = 0; pixel < width * height; pixel += 1)
      for (let c = 0; c < 3; c += 1) planes[c * width * height + pixel] = data[pixel * 3 + c]! / 255;
    const { output0 } = await session.run({ images: new Tensor('float32', planes, [1, 3, height, width]) });
    const [, rows, cells] = output0!.dims as [number, number, number];
    const answer = output0!.data as Float32Array;
    let best = { score: 0, kind: 0, cell: 0 };
    for (let kind = 0; kind < rows - 4; kind += 1)
      for (let cell = 0; cell < cells; cell += 1) {
        const score = answer[(4 + kind) * cells + cell]!;
        if (score > best.score) best = { score, kind, cell };
      }
    const [x, y] = [answer[best.cell]!, answer[cells + best.cell]!];
    const hit = hazards.some(
      ({ class: name, box: [left, top, r, bottom] }) =>
        name === description.classes[best.kind] && x >= left && x <= r && y >= top && y <= bottom,
    );
    if (hit && best.score >= description.thresholds.score) right += 1;
  }
  expect(near).toBeGreaterThan(8);
  expect(right / near).toBeGreaterThan(0.8);
});
