// Seeded, splittable randomness: xoshiro128** 1.1 (Blackman & Vigna 2018) seeded by a hash of seed and labels.
import type { Random } from '../../shared/ports/random.ts';

export class SeededRandom implements Random {
  readonly #key: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | null = null;

  /** Equal seeds give equal streams. */
  constructor(seed: number | string) {
    this.#key = String(seed);
    const mix = hashStream(this.#key);
    this.#a = mix();
    this.#b = mix();
    this.#c = mix();
    this.#d = mix() | 1; // never all zero
  }

  next(): number {
    // 53 random bits: 27 high bits and 26 high bits of two draws.
    return ((this.#draw() >>> 5) * 67_108_864 + (this.#draw() >>> 6)) / 9_007_199_254_740_992;
  }

  gaussian(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    // Marsaglia's polar method: two deviates at a time.
    for (;;) {
      const u = this.#draw() / 2_147_483_648 - 1;
      const v = this.#draw() / 2_147_483_648 - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  integer(bound: number): number {
    if (!(bound >= 1) || bound > 2 ** 32) throw new RangeError(`a bound must lie in [1, 2³²], got ${bound}`);
    return Math.floor(this.next() * bound);
  }

  fork(label: string): SeededRandom {
    // Length-prefixed, so that no two chains of labels give one key.
    return new SeededRandom(`${this.#key}/${label.length}:${label}`);
  }

  /** 32 random bits, unsigned. */
  #draw(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }
}

/** A stream of 32-bit words from a string: FNV-1a over its code units, then the splitmix32 finaliser per word. */
function hashStream(text: string): () => number {
  let h = 0x811c9dc5;
  let g = 0x9e3779b9;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    h = Math.imul(h ^ code, 0x01000193);
    g = Math.imul(g ^ (code + index), 0x85ebca6b) ^ (g >>> 13);
  }
  let counter = (h ^ g) >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let z = counter ^ g;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) | 0;
  };
}

/** Uniform in [low, high). */
export function uniform(random: Random, low: number, high: number): number {
  return low + (high - low) * random.next();
}

/** One of the items, each equally likely. Throws on an empty list. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.integer(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}
