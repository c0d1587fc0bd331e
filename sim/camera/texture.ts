// Procedural textures with mip levels; value noise that repeats without seams.
import type { Random } from '../../shared/ports/random.ts';

export type Rgb = readonly [number, number, number];

/** A square picture that repeats, in ever coarser copies. */
export interface Texture {
  /** Edge of the finest level [px], a power of two. */
  readonly size: number;
  /** rgb8 per level, row 0 at v = 0. */
  readonly levels: readonly Uint8Array[];
  /** Edge of the picture in the world [m]; for objects: their rough height. */
  readonly spanM: number;
  /** Shines by itself: no light or shadow falls on it. */
  readonly emissive: boolean;
}

/** Colour at (u, v) in [0, 1)². */
export type Painter = (u: number, v: number) => Rgb;

export function makeTexture(size: number, spanM: number, paint: Painter, emissive = false): Texture {
  let level = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const color = paint((x + 0.5) / size, (y + 0.5) / size);
      for (let c = 0; c < 3; c += 1) level[(y * size + x) * 3 + c] = Math.min(255, Math.max(0, color[c] as number));
    }
  }
  const levels = [level];
  for (let edge = size >> 1; edge >= 1; edge >>= 1) {
    const finer = level;
    level = new Uint8Array(edge * edge * 3);
    for (let y = 0; y < edge; y += 1) {
      for (let x = 0; x < edge; x += 1) {
        for (let c = 0; c < 3; c += 1) {
          const at = (dx: number, dy: number): number => finer[((2 * y + dy) * 2 * edge + 2 * x + dx) * 3 + c] as number;
          level[(y * edge + x) * 3 + c] = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) >> 2;
        }
      }
    }
    levels.push(level);
  }
  return { size, levels, spanM, emissive };
}

/** Smooth noise in [−1, 1] with `cells` bumps along each edge, seamless; several octaves at halving strength. */
export function valueNoise(random: Random, cells: number, octaves: number): (u: number, v: number) => number {
  const lattices = Array.from({ length: octaves }, (_, octave) => {
    const edge = cells << octave;
    return { edge, values: Float32Array.from({ length: edge * edge }, () => random.next() * 2 - 1) };
  });
  return (u, v) => {
    let sum = 0;
    let weight = 1;
    let total = 0;
    for (const { edge, values } of lattices) {
      const x = u * edge;
      const y = v * edge;
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const fx = smooth(x - x0);
      const fy = smooth(y - y0);
      const left = wrap(x0, edge);
      const right = left + 1 === edge ? 0 : left + 1;
      const bottom = wrap(y0, edge) * edge;
      const top = bottom + edge === edge * edge ? 0 : bottom + edge;
      const low = (values[bottom + left] as number) * (1 - fx) + (values[bottom + right] as number) * fx;
      const high = (values[top + left] as number) * (1 - fx) + (values[top + right] as number) * fx;
      sum += weight * (low * (1 - fy) + high * fy);
      total += weight;
      weight *= 0.5;
    }
    return sum / total;
  };
}

function wrap(index: number, edge: number): number {
  const rest = index % edge;
  return rest < 0 ? rest + edge : rest;
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

export function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

export function shade(color: Rgb, factor: number): Rgb {
  return [color[0] * factor, color[1] * factor, color[2] * factor];
}
