// Inference at a live edge: modules of several rovers share one service of their host, and what one sends does not harm the others.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { readBuiltModule } from '../../shared/elastic/built-modules.ts';
import type { HostFunctions } from '../../shared/elastic/module-instance.ts';
import type { NeuralDetectorHandle, NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import { configureLocalServices, localService } from '../../shared/services/local-services.ts';
import { type LiveRover, liveRover } from '../support/edge-live-rover.ts';
import { tinyDetector, writeModel } from '../support/tiny-onnx.ts';

/** One candidate of class `bright` whose score is the mean brightness of the picture: what is found says which picture was searched. */
const NETWORK = tinyDetector({
  width: 32,
  height: 32,
  outputs: [
    { name: 'boxes', shape: [1, 1, 4], values: [0.25, 0.25, 0.75, 0.5] },
    { name: 'scores', shape: [1, 1], values: [0], gain: 1 },
  ],
});

const grey = (level: number, model = 'brightness'): NeuralFrame => ({
  model,
  encoding: 'rgb8',
  width: 64,
  height: 64,
  data: new Uint8Array(64 * 64 * 3).fill(level),
});

async function asJpeg(frame: NeuralFrame): Promise<NeuralFrame> {
  const { width, height } = frame;
  return {
    ...frame,
    encoding: 'jpeg',
    data: await sharp(frame.data, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer(),
  };
}

describe.skipIf(!existsSync('dist/edge/host/process.js'))('inference at the edge', () => {
  let data = '';
  let site: LiveSite;
  let host: HostFunctions;
  const rovers: LiveRover<NeuralDetectorHandle>[] = [];

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-inference-'));
    const models = [join(data, 'models')];
    await writeModel(models[0] as string, 'brightness', NETWORK, {
      layout: 'yolov4-darknet',
      classes: ['bright'],
      input: { width: 32, height: 32 },
    });
    site = await startEdgeSite(
      defineSite({
        site: 'test',
        data,
        hosts: 1,
        gatewayPort: 0,
        mqttPort: 0,
        logLevel: 'error',
        host: { inference: { models, threads: 1 } },
      }),
    );
    configureLocalServices({ inference: { models, threads: 1 } });
    host = { nn: await localService('nn', 'test'), image: await localService('image', 'test') };
    const bundle = await readBuiltModule('neural-detection');
    for (const rover of ['a', 'b', 'c'])
      rovers.push(await liveRover<NeuralDetectorHandle>({ rover, brokerUrl: site.brokerUrl, bundle, host }));
  });

  afterAll(async () => {
    for (const rover of rovers) await rover.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  it('finds the same as on board, in raw and in compressed frames', async () => {
    const [rover] = rovers as [LiveRover<NeuralDetectorHandle>];
    const frames = [grey(200), await asJpeg(grey(200))];
    const onboard = [];
    for (const frame of frames) onboard.push(await rover.module.handle.detect(frame));
    expect(rover.module.placement.kind).toBe('onboard');
    expect(onboard[0]).toEqual([
      { className: 'bright', score: expect.closeTo(200 / 255, 2) as number, x: 16, y: 16, width: 32, height: 16 },
    ]);
    expect(await rover.module.offload({ reason: 'test' })).toMatchObject({ outcome: 'moved' });
    for (const [index, frame] of frames.entries()) expect(await rover.module.handle.detect(frame)).toEqual(onboard[index]);
    expect(rover.module.placement.kind).toBe('edge');
  });

  it('gives each of several rovers the answer to its own frame, also when they are computed together', async () => {
    for (const { module } of rovers.slice(1)) expect(await module.offload({ reason: 'test' })).toMatchObject({ outcome: 'moved' });
    const levels = Array.from({ length: 12 }, (_, round) => rovers.map((_rover, index) => 100 + 10 * round + 3 * index));
    for (const round of levels) {
      const found = await Promise.all(rovers.map(({ module }, index) => module.handle.detect(grey(round[index] ?? 0))));
      expect(found.map(([first]) => Math.round((first?.score ?? 0) * 255))).toEqual(round);
    }
  });

  it('answers hostile frames with coded errors, and the neighbours go on', async () => {
    const [attacker, neighbour] = rovers as [LiveRover<NeuralDetectorHandle>, LiveRover<NeuralDetectorHandle>];
    const bomb = await asJpeg(grey(9));
    const header = Buffer.from(bomb.data);
    header.writeUInt16BE(65_500, header.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    const attacks: [NeuralFrame, string][] = [
      [{ ...bomb, data: header }, 'OUT_IMAGE_UNREADABLE'],
      [{ ...bomb, data: bomb.data.slice(0, 200) }, 'OUT_IMAGE_UNREADABLE'],
      [{ ...bomb, width: 65_500, height: 65_500 }, 'OUT_MODULE_THREW'],
      [{ ...grey(1), width: 63 }, 'OUT_MODULE_THREW'],
      [grey(1, 'no-such-model'), 'OUT_MODEL_UNKNOWN'],
      [grey(1, '../../etc/passwd'), 'OUT_MODEL_UNKNOWN'],
    ];
    for (const [frame, code] of attacks) {
      const [outcome, beside] = await Promise.allSettled([attacker.module.handle.detect(frame), neighbour.module.handle.detect(grey(255))]);
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
      expect(beside).toMatchObject({ status: 'fulfilled', value: [{ className: 'bright' }] });
    }
    // A refused frame costs the instance nothing: it goes on where it is.
    expect(await attacker.module.handle.detect(grey(255))).toHaveLength(1);
    expect([attacker, neighbour].map(({ module }) => module.placement.kind)).toEqual(['edge', 'edge']);
  });
});
