// Walls and floors that no building has: random patterns in random colours. A detector that has seen enough of them stops caring what
// a wall looks like (domain randomisation, Tobin et al. 2017). Two families that share no pattern: one to train with, one to judge with.
import type { Random } from '../../shared/ports/random.ts';
import { pick, SeededRandom, uniform } from '../random/seeded-random.ts';
import { makeTexture, mix, type Painter, type Rgb, shade, type Texture, valueNoise } from './texture.ts';

type Pattern = (random: Random, a: Rgb, b: Rgb) => Painter;

const blotches: Pattern = (random, a, b) => {
  const field = valueNoise(random, 2 + random.integer(6), 3);
  return (u, v) => mix(a, b, 0.5 + 0.5 * field(u, v));
};

const stripes: Pattern = (random, a, b) => {
  const count = 1 + random.integer(8);
  const share = uniform(random, 0.15, 0.85);
  const upright = random.next() < 0.5;
  return (u, v) => (((upright ? u : v) * count) % 1 < share ? a : b);
};

const squares: Pattern = (random, a, b) => {
  const count = 2 * (1 + random.integer(4));
  return (u, v) => ((Math.floor(u * count) + Math.floor(v * count)) % 2 === 0 ? a : b);
};

const courses: Pattern = (random, a, b) => {
  const rows = 2 * (1 + random.integer(5));
  const perRow = 1 + random.integer(4);
  const joint = uniform(random, 0.03, 0.12);
  return (u, v) => {
    const row = Math.floor(v * rows);
    const x = u * perRow + (row % 2) * 0.5;
    return x % 1 < joint || (v * rows) % 1 < joint * 1.6 ? b : a;
  };
};

const dots: Pattern = (random, a, b) => {
  const count = 1 + random.integer(6);
  const radius = uniform(random, 0.12, 0.42);
  return (u, v) => (Math.hypot(((u * count) % 1) - 0.5, ((v * count) % 1) - 0.5) < radius ? b : a);
};

/** Irregular cells around scattered points, dark joints between them: natural stone. */
const stones: Pattern = (random, a, b) => {
  const points = Array.from({ length: 8 + random.integer(16) }, () => ({ u: random.next(), v: random.next(), tone: random.next() }));
  const joint = uniform(random, 0.012, 0.03);
  return (u, v) => {
    let [first, second, tone] = [9, 9, 0];
    for (const point of points) {
      const du = Math.abs(u - point.u);
      const dv = Math.abs(v - point.v);
      const away = Math.hypot(Math.min(du, 1 - du), Math.min(dv, 1 - dv));
      if (away < first) [second, first, tone] = [first, away, point.tone];
      else if (away < second) second = away;
    }
    return second - first < joint ? shade(b, 0.5) : mix(a, b, tone * 0.8);
  };
};

const zigzag: Pattern = (random, a, b) => {
  const count = 2 + random.integer(4);
  const share = uniform(random, 0.25, 0.7);
  return (u, v) => ((v * count + Math.abs(((u * count) % 1) - 0.5)) % 1 < share ? a : b);
};

const weave: Pattern = (random, a, b) => {
  const count = 2 * (2 + random.integer(5));
  return (u, v) => {
    const over = (Math.floor(u * count) + Math.floor(v * count)) % 2 === 0;
    const along = over ? (u * count) % 1 : (v * count) % 1;
    return shade(over ? a : b, 0.7 + 0.3 * Math.sin(Math.PI * along));
  };
};

/** Which patterns a family holds; the two must stay apart, or the evaluation scenes are no longer new. */
export const PATTERN_FAMILIES = {
  random: { blotches, stripes, squares, courses, dots },
  unseen: { stones, zigzag, weave },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Pattern>>>>;

export type PatternFamily = keyof typeof PATTERN_FAMILIES;

/** One texture per name (of a material or floor), the same for equal seeds. */
export function randomTexture(name: string, seed: number, family: PatternFamily, size: number): Texture {
  const random = new SeededRandom(seed).fork(`${family}:${name}`);
  const a = anyColor(random);
  const b = random.next() < 0.6 ? shade(a, uniform(random, 0.6, 1.4)) : anyColor(random);
  const paint = pick<Pattern>(random, Object.values(PATTERN_FAMILIES[family]))(random, a, b);
  const grain = valueNoise(random, 16, 3);
  const wear = uniform(random, 0.02, 0.25);
  return makeTexture(size, uniform(random, 0.6, 3), (u, v) => shade(paint(u, v), 1 + wear * grain(u, v)));
}

/** Mostly dull, as buildings are, sometimes as loud as a hazard. */
function anyColor(random: Random): Rgb {
  const level = uniform(random, 50, 225);
  const strength = random.next() < 0.7 ? uniform(random, 0, 0.25) : uniform(random, 0.25, 1);
  const hue = random.next() * 2 * Math.PI;
  const channel = (turn: number): number => level * (1 + strength * Math.cos(hue + turn));
  return [channel(0), channel((2 * Math.PI) / 3), channel((4 * Math.PI) / 3)];
}
