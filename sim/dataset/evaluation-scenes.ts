// Frames to judge a detector with. Nothing that made a training frame made these: other layouts (rooms behind broken partitions, and
// the corridor loop), wall and floor patterns of another family, and light of colours and strengths that no training scene has.
import type { Random } from '../../shared/ports/random.ts';
import type { Appearance } from '../camera/appearance.ts';
import { pick, SeededRandom, uniform } from '../random/seeded-random.ts';
import type { WorldSectionInput } from '../scenario/world-schema.ts';
import { FLOORS, MATERIALS } from '../world/materials.ts';
import type { DatasetScene, LabelledFrame } from './scene-shots.ts';
import { withClutter } from './scene-shots.ts';
import { crowdedSite, framesOf, type FramesOptions } from './training-scenes.ts';

/** The scenes that all published figures are for. */
export const EVALUATION_SEED = 7001;

/** 4 frames per site, so that a few hundred frames see many sites. The default seed gives the published scenes. */
export function evaluationFrames(options: Omit<FramesOptions, 'seed'> & { readonly seed?: number }): Generator<LabelledFrame> {
  const { seed = EVALUATION_SEED } = options;
  return framesOf(new SeededRandom(seed).fork('evaluation'), evaluationScene, { framesPerSite: 4, ...options, seed });
}

export function evaluationScene(random: Random): DatasetScene {
  const sizeM: [number, number] = [uniform(random, 12, 18), uniform(random, 10, 15)];
  const shared: WorldSectionInput = { sizeM, floor: pick(random, FLOORS), ceilingM: uniform(random, 2.4, 4), hazardSpacingM: 0.9 };
  const section: WorldSectionInput =
    random.next() < 0.3
      ? { ...shared, layout: 'corridor-loop' }
      : { ...shared, ...partitions(sizeM, random.fork('partitions')), starts: [{ at: [1.2, 1.2] }] };
  const site = crowdedSite(section, random);
  return { site: withClutter(site, random.fork('clutter')), appearance: unseenAppearance(random.fork('appearance')) };
}

/** Slanted walls with gaps, and furniture at any angle. */
function partitions([width, depth]: readonly [number, number], random: Random): Pick<WorldSectionInput, 'walls' | 'obstructions'> {
  const walls = Array.from({ length: 3 + random.integer(3) }, () => {
    const angle = uniform(random, -Math.PI, Math.PI);
    const half = uniform(random, 0.7, 1.8);
    const x = uniform(random, 3.5, width - 2.5);
    const y = uniform(random, 3, depth - 2.5);
    const end = (side: number): [number, number] => [x + side * half * Math.cos(angle), y + side * half * Math.sin(angle)];
    return { path: [end(-1), end(1)], heightM: uniform(random, 1, 2.8), material: pick(random, MATERIALS) };
  });
  const obstructions = Array.from({ length: 4 + random.integer(5) }, () => {
    const at: [number, number] = [uniform(random, 3, width - 1), uniform(random, 2.6, depth - 1)];
    const heightM = uniform(random, 0.4, 2);
    const material = pick(random, MATERIALS);
    if (random.next() < 0.4) return { shape: 'cylinder' as const, at, radiusM: uniform(random, 0.1, 0.45), heightM, material };
    const sizeM: [number, number] = [uniform(random, 0.3, 1.6), uniform(random, 0.3, 1)];
    return { shape: 'box' as const, at, sizeM, yawDeg: uniform(random, 0, 180), heightM, material };
  });
  return { walls, obstructions };
}

/**
 * Colours of light beyond those of `randomAppearance` (which keeps red and blue within 14 % of each other's mirror and green within
 * 4 %), and exposures below 0.7 or above 1.35.
 */
const MOODS: readonly ((random: Random) => Pick<Appearance, 'tint' | 'exposure'>)[] = [
  (random) => ({ tint: [uniform(random, 1.16, 1.26), 1, uniform(random, 0.68, 0.82)], exposure: uniform(random, 0.75, 1.2) }), // sodium lamps
  (random) => ({ tint: [uniform(random, 0.74, 0.84), 0.97, uniform(random, 1.16, 1.28)], exposure: uniform(random, 0.75, 1.2) }), // blue hour
  (random) => ({ tint: [0.94, uniform(random, 1.06, 1.12), 0.92], exposure: uniform(random, 0.75, 1.2) }), // old fluorescent tubes
  (random) => ({ tint: [1, 1, 0.98], exposure: uniform(random, 0.55, 0.68) }), // too dark
  (random) => ({ tint: [1, 1, 1], exposure: uniform(random, 1.38, 1.55) }), // too bright
];

export function unseenAppearance(random: Random): Appearance {
  const fog = uniform(random, 90, 190);
  const dark = random.next() < 0.2;
  return {
    ...pick(random, MOODS)(random),
    ambient: dark ? uniform(random, 0.25, 0.45) : uniform(random, 0.5, 0.9),
    key: uniform(random, 0, 0.5),
    keyAzimuthRad: uniform(random, -Math.PI, Math.PI),
    headlamp: dark ? uniform(random, 0.5, 1) : uniform(random, 0, 0.5),
    fogPerM: random.next() < 0.2 ? uniform(random, 0.04, 0.13) : uniform(random, 0, 0.03),
    fogColor: [fog, fog * 0.94, fog * 0.86],
    noise: uniform(random, 0.5, 9),
    blurPx: random.next() < 0.3 ? uniform(random, 0.8, 1.6) : uniform(random, 0, 0.8),
    vignette: uniform(random, 0, 0.4),
    textureSeed: random.integer(2 ** 31),
    textures: 'unseen',
    motionBlurPx: random.next() < 0.2 ? uniform(random, 2, 6) : 0,
  };
}
