import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { datasetFrames, generateDataset } from '../../sim/dataset.ts';
import { HAZARD_CLASSES } from '../../sim/world/hazards.ts';

it('writes pictures with labels that lie inside them, the same for equal seeds', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'outrider-dataset-'));
  try {
    const options = { outDir, frames: 6, seed: 4, width: 160, height: 120, framesPerSite: 3 };
    const summary = await generateDataset(options);
    expect(summary.frames).toBe(6);
    expect(Object.values(summary.boxes).reduce((a, b) => a + b, 0)).toBeGreaterThan(3);
    const description = JSON.parse(await readFile(join(outDir, 'dataset.json'), 'utf8')) as {
      classes: string[];
      frames: { image: string }[];
    };
    expect(description.classes).toEqual([...HAZARD_CLASSES]);
    expect(description.frames).toHaveLength(6);
    const again = [...datasetFrames(options)];
    for (const [index, frame] of again.entries()) {
      const name = String(index).padStart(6, '0');
      const png = PNG.sync.read(await readFile(join(outDir, 'images', `${name}.png`)));
      expect([png.width, png.height]).toEqual([160, 120]);
      for (let pixel = 0; pixel < 160 * 120; pixel += 97)
        for (let c = 0; c < 3; c += 1) expect(png.data[pixel * 4 + c]).toBe(frame.data[pixel * 3 + c]);
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
