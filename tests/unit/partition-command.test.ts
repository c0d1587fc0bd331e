// `outrider module partition` on a model file, on a layer profile, and on what is neither.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALEXNET } from '../../bench/support/alexnet-profile.ts';
import { describePartition, partition, type PartitionFlags } from '../../toolchain/partition/command.ts';
import { pyramid, pyramidParts, toOnnx } from '../support/onnx-graphs.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'outrider-partition-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const flags: PartitionFlags = { bandwidth: 80, k: 0.8, serverSpeedup: 10, clientSlowdown: 1, minLayersOnboard: 0, runs: 2 };

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const target = path.join(directory, name);
  await writeFile(target, content);
  return target;
}

describe('the plans', () => {
  it('of a layer profile are those of its figures', async () => {
    const outcome = await partition(await file('alexnet.json', JSON.stringify(ALEXNET)), flags);
    expect(outcome.plans.map((plan) => Math.round(plan.queryMs))).toEqual([610, 376, 61]);
    expect(describePartition(outcome, flags).join('\n')).toMatch(/1\s+1369\.6\s+0\.13\s+609\.5.*conv1–pool2/);
  });

  it('of a model stand on measured times, and keep layers on board that must stay', async () => {
    const target = await file('pyramid.onnx', pyramid());
    // A client so slow, and a link so fast, that everything that may go goes.
    const greedy = { ...flags, bandwidth: 100_000, clientSlowdown: 1000, serverSpeedup: 1000 };
    const { layers, plans, times } = await partition(target, greedy);
    expect(times).toMatch(/modelled as 1000 ×/);
    expect(layers.every((layer) => layer.clientMs > 0 && layer.inputBytes > 0)).toBe(true);
    expect(plans.at(-1)?.serverLayers).toContain(0);
    const kept = await partition(target, { ...greedy, minLayersOnboard: 2 });
    for (const plan of kept.plans) expect(Math.min(...plan.serverLayers)).toBeGreaterThanOrEqual(2);
  });

  it('of a model with open dimensions need them given', async () => {
    const target = await file('open.onnx', toOnnx({ ...pyramidParts(), input: [1, 3, 'height', 'width'] }));
    await expect(partition(target, flags)).rejects.toMatchObject({ code: 'OUT_MODEL_TENSOR' });
    const { layers } = await partition(target, { ...flags, shape: ['image=1x3x16x32'] });
    expect(layers[0]?.inputBytes).toBeLessThanOrEqual(3 * 16 * 32 * 4 + 64);
    await expect(partition(target, { ...flags, shape: ['image:16'] })).rejects.toMatchObject({ code: 'OUT_CLI_USAGE' });
  });
});

it.each([
  ['junk.onnx', 'not a model', 'OUT_MODEL_ONNX'],
  ['junk.json', '{', 'OUT_MODEL_PROFILE'],
  ['other.json', '{"layers":[]}', 'OUT_MODEL_PROFILE'],
])('%s is refused by its code', async (name, content, code) => {
  await expect(partition(await file(name, content), flags)).rejects.toMatchObject({ code });
});

it('a file that is not there is refused by its path', async () => {
  await expect(partition(path.join(directory, 'none.onnx'), flags)).rejects.toThrow(/none\.onnx cannot be read/);
});
