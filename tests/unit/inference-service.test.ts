import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DetectorConfigInput } from '../../shared/inference/detector-config.ts';
import { type NnHost, InferenceService } from '../../shared/inference/inference-service.ts';
import { candidatesFor, OnnxRuntimeEngine } from '../../shared/inference/onnxruntime-engine.ts';
import { tinyDetector, writeModel } from '../support/tiny-onnx.ts';

const CONFIG: DetectorConfigInput = { layout: 'yolov8', classes: ['fire', 'drum'], input: { width: 32, height: 16 } };
const TABLE = { name: 'output0', shape: [6, 4], values: Array.from({ length: 24 }, (_, at) => at / 100) };

let folder = '';
let service: InferenceService;
let nn: NnHost;
let engine: OnnxRuntimeEngine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-models-'));
  const good = tinyDetector({ width: 32, height: 16, outputs: [{ ...TABLE, gain: 1 }] });
  await writeModel(folder, 'good', good, CONFIG);
  await writeModel(folder, 'fixed', tinyDetector({ width: 32, height: 16, outputs: [TABLE], batch: 1 }), CONFIG);
  await writeModel(folder, 'truncated', good.slice(0, good.length / 2), CONFIG);
  await writeModel(folder, 'text', new TextEncoder().encode('this is no network'), CONFIG);
  await writeModel(folder, 'empty', new Uint8Array(), CONFIG);
  await writeModel(folder, 'other-classes', good, { ...CONFIG, classes: ['fire', 'drum', 'survivor'] });
  await writeModel(folder, 'other-size', good, { ...CONFIG, input: { width: 64, height: 64 } });
  await writeModel(folder, 'other-layout', good, { ...CONFIG, layout: 'yolov4-darknet' });
  await writeModel(folder, 'bad-config', good, { ...CONFIG, layout: 'yolov99' });
  await writeFile(join(folder, 'lonely.onnx'), good);
  engine = await OnnxRuntimeEngine.create({ provider: 'cpu', threads: 1 });
  service = new InferenceService(
    engine,
    { models: [folder] },
    {
      nowMs: () => performance.now(),
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
    },
  );
  nn = service.client('test');
});

afterAll(() => rm(folder, { recursive: true }));

const images = (brightness: number, dimensions = [1, 3, 16, 32]) => ({
  name: 'images',
  dimensions: Int32Array.from(dimensions),
  data: new Float32Array(dimensions.reduce((product, size) => product * size, 1)).fill(brightness),
});

describe('inference by ONNX Runtime', () => {
  it('describes a detector as its configuration says', async () => {
    expect(await nn.describe('good')).toEqual({
      layout: 'yolov8',
      classes: ['fire', 'drum'],
      inputName: 'images',
      inputWidth: 32,
      inputHeight: 16,
      blueFirst: false,
      white: 1,
      centred: true,
      padding: 114,
      leastScores: Float64Array.of(0.25, 0.25),
      maxOverlap: 0.45,
      maxDetections: 100,
    });
  });

  it('computes', async () => {
    const [output] = await nn.compute('good', [images(0.5)]);
    expect([output?.name, output?.dimensions]).toEqual(['output0', Int32Array.of(1, 6, 4)]);
    expect([...(output?.data ?? [])].map((value) => value.toFixed(4))).toEqual(TABLE.values.map((value) => (value + 0.5).toFixed(4)));
  });

  it('gives each of eight callers at once what they would have got alone, together or not', async () => {
    const levels = Array.from({ length: 8 }, (_, index) => index / 8);
    const alone = [];
    for (const level of levels) alone.push((await nn.compute('good', [images(level)]))[0]?.data);
    // Batches are tried after some single runs, in turns with them.
    let together = 0;
    for (let round = 0; round < 24; round += 1) {
      const before = service.stats;
      const answers = await Promise.all(levels.map((level, index) => service.client(`rover-${index}`).compute('good', [images(level)])));
      if (service.stats.runs - before.runs < levels.length) together += 1;
      expect(answers.map((answer) => answer[0]?.data)).toEqual(alone);
      for (const answer of answers) expect(answer[0]?.dimensions).toEqual(Int32Array.of(1, 6, 4));
    }
    expect(together, 'rounds in which some were computed together').toBeGreaterThan(0);
  });

  it('computes one after another where the batch size is fixed', async () => {
    const both = await Promise.all(['a', 'b'].map((caller) => service.client(caller).compute('fixed', [images(0)])));
    expect(both[0]?.[0]?.data).toEqual(both[1]?.[0]?.data);
  });
});

describe('networks that are none', () => {
  it.each(['truncated', 'text', 'empty'])('%s: are refused', async (name) => {
    await expect(nn.describe(name)).rejects.toMatchObject({ code: 'OUT_MODEL_UNREADABLE' });
  });

  it.each(['missing', '../good', 'lonely', ''])('%s: are not found', async (name) => {
    await expect(nn.describe(name)).rejects.toMatchObject({ code: 'OUT_MODEL_UNKNOWN' });
  });

  it('a configuration that is none is said with its path', async () => {
    await expect(nn.describe('bad-config')).rejects.toMatchObject({
      code: 'OUT_CONFIG_INVALID',
      message: expect.stringContaining('layout') as string,
    });
  });
});

describe('networks that do not fit their configuration', () => {
  it.each([
    ['other-classes', /output0 of layout yolov8 with 3 classes: any × 7 × any is expected, any × 6 × 4 arrived/],
    ['other-size', /input images: any × 3 × 64 × 64 is expected, any × 3 × 16 × 32 arrived/],
    ['other-layout', /layout yolov4-darknet has 2 outputs \(any × any × 1 × 4; any × any × 2\), and it has output0 any × 6 × 4/],
  ])('%s: what was expected and what arrived is said', async (name, message) => {
    await expect(nn.describe(name)).rejects.toMatchObject({ code: 'OUT_MODEL_SHAPE', message: expect.stringMatching(message) as string });
  });
});

describe('tensors that do not fit', () => {
  it.each([
    ['another size', [images(0, [1, 3, 16, 16])], /any × 3 × 16 × 32 is expected, 1 × 3 × 16 × 16 arrived/],
    ['another rank', [images(0, [3, 16, 32])], /3 × 16 × 32 arrived/],
    ['another name', [{ ...images(0), name: 'pictures' }], /no input "pictures", but images/],
    ['too few values', [{ ...images(0), data: new Float32Array(3) }], /came with 3 values, not 1536/],
    ['a gigantic batch', [{ ...images(0), dimensions: Int32Array.of(100_000, 3, 16, 32) }], /came with 1536 values/],
    ['none', [], /1 inputs are expected, 0 arrived/],
    ['a negative size', [{ ...images(0), dimensions: Int32Array.of(-1, 3, 16, 32), data: new Float32Array(0) }], /came with 0 values/],
  ])('%s: is refused', async (_, inputs, message) => {
    await expect(nn.compute('good', inputs)).rejects.toMatchObject({
      code: 'OUT_MODEL_INPUT',
      message: expect.stringMatching(message) as string,
    });
  });

  it('NaN in a frame comes back as an error, not as detections', async () => {
    await expect(nn.compute('good', [images(Number.NaN)])).rejects.toMatchObject({ code: 'OUT_MODEL_OUTPUT' });
  });
});

describe('providers', () => {
  it('are tried fastest first, and the CPU is always left', () => {
    expect(candidatesFor('auto', ['cpu', 'cuda', 'tensorrt'])).toEqual(['tensorrt', 'cuda', 'cpu']);
    expect(candidatesFor('auto', ['cpu'])).toEqual(['cpu']);
    expect(candidatesFor('cuda', ['cpu', 'cuda'])).toEqual(['cuda']);
  });

  it('that are asked for and not there are said', () => {
    expect(() => candidatesFor('tensorrt', ['cpu'])).toThrow(expect.objectContaining({ code: 'OUT_MODEL_ENGINE' }) as Error);
  });

  it('compute on what is there when an accelerator’s libraries are missing', async () => {
    const any = await OnnxRuntimeEngine.create({});
    const graph = await any.load(tinyDetector({ width: 32, height: 16, outputs: [TABLE] }), 'tiny');
    const [output] = await graph.run([{ ...images(0), dimensions: [1, 3, 16, 32] }]);
    expect(output?.data[23]).toBeCloseTo(0.23, 5);
    await graph.close();
  });
});
