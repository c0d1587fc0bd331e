// The detector on board of a live rover: what it computes must not hold up the loop that drives the rover.
import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { toFrame } from '../../robot/perception/frame.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { readBuiltModule } from '../../shared/elastic/built-modules.ts';
import { instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { LocalRunner } from '../../shared/elastic/local-runner.ts';
import type { HostFunctions, ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import { localRunner, localService } from '../../shared/services/local-services.ts';
import { serveLine, type ServiceFunctions, type ServiceLine } from '../../shared/services/service-bridge.ts';
import { ServiceThreads } from '../../shared/services/service-threads.ts';
import { startThreadRunner } from '../../shared/services/thread-runner.ts';
import { evaluationFrames } from '../../sim/dataset/evaluation-scenes.ts';
import type { LabelledFrame } from '../../sim/dataset/scene-shots.ts';

const FRAMES = 8;

const runners: LocalRunner[] = [];
const ports: MessagePort[] = [];

afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close();
  for (const port of ports.splice(0)) port.close();
});

function rendered(count: number): NeuralFrame[] {
  return [...evaluationFrames({ frames: count })].map(({ width, height, data }) => ({
    model: 'hazards',
    encoding: 'rgb8',
    width,
    height,
    data,
  }));
}

/** As the classical detector wants it. */
function rawFrame(): unknown {
  const [{ width, height, data, camera }] = [...evaluationFrames({ frames: 1 })] as [LabelledFrame];
  return toFrame({ width, height, data, encoding: 'rgb8', stampSec: 0, sequence: 0 }, camera.intrinsics, camera.mount);
}

/** A line whose service is in this thread. */
function serveHere(functions: ServiceFunctions): ServiceLine {
  const { port1, port2 } = new MessageChannel();
  const cell = new Int32Array(new SharedArrayBuffer(4));
  serveLine({ port: port1, cell, caller: 'test' }, functions);
  ports.push(port1);
  return { port: port2, cell, caller: 'test' };
}

/** Share of the time of `work` for which the event loop of this thread was not free. */
async function busyShare(work: () => Promise<void>): Promise<number> {
  const before = performance.eventLoopUtilization();
  await work();
  return performance.eventLoopUtilization(before).utilization;
}

describe.skipIf(!existsSync('dist/shared/services/thread-runner-main.js'))('the detector on board', () => {
  it('finds what it finds in the loop, and leaves the event loop free', async () => {
    const bundle = await readBuiltModule('neural-detection');
    const host = { nn: await localService('nn', 'inline'), image: await localService('image', 'inline') } as HostFunctions;
    const inline: ModuleInstance = await instantiateNative(bundle, host);
    const runner = localRunner(bundle, 'threaded', new SystemClock());
    runners.push(runner);
    const frames = rendered(FRAMES);
    // The network is loaded with the first question.
    const expected = frames.map((frame) => inline.call('detect', [frame]));
    expect(expected.flat().length).toBeGreaterThan(0);

    // Its thread starts with the first frame.
    await runner.call('detect', [frames[0]]);
    const found: unknown[] = [];
    const threaded = await busyShare(async () => {
      for (const frame of frames) found.push(await runner.call('detect', [frame]));
    });
    expect(found).toEqual(expected);
    const inTheLoop = await busyShare(async () => {
      for (const frame of frames) {
        inline.call('detect', [frame]);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(inTheLoop).toBeGreaterThan(0.9);
    expect(threaded).toBeLessThan(0.5);
  });

  it('goes on with the loop while an answer is awaited: the loop itself can give it', async () => {
    const bundle = await readBuiltModule('object-detection');
    const asked: unknown[] = [];
    const vision = serveHere({
      findBlobs: async (...args: unknown[]) => {
        asked.push(args.length);
        await new Promise((resolve) => setImmediate(resolve));
        return [];
      },
    });
    const runner = await startThreadRunner({ bundle, lines: { vision } });
    runners.push(runner);
    expect(await runner.call('detect', [rawFrame()])).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
  });

  it('tells what the module threw by its code, and answers the next question', async () => {
    const runner = localRunner(await readBuiltModule('neural-detection'), 'errors', new SystemClock());
    runners.push(runner);
    const [frame] = rendered(1) as [NeuralFrame];
    await expect(runner.call('detect', [{ ...frame, data: frame.data.slice(1) }])).rejects.toMatchObject({ code: /^OUT_/ });
    await expect(runner.call('detect', [{ ...frame, model: 'no-such-model' }])).rejects.toMatchObject({ code: /^OUT_/ });
    expect(await runner.call('detect', [frame])).toBeInstanceOf(Array);
  });

  it('tells the state that it begins with before its thread is there, the same as afterwards', async () => {
    const bundle = await readBuiltModule('neural-detection');
    const runner = localRunner(bundle, 'state', new SystemClock());
    runners.push(runner);
    const before = await runner.capture();
    expect(before.form).toBe('snapshot');
    await runner.restore(before);
    expect(await runner.capture()).toEqual(before);
  });

  it('is refused where no service has what it needs', async () => {
    const bundle = await readBuiltModule('object-detection');
    await expect(startThreadRunner({ bundle, lines: {} })).rejects.toMatchObject({ code: 'OUT_MODULE_HOST_FUNCTION' });
  });

  it('ends its services only between two pieces of work, since a native library that is interrupted ends the process', async () => {
    const bundle = await readBuiltModule('neural-detection');
    const [frame] = rendered(1) as [NeuralFrame];
    const names = bundle.manifest.hostInterfaces.map(({ name }) => name);
    for (let round = 0; round < 3; round += 1) {
      const services = new ServiceThreads();
      await services.warm(names);
      const busy = await Promise.all(
        [0, 1, 2].map((index) => startThreadRunner({ bundle, lines: services.connect(names, `rover-${index}`) })),
      );
      await Promise.all(busy.map((runner) => runner.call('detect', [frame])));
      const pending = busy.map((runner) => runner.call('detect', [frame]).catch((error: unknown) => error));
      await Promise.race(pending);
      await services.close();
      for (const runner of busy) await runner.close();
      await Promise.all(pending);
    }
  });

  it('rejects what is pending when its thread ends, so that the module gets a new instance', async () => {
    const bundle = await readBuiltModule('object-detection');
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    const vision = serveHere({ findBlobs: () => (answer(), new Promise(() => undefined)) });
    const runner = await startThreadRunner({ bundle, lines: { vision } });
    const pending = runner.call('detect', [rawFrame()]);
    const rejected = expect(pending).rejects.toMatchObject({ code: 'OUT_MODULE_TRAP' });
    await asked;
    await runner.close();
    await rejected;
    await expect(runner.capture()).rejects.toMatchObject({ code: 'OUT_MODULE_TRAP' });
  });
});
