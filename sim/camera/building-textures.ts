// What buildings and furniture are painted with: concrete, plaster, brick, wood, metal, cardboard, rubble, fabric, plastic, floors.
import type { Random } from '../../shared/ports/random.ts';
import { pick, SeededRandom, uniform } from '../random/seeded-random.ts';
import type { FloorName, MaterialName } from '../world/materials.ts';
import type { Appearance } from './appearance.ts';
import { randomTexture } from './random-textures.ts';
import { makeTexture, mix, type Painter, type Rgb, shade, type Texture, valueNoise } from './texture.ts';

const SIZE = 128;
/** Floors are seen from close by, so they are finer. */
const FLOOR_SIZE = 256;

type Recipe = (random: Random) => { readonly spanM: number; readonly paint: Painter };

/** A plain colour with blotches and grain. */
function mottled(random: Random, color: Rgb, blotch: number, grain: number, spanM = 2): { spanM: number; paint: Painter } {
  const large = valueNoise(random, 4, 3);
  const fine = valueNoise(random, 32, 2);
  return { spanM, paint: (u, v) => shade(color, 1 + blotch * large(u, v) + grain * fine(u, v)) };
}

function grey(random: Random, low: number, high: number, cast = 6): Rgb {
  const level = uniform(random, low, high);
  return [level + uniform(random, -cast, cast), level + uniform(random, -cast / 2, cast / 2), level + uniform(random, -cast, cast)];
}

const planks = (random: Random, color: Rgb, spanM: number, boards: number): { spanM: number; paint: Painter } => {
  const grain = valueNoise(random, 16, 3);
  const tones = Array.from({ length: boards }, () => uniform(random, 0.82, 1.12));
  return {
    spanM,
    paint: (u, v) => {
      const board = Math.floor(v * boards);
      const edge = Math.abs(v * boards - board - 0.5) > 0.47 ? 0.62 : 1;
      const rings = 0.07 * Math.sin(40 * (v + 0.06 * grain(u, v)) * Math.PI) + 0.1 * grain(u * 0.25, v);
      return shade(color, (tones[board] ?? 1) * edge * (1 + rings));
    },
  };
};

const bricks: Recipe = (random) => {
  const base: Rgb = [uniform(random, 118, 148), uniform(random, 82, 96), uniform(random, 66, 80)];
  const mortar = grey(random, 135, 160);
  const noise = valueNoise(random, 16, 3);
  const tones = Array.from({ length: 16 * 8 }, () => uniform(random, 0.78, 1.12));
  return {
    spanM: 1,
    paint: (u, v) => {
      const row = Math.floor(v * 16);
      const x = u * 4 + (row % 2) * 0.5;
      const column = Math.floor(x);
      const joint = Math.abs(x - column - 0.5) > 0.46 || Math.abs(v * 16 - row - 0.5) > 0.4;
      const color = joint ? mortar : shade(base, tones[(row * 8 + (column % 4)) % tones.length] ?? 1);
      return shade(color, 1 + 0.12 * noise(u, v));
    },
  };
};

const cardboard: Recipe = (random) => {
  const color: Rgb = [uniform(random, 160, 182), uniform(random, 126, 142), uniform(random, 88, 104)];
  const noise = valueNoise(random, 8, 4);
  return {
    spanM: 0.8,
    paint: (u, v) => {
      const tape = Math.abs(u - 0.5) < 0.045 ? 1.14 : 1;
      const flute = 1 + 0.025 * Math.sin(v * 2 * Math.PI * 32);
      const edge = u < 0.015 || v < 0.015 ? 0.7 : 1;
      return shade(color, tape * flute * edge * (1 + 0.09 * noise(u, v)));
    },
  };
};

const ribbedMetal = (random: Random, color: Rgb): { spanM: number; paint: Painter } => {
  const noise = valueNoise(random, 8, 3);
  const streaks = valueNoise(random, 32, 1);
  return {
    spanM: 1,
    paint: (u, v) => shade(color, (Math.abs((u * 4) % 1) < 0.06 ? 0.72 : 1) * (1 + 0.06 * noise(u, v) + 0.08 * streaks(u, v * 0.1))),
  };
};

const RECIPES: Readonly<Record<MaterialName, Recipe>> = {
  concrete: (random) => mottled(random, grey(random, 120, 155), 0.14, 0.09),
  plaster: (random) => {
    const wall = mottled(random, mix(grey(random, 176, 208, 4), [206, 196, 176], random.next() * 0.7), 0.05, 0.035);
    return wall;
  },
  brick: bricks,
  wood: (random) => planks(random, [uniform(random, 118, 142), uniform(random, 94, 108), uniform(random, 70, 84)], 0.9, 5),
  metal: (random) => {
    const level = uniform(random, 122, 146);
    return ribbedMetal(random, [level - 5, level, level + 5]);
  },
  cardboard,
  rubble: (random) => mottled(random, mix(grey(random, 110, 140), [128, 112, 96], random.next() * 0.6), 0.28, 0.25, 1),
  'fabric-green': (random) => mottled(random, [uniform(random, 70, 90), uniform(random, 92, 112), uniform(random, 74, 90)], 0.08, 0.12, 1),
  'fabric-grey': (random) => mottled(random, grey(random, 78, 112), 0.08, 0.14, 1),
  'plastic-blue': (random) =>
    mottled(random, [uniform(random, 84, 104), uniform(random, 112, 128), uniform(random, 138, 152)], 0.04, 0.03, 1),
  'plastic-white': (random) => mottled(random, grey(random, 196, 220, 3), 0.03, 0.025, 1),
  'painted-steel': (random) => ribbedMetal(random, mix([108, 112, 104], [136, 128, 112], random.next())),
};

const FLOOR_RECIPES: Readonly<Record<FloorName, Recipe>> = {
  'concrete-floor': (random) => mottled(random, grey(random, 112, 140, 4), 0.14, 0.13, 2.5),
  tiles: (random) => {
    const color = mix(grey(random, 150, 190, 4), [178, 166, 148], random.next());
    const noise = valueNoise(random, 16, 3);
    const tones = Array.from({ length: 16 }, () => uniform(random, 0.93, 1.06));
    return {
      spanM: 2,
      paint: (u, v) => {
        const i = Math.floor(u * 4);
        const j = Math.floor(v * 4);
        const joint = Math.abs(u * 4 - i - 0.5) > 0.48 || Math.abs(v * 4 - j - 0.5) > 0.48;
        return shade(color, (joint ? 0.66 : (tones[i * 4 + j] ?? 1)) * (1 + 0.06 * noise(u, v)));
      },
    };
  },
  asphalt: (random) => mottled(random, grey(random, 76, 100, 4), 0.1, 0.22, 2),
  'wood-floor': (random) => planks(random, [uniform(random, 130, 150), uniform(random, 106, 118), uniform(random, 80, 94)], 1.5, 12),
  dirt: (random) => mottled(random, pick(random, [[122, 104, 82] as Rgb, [112, 102, 84] as Rgb, [132, 120, 98] as Rgb]), 0.22, 0.2, 3),
};

/** One texture per material, the same for equal seeds. */
export function buildingTexture(material: MaterialName, seed: number, textures: Appearance['textures'] = 'building'): Texture {
  if (textures !== 'building') return randomTexture(material, seed, textures, SIZE);
  const { spanM, paint } = RECIPES[material](new SeededRandom(seed).fork(material));
  return makeTexture(SIZE, spanM, paint);
}

export function floorTexture(floor: FloorName, seed: number, textures: Appearance['textures'] = 'building'): Texture {
  if (textures !== 'building') return randomTexture(floor, seed, textures, SIZE);
  const { spanM, paint } = FLOOR_RECIPES[floor](new SeededRandom(seed).fork(floor));
  return makeTexture(FLOOR_SIZE, spanM, paint);
}

export function ceilingTexture(seed: number): Texture {
  const random = new SeededRandom(seed).fork('ceiling');
  const { paint } = mottled(random, grey(random, 178, 205, 3), 0.04, 0.03);
  return makeTexture(SIZE, 1.2, (u, v) => (u < 0.012 || v < 0.012 ? shade(paint(u, v), 0.75) : paint(u, v)));
}
