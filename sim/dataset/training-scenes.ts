// Frames to train a detector with: random sites under random light, full of hazards and of things that look like them.
import type { Random } from '../../shared/ports/random.ts';
import { randomAppearance } from '../camera/appearance.ts';
import { pick, SeededRandom, uniform } from '../random/seeded-random.ts';
import { resolveSite } from '../scenario/resolve-site.ts';
import { type LayoutName, type WorldSectionInput, worldSchema } from '../scenario/world-schema.ts';
import { DEFAULT_VEHICLE } from '../vehicle/vehicle-spec.ts';
import { HAZARD_CLASSES, type HazardClass, PROP_KINDS } from '../world/hazards.ts';
import { FLOORS } from '../world/materials.ts';
import type { SiteDefinition } from '../world/world.ts';
import { type DatasetScene, type LabelledFrame, sceneShots, type ShotOptions, withClutter } from './scene-shots.ts';

/** What a detector trains on; the corridor loop is kept for the evaluation scenes. */
export const TRAINING_LAYOUTS = ['office', 'warehouse', 'rubble', 'open-field'] as const satisfies readonly LayoutName[];

export interface FramesOptions extends ShotOptions {
  readonly frames: number;
  /** Equal seeds give equal frames. */
  readonly seed: number;
  /** Frames taken in one site before the next is made. */
  readonly framesPerSite?: number;
}

/** Makes the scene of a number; everything random in it comes from the stream. */
export type MakeScene = (random: Random, number: number) => DatasetScene;

export function trainingFrames(options: FramesOptions): Generator<LabelledFrame> {
  return framesOf(new SeededRandom(options.seed).fork('dataset'), trainingScene, { framesPerSite: 10, ...options });
}

/** Frames of scene after scene. */
export function* framesOf(
  random: Random,
  makeScene: MakeScene,
  options: FramesOptions & { readonly framesPerSite: number },
): Generator<LabelledFrame> {
  for (let number = 0, site = 0; number < options.frames; site += 1) {
    const own = random.fork(`site:${site}`);
    const shots = sceneShots(makeScene(own, site), own.fork('shots'), options);
    for (let shot = 0; shot < options.framesPerSite && number < options.frames; shot += 1, number += 1) {
      const { value } = shots.next();
      yield value as LabelledFrame;
    }
  }
}

export function trainingScene(random: Random): DatasetScene {
  const section: WorldSectionInput = {
    sizeM: [uniform(random, 12, 20), uniform(random, 10, 15)],
    layout: pick(random, TRAINING_LAYOUTS),
    floor: pick(random, FLOORS),
    ceilingM: random.next() < 0.2 ? 0 : uniform(random, 2.4, 4),
    hazardSpacingM: 0.9,
  };
  return {
    site: withClutter(crowdedSite(section, random), random.fork('clutter')),
    appearance: randomAppearance(random.fork('appearance')),
  };
}

/** Fills a site with up to a dozen hazards, all classes alike, and as many things that are none. */
export function crowdedSite(section: WorldSectionInput, random: Random): SiteDefinition {
  const first = random.integer(HAZARD_CLASSES.length);
  for (let wanted = 12; ; wanted -= 1) {
    const hazards = Array.from({ length: wanted }, (_, k) => ({
      class: HAZARD_CLASSES[(first + k) % HAZARD_CLASSES.length] as HazardClass,
    }));
    const props = Array.from({ length: wanted }, () => ({ kind: pick(random, PROP_KINDS), yawDeg: uniform(random, 0, 360) }));
    try {
      return resolveSite(worldSchema.parse({ ...section, hazards, props }), {
        random: random.fork(`try:${wanted}`),
        rovers: 1,
        roverRadiusM: DEFAULT_VEHICLE.radiusM,
      });
    } catch (error) {
      if (wanted <= 1) throw error; // fewer things fit into a narrow site
    }
  }
}
