import { expect, it } from 'vitest';
import { type Appearance, randomAppearance } from '../../sim/camera/appearance.ts';
import { PATTERN_FAMILIES, randomTexture } from '../../sim/camera/random-textures.ts';
import { evaluationFrames, evaluationScene, unseenAppearance } from '../../sim/dataset/evaluation-scenes.ts';
import { TRAINING_LAYOUTS } from '../../sim/dataset/training-scenes.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { HAZARD_CLASSES } from '../../sim/world/hazards.ts';

const SMALL = { frames: 24, width: 160, height: 120, framesPerSite: 12 };

it('gives equal frames and boxes for equal seeds, and other ones for another seed', () => {
  const first = [...evaluationFrames(SMALL)];
  const again = [...evaluationFrames(SMALL)];
  for (const [index, frame] of first.entries()) {
    expect(Buffer.compare(again[index]!.data, frame.data)).toBe(0);
    expect(again[index]!.hazards).toEqual(frame.hazards);
  }
  expect(first).toHaveLength(24);
  const other = [...evaluationFrames({ ...SMALL, frames: 1, seed: 5 })];
  expect(Buffer.compare(other[0]!.data, first[0]!.data)).not.toBe(0);
});

it('shows every class of hazard, inside the picture', () => {
  const classes = new Set<string>();
  for (const { hazards, width, height } of evaluationFrames({ ...SMALL, frames: 48 })) {
    for (const hazard of hazards) {
      const [left, top, right, bottom] = hazard.box;
      expect(left >= 0 && top >= 0 && right <= width && bottom <= height && right > left && bottom > top).toBe(true);
      classes.add(hazard.class);
    }
  }
  expect([...classes].toSorted()).toEqual([...HAZARD_CLASSES].toSorted());
});

it('lights its scenes as no training scene is lit', () => {
  const lit = (make: (random: SeededRandom) => Appearance, label: string): Appearance[] =>
    Array.from({ length: 2000 }, (_, k) => make(new SeededRandom(k).fork(label)));
  const training = lit(randomAppearance, 'training');
  const numbers = ({ tint, exposure }: Appearance): number[] => [...tint, exposure];
  const low = numbers(training[0]!).map((_, k) => Math.min(...training.map((a) => numbers(a)[k]!)));
  const high = numbers(training[0]!).map((_, k) => Math.max(...training.map((a) => numbers(a)[k]!)));
  for (const appearance of lit(unseenAppearance, 'evaluation')) {
    expect(numbers(appearance).some((value, k) => value < low[k]! || value > high[k]!)).toBe(true);
  }
});

it('stands in layouts and wears patterns that training never uses', () => {
  expect(TRAINING_LAYOUTS).not.toContain('corridor-loop');
  const unseen = Object.keys(PATTERN_FAMILIES.unseen);
  expect(unseen.filter((pattern) => pattern in PATTERN_FAMILIES.random)).toEqual([]);
  expect(new Set(Array.from({ length: 300 }, (_, k) => randomAppearance(new SeededRandom(k)).textures))).toEqual(
    new Set(['building', 'random']),
  );
  expect(evaluationScene(new SeededRandom(3)).appearance.textures).toBe('unseen');
  const wall = randomTexture('brick', 9, 'unseen', 32);
  expect(wall.levels).toEqual(randomTexture('brick', 9, 'unseen', 32).levels);
  expect(wall.levels).not.toEqual(randomTexture('brick', 9, 'random', 32).levels);
});
