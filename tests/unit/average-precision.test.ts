// The figures are worked out by hand after COCO's definition.
import { describe, expect, it } from 'vitest';
import { averagePrecision, type Box, type FoundBox, type JudgedFrame, workingPoint } from '../../sim/scoring/average-precision.ts';

const at = (x: number, width = 10): Box => [x, 0, x + width, 10];
const found = (x: number, score: number, name = 'fire', width = 10): FoundBox => ({ class: name, score, box: at(x, width) });
const frame = (objects: readonly number[], boxes: readonly FoundBox[], ignored: readonly number[] = []): JudgedFrame => ({
  objects: objects.map((x) => ({ class: 'fire', box: at(x) })),
  ignored: ignored.map((x) => ({ class: 'fire', box: at(x, 40) })),
  found: boxes,
});
const map50 = (...frames: JudgedFrame[]): number => averagePrecision(frames, ['fire', 'drum']).map50;

describe('average precision', () => {
  it('is 1 where everything is found exactly, and 0 where nothing is', () => {
    expect(averagePrecision([frame([0, 50], [found(0, 0.9), found(50, 0.3)])], ['fire'])).toEqual({
      map50: 1,
      map50To95: 1,
      ap50: { fire: 1 },
    });
    expect(map50(frame([0, 50], []))).toBe(0);
  });

  it('falls by a false box only as far as that stands before right ones', () => {
    expect(map50(frame([0], [found(0, 0.9), found(80, 0.5)]))).toBe(1);
    expect(map50(frame([0], [found(0, 0.5), found(80, 0.9)]))).toBeCloseTo(0.5, 10);
  });

  it('samples precision at 101 recalls', () => {
    // Right, wrong, right of two objects: precision 1 up to recall 0.5 (51 samples), 2/3 up to 1 (50 samples).
    const boxes = [found(0, 0.9), found(80, 0.8), found(50, 0.7)];
    expect(map50(frame([0, 50], boxes))).toBeCloseTo((51 + (50 * 2) / 3) / 101, 10);
    // One of two found: 51 samples at 1.
    expect(map50(frame([0, 50], [found(0, 0.9)]))).toBeCloseTo(51 / 101, 10);
  });

  it('counts a second box on one object as false', () => {
    expect(map50(frame([0, 50], [found(0, 0.9), found(1, 0.8), found(50, 0.7)]))).toBeCloseTo((51 + (50 * 2) / 3) / 101, 10);
  });

  it('leaves out boxes on what is ignored, however many', () => {
    expect(map50(frame([0], [found(102, 0.95), found(110, 0.94), found(0, 0.9)], [100]))).toBe(1);
  });

  it('orders boxes over all pictures', () => {
    expect(map50(frame([0], [found(0, 0.4)]), frame([], [found(0, 0.9)]))).toBeCloseTo(0.5, 10);
  });

  it('asks for ever more overlap in mAP50-95', () => {
    // 10 × 10 against 8 × 10 in the same place: overlap 0.8 passes 0.5, 0.55 … 0.8.
    const { map50: at50, map50To95 } = averagePrecision([frame([0], [found(0, 0.9, 'fire', 8)])], ['fire']);
    expect(at50).toBe(1);
    expect(map50To95).toBeCloseTo(0.7, 10);
  });

  it('averages over the classes that occur', () => {
    const mixed: JudgedFrame = {
      objects: [
        { class: 'fire', box: at(0) },
        { class: 'drum', box: at(50) },
      ],
      ignored: [],
      found: [found(0, 0.9), found(50, 0.9)],
    };
    expect(averagePrecision([mixed], ['fire', 'drum', 'survivor'])).toMatchObject({ map50: 0.5, ap50: { fire: 1, drum: 0 } });
  });
});

describe('a working point', () => {
  it('counts hazards by distance, and boxes on nothing', () => {
    const near = { class: 'fire', box: at(0), distanceM: 2 };
    const far = { class: 'fire', box: at(50), distanceM: 8 };
    const frames = [{ objects: [near, far], ignored: [], found: [found(0, 0.9), found(80, 0.6), found(50, 0.2), found(0, 0.9, 'drum')] }];
    expect(workingPoint(frames, { score: 0.5, fromM: 1, toM: 6 })).toEqual({ recall: 1, objects: 1, falsePerFrame: 2 });
    expect(workingPoint(frames, { score: 0.5, fromM: 1, toM: 20 }).recall).toBe(0.5);
  });
});
