import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { writeDataset } from '../../sim/dataset/write-dataset.ts';
import { trainingFrames } from '../../sim/dataset/training-scenes.ts';
import { HAZARD_CLASSES } from '../../sim/world/hazards.ts';

it('writes pictures with labels that lie inside them, the same for equal seeds', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'outrider-dataset-'));
  try {
    const options = { frames: 6, seed: 4, width: 160, height: 120, framesPerSite: 3 };
    const summary = await writeDataset(outDir, trainingFrames(options), options);
    expect(summary.frames).toBe(6);
    expect(Object.values(summary.boxes).reduce((a, b) => a + b, 0)).toBeGreaterThan(3);
    const description = JSON.parse(await readFile(join(outDir, 'dataset.json'), 'utf8')) as {
      classes: string[];
      frames: { image: string; objects: unknown[]; ignored: unknown[] }[];
    };
    expect(description.classes).toEqual([...HAZARD_CLASSES]);
    expect(description.frames).toHaveLength(6);
    const again = [...trainingFrames(options)];
    for (const [index, frame] of again.entries()) {
      const name = String(index).padStart(6, '0');
      const png = PNG.sync.read(await readFile(join(outDir, 'images', `${name}.png`)));
      expect([png.width, png.height]).toEqual([160, 120]);
      for (let pixel = 0; pixel < 160 * 120; pixel += 97)
        for (let c = 0; c < 3; c += 1) expect(png.data[pixel * 4 + c]).toBe(frame.data[pixel * 3 + c]);
      expect(description.frames[index]?.objects).toEqual(frame.hazards);
      expect(description.frames[index]?.ignored).toEqual(frame.ignored);
      const lines = (await readFile(join(outDir, 'labels', `${name}.txt`), 'utf8')).split('\n').filter((line) => line !== '');
      expect(lines).toHaveLength(frame.hazards.length);
      for (const line of lines) {
        const [kind, x, y, w, h] = line.split(' ').map(Number) as [number, number, number, number, number];
        expect(HAZARD_CLASSES[kind]).toBeDefined();
        expect(x - w / 2).toBeGreaterThanOrEqual(-1e-5);
        expect(y - h / 2).toBeGreaterThanOrEqual(-1e-5);
        expect(x + w / 2).toBeLessThanOrEqual(1 + 1e-5);
        expect(y + h / 2).toBeLessThanOrEqual(1 + 1e-5);
        expect(w * h).toBeGreaterThan(0);
      }
    }
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
});

it('sets apart what is too small or too hidden to ask a detector for', () => {
  const seen = { hazards: 0, ignored: 0 };
  for (const { hazards, ignored } of trainingFrames({ frames: 40, seed: 11, width: 160, height: 120, framesPerSite: 20 })) {
    for (const { visibility, pixels } of hazards) expect(visibility >= 0.25 && pixels >= 36).toBe(true);
    for (const { visibility, pixels } of ignored) expect(visibility < 0.25 || pixels < 36).toBe(true);
    seen.hazards += hazards.length;
    seen.ignored += ignored.length;
  }
  expect(seen.hazards).toBeGreaterThan(10);
  expect(seen.ignored).toBeGreaterThan(0);
});
