// Writes labelled frames as a data set that training tools read: pictures, one label file each, and one description of all.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { HAZARD_CLASSES, type HazardClass } from '../world/hazards.ts';
import type { LabelledFrame } from './scene-shots.ts';

export interface DatasetSummary {
  readonly frames: number;
  readonly boxes: Readonly<Record<HazardClass, number>>;
  readonly emptyFrames: number;
}

/**
 * Writes `images/NNNNNN.png`, `labels/NNNNNN.txt` (one line per box: class number, then centre and size as fractions of the
 * picture) and `dataset.json` (classes, parameters, per frame the boxes in pixels with visibility and distance, ignored ones apart).
 */
export async function writeDataset(
  outDir: string,
  frames: Iterable<LabelledFrame>,
  parameters: Readonly<Record<string, unknown>>,
  log?: (line: string) => void,
): Promise<DatasetSummary> {
  await mkdir(join(outDir, 'images'), { recursive: true });
  await mkdir(join(outDir, 'labels'), { recursive: true });
  const boxes = Object.fromEntries(HAZARD_CLASSES.map((name) => [name, 0])) as Record<HazardClass, number>;
  const index: unknown[] = [];
  let emptyFrames = 0;
  let number = 0;
  for (const frame of frames) {
    const name = String(number).padStart(6, '0');
    const lines = frame.hazards.map(({ class: hazard, box: [left, top, right, bottom] }) => {
      boxes[hazard] += 1;
      const fractions = [
        (left + right) / 2 / frame.width,
        (top + bottom) / 2 / frame.height,
        (right - left) / frame.width,
        (bottom - top) / frame.height,
      ];
      return [HAZARD_CLASSES.indexOf(hazard), ...fractions.map((value) => value.toFixed(6))].join(' ');
    });
    if (lines.length === 0) emptyFrames += 1;
    await writeFile(join(outDir, 'images', `${name}.png`), encodePng(frame));
    await writeFile(join(outDir, 'labels', `${name}.txt`), lines.map((line) => `${line}\n`).join(''));
    index.push({ image: `images/${name}.png`, objects: frame.hazards, ignored: frame.ignored });
    number += 1;
    if (number % 500 === 0) log?.(`${number} frames`);
  }
  const description = { format: 'outrider-dataset/1', classes: HAZARD_CLASSES, parameters, frames: index };
  await writeFile(join(outDir, 'dataset.json'), `${JSON.stringify(description)}\n`);
  return { frames: number, boxes, emptyFrames };
}

function encodePng(frame: LabelledFrame): Buffer {
  const png = new PNG({ width: frame.width, height: frame.height, colorType: 2, inputColorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(frame.data.buffer, frame.data.byteOffset, frame.data.byteLength);
  return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false, deflateLevel: 1 });
}
