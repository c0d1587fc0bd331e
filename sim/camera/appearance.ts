// How frames look beside what stands in the site: light, air, lens and sensor. The knobs of domain randomisation.
import type { Random } from '../../shared/ports/random.ts';
import { uniform } from '../random/seeded-random.ts';
import type { PatternFamily } from './random-textures.ts';

export interface Appearance {
  /** Evenly distributed light, 1: a lit room. */
  readonly ambient: number;
  /** Light from one side, and where it comes from [rad, world frame]. */
  readonly key: number;
  readonly keyAzimuthRad: number;
  /** The rover's own lamp: strength at 1 m. */
  readonly headlamp: number;
  /** Colour of the light: factors of red, green, blue. */
  readonly tint: readonly [number, number, number];
  /** Share of light that is lost per metre of air, and the colour that takes its place, 0 to 255. */
  readonly fogPerM: number;
  readonly fogColor: readonly [number, number, number];
  /** Factor on the whole picture. */
  readonly exposure: number;
  /** Standard deviation of the sensor's noise [grey levels]. */
  readonly noise: number;
  /** Radius of the lens blur [px]; 0: none. */
  readonly blurPx: number;
  /** Darkening of the corners, 0 to 1. */
  readonly vignette: number;
  /** Turns of hue per texture set; another seed is another building. */
  readonly textureSeed: number | null;
  /** What walls and floors wear: what buildings wear, or random patterns (see random-textures.ts). */
  readonly textures: 'building' | PatternFamily;
  /** Length of the smear of a turning camera [px]; 0: none. */
  readonly motionBlurPx: number;
}

export const DEFAULT_APPEARANCE: Appearance = {
  ambient: 0.72,
  key: 0.3,
  keyAzimuthRad: 0.9,
  headlamp: 0.25,
  tint: [1, 0.99, 0.96],
  fogPerM: 0.012,
  fogColor: [150, 152, 155],
  exposure: 1,
  noise: 3,
  blurPx: 0.6,
  vignette: 0.18,
  textureSeed: null,
  textures: 'building',
  motionBlurPx: 0,
};

/** Strongly different looks, for training data: dim to bright, warm to cold, clear to smoky, sharp to soft. */
export function randomAppearance(random: Random): Appearance {
  const warm = uniform(random, -0.14, 0.14);
  const dark = random.next() < 0.25;
  const smoke = random.next() < 0.25 ? uniform(random, 0.04, 0.16) : uniform(random, 0, 0.03);
  const fog = uniform(random, 90, 190);
  return {
    ambient: dark ? uniform(random, 0.15, 0.4) : uniform(random, 0.45, 0.95),
    key: uniform(random, 0, 0.5),
    keyAzimuthRad: uniform(random, -Math.PI, Math.PI),
    headlamp: dark ? uniform(random, 0.5, 1.1) : uniform(random, 0, 0.5),
    tint: [1 + warm, 1 + uniform(random, -0.04, 0.04), 1 - warm],
    fogPerM: smoke,
    fogColor: [fog, fog * uniform(random, 0.96, 1.02), fog * uniform(random, 0.92, 1.06)],
    exposure: uniform(random, 0.7, 1.35),
    noise: uniform(random, 0.5, 9),
    blurPx: random.next() < 0.3 ? uniform(random, 0.8, 1.8) : uniform(random, 0, 0.8),
    vignette: uniform(random, 0, 0.4),
    textureSeed: random.integer(2 ** 31),
    textures: random.next() < 0.4 ? 'random' : 'building',
    motionBlurPx: random.next() < 0.2 ? uniform(random, 2, 7) : 0,
  };
}
