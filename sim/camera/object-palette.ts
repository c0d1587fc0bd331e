// Small textures of hazards, props, rovers and people, addressed by name while meshes are built.
import type { Random } from '../../shared/ports/random.ts';
import { pick, uniform } from '../random/seeded-random.ts';
import { makeTexture, mix, type Painter, type Rgb, shade, type Texture, valueNoise } from './texture.ts';

const SIZE = 64;

/** Collects textures; each has a number for the meshes. */
export class Palette {
  readonly textures: Texture[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  add(texture: Texture): number {
    this.textures.push(texture);
    return this.textures.length - 1;
  }

  /** A colour with light wear. */
  plain(color: Rgb, wear = 0.06, spanM = 0.5): number {
    const noise = valueNoise(this.#random.fork(`plain${this.textures.length}`), 8, 3);
    return this.add(makeTexture(SIZE, spanM, (u, v) => shade(color, 1 + wear * noise(u, v))));
  }

  painted(paint: (random: Random) => Painter, spanM = 0.5, emissive = false): number {
    return this.add(makeTexture(SIZE, spanM, paint(this.#random.fork(`painted${this.textures.length}`)), emissive));
  }
}

/** A band between two heights of the texture. */
function within(v: number, low: number, high: number): boolean {
  return v >= low && v < high;
}

/** Drum: blue with dark ribs, a light band with a warning diamond. */
export function drumPaint(blue: Rgb): (random: Random) => Painter {
  return (random) => {
    const noise = valueNoise(random, 6, 3);
    const turn = random.next();
    return (u, v) => {
      const ribbed = within(v, 0.315, 0.345) || within(v, 0.655, 0.685);
      const around = (((u + turn) % 1) * 3) % 1; // three labels around the drum
      if (within(v, 0.38, 0.62) && within(around, 0.2, 0.8)) {
        const diamond = Math.abs(around - 0.5) / 0.22 + Math.abs(v - 0.5) / 0.1;
        if (diamond < 0.72) return shade([242, 196, 28], 1 + 0.05 * noise(u, v));
        return diamond < 1 ? [24, 24, 26] : shade([226, 226, 220], 1 + 0.06 * noise(u, v));
      }
      const rust = noise(u * 0.5, v) > 0.62 ? 0.25 : 0;
      return shade(mix(blue, [112, 72, 48], rust), (ribbed ? 0.6 : 1) * (1 + 0.08 * noise(u, v)));
    };
  };
}

/** Gas cylinder: red or orange body with a grey shoulder collar and a white label. */
export function cylinderPaint(body: Rgb): (random: Random) => Painter {
  return (random) => {
    const noise = valueNoise(random, 6, 3);
    const turn = random.next();
    return (u, v) => {
      const around = (((u + turn) % 1) * 2) % 1;
      if (v < 0.035) return [58, 56, 54];
      if (within(v, 0.5, 0.66) && within(around, 0.25, 0.75)) {
        const line = Math.floor(v * 64) % 3 === 0 && within(around, 0.3, 0.7);
        return line ? [70, 70, 70] : [228, 226, 218];
      }
      return shade(body, 1 + 0.09 * noise(u, v));
    };
  };
}

/** High-visibility vest: lime or pink with silver stripes. */
export function vestPaint(color: Rgb): (random: Random) => Painter {
  return (random) => {
    const folds = valueNoise(random, 6, 3);
    return (u, v) => {
      const stripe = within(v, 0.3, 0.38) || within(v, 0.52, 0.6);
      const upright = Math.abs(((u * 4) % 1) - 0.5) < 0.06 && v > 0.5;
      return stripe || upright ? shade([206, 208, 210], 1 + 0.1 * folds(u, v)) : shade(color, 1 + 0.12 * folds(u, v));
    };
  };
}

/** Flames: white-yellow at the foot, orange above, red at the tip. */
export function flamePaint(): (random: Random) => Painter {
  return (random) => {
    const lick = valueNoise(random, 8, 3);
    return (u, v) => {
      const t = Math.min(1, Math.max(0, v + 0.16 * lick(u, v * 0.6)));
      if (t < 0.35) return mix([255, 246, 170], [255, 214, 58], t / 0.35);
      if (t < 0.75) return mix([255, 214, 58], [255, 138, 22], (t - 0.35) / 0.4);
      return mix([255, 138, 22], [222, 62, 14], (t - 0.75) / 0.25);
    };
  };
}

/** Yellow transport crate with a black trefoil on each side. */
export function trefoilPaint(): (random: Random) => Painter {
  return (random) => {
    const noise = valueNoise(random, 8, 3);
    return (u, v) => {
      const x = u - 0.5;
      const y = v - 0.5;
      const radius = Math.hypot(x, y);
      const angle = (Math.atan2(y, x) + 2 * Math.PI + Math.PI / 2) % ((2 * Math.PI) / 3);
      const blade = radius > 0.1 && radius < 0.34 && angle < Math.PI / 3;
      const rim = Math.max(Math.abs(x), Math.abs(y)) > 0.46;
      if (radius < 0.065 || blade) return [28, 24, 26];
      return rim ? [86, 84, 80] : shade([236, 190, 24], 1 + 0.06 * noise(u, v));
    };
  };
}

/** Jerrycan: olive with an embossed cross. */
export function canPaint(color: Rgb): (random: Random) => Painter {
  return (random) => {
    const noise = valueNoise(random, 8, 3);
    return (u, v) => {
      const onCross = Math.abs(Math.abs(u - 0.5) - Math.abs(v - 0.5)) < 0.05 && Math.abs(u - 0.5) < 0.38;
      return shade(color, (onCross ? 0.68 : 1) * (1 + 0.08 * noise(u, v)));
    };
  };
}

export const SKIN: readonly Rgb[] = [
  [232, 190, 160],
  [206, 156, 122],
  [158, 108, 78],
  [106, 72, 54],
];

/** A colour near another. */
export function near(random: Random, color: Rgb, spread: number): Rgb {
  return [
    color[0] + uniform(random, -spread, spread),
    color[1] + uniform(random, -spread, spread),
    color[2] + uniform(random, -spread, spread),
  ];
}

export function oneOf(random: Random, colors: readonly Rgb[], spread = 8): Rgb {
  return near(random, pick(random, colors), spread);
}
