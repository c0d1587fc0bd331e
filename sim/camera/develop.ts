// From light on the sensor to the bytes of a frame: motion blur, lens blur, vignette, tint, exposure, noise.
import type { Random } from '../../shared/ports/random.ts';
import { SeededRandom } from '../random/seeded-random.ts';
import type { Appearance } from './appearance.ts';

/** Normal deviates, drawn once; each row of a frame starts at a random place in them. */
const NOISE_SIZE = 1 << 15;
let noiseTable: Float32Array | null = null;

export function developFrame(light: Float32Array, width: number, height: number, appearance: Appearance, random: Random): Uint8Array {
  const { tint, exposure, noise, vignette } = appearance;
  if (appearance.motionBlurPx > 1) smear(light, width, height, Math.round(appearance.motionBlurPx));
  if (appearance.blurPx > 0) blur(light, width, height, appearance.blurPx);
  noiseTable ??= makeNoise();
  const table = noiseTable;
  const out = new Uint8Array(width * height * 3);
  const gainR = exposure * tint[0];
  const gainG = exposure * tint[1];
  const gainB = exposure * tint[2];
  for (let row = 0, at = 0; row < height; row += 1) {
    const y = (2 * row - height) / height;
    const rowGain = 1 - 0.5 * vignette * y * y;
    let n = random.integer(NOISE_SIZE);
    for (let column = 0; column < width; column += 1, at += 3, n = (n + 3) & (NOISE_SIZE - 1)) {
      const x = (2 * column - width) / width;
      const gain = rowGain - 0.5 * vignette * x * x;
      const r = (light[at] as number) * gain * gainR + noise * (table[n] as number) + 0.5;
      const g = (light[at + 1] as number) * gain * gainG + noise * (table[n + 1] as number) + 0.5;
      const b = (light[at + 2] as number) * gain * gainB + noise * (table[n + 2] as number) + 0.5;
      out[at] = r < 0 ? 0 : r > 255 ? 255 : r;
      out[at + 1] = g < 0 ? 0 : g > 255 ? 255 : g;
      out[at + 2] = b < 0 ? 0 : b > 255 ? 255 : b;
    }
  }
  return out;
}

/** Binomial-like blur with three taps per direction, repeated for wide radii. */
function blur(light: Float32Array, width: number, height: number, radiusPx: number): void {
  const passes = Math.max(1, Math.ceil(radiusPx / 0.7));
  const side = Math.min(0.25, (radiusPx * radiusPx) / passes / 2); // variance of a pass is 2·side
  const centre = 1 - 2 * side;
  const stride = width * 3;
  const previous = new Float32Array(stride);
  for (let pass = 0; pass < passes; pass += 1) {
    for (let row = 0; row < height; row += 1) {
      const start = row * stride;
      for (let c = 0; c < 3; c += 1) {
        let left = light[start + c] as number;
        let here = left;
        for (let at = start + c; at < start + stride - 3; at += 3) {
          const right = light[at + 3] as number;
          light[at] = centre * here + side * (left + right);
          left = here;
          here = right;
        }
      }
    }
    previous.set(light.subarray(0, stride));
    for (let at = stride; at < (height - 1) * stride; at += 1) {
      const column = at % stride;
      const above = previous[column] as number;
      const here = light[at] as number;
      previous[column] = here;
      light[at] = centre * here + side * (above + (light[at + stride] as number));
    }
  }
}

/** The mean of `length` neighbours in a row: what a camera sees that turns while its shutter is open. */
function smear(light: Float32Array, width: number, height: number, length: number): void {
  const row = new Float32Array(width * 3);
  const behind = Math.floor(length / 2);
  for (let start = 0; start < height * width * 3; start += width * 3) {
    row.set(light.subarray(start, start + width * 3));
    for (let column = 0; column < width; column += 1) {
      for (let c = 0; c < 3; c += 1) {
        let sum = 0;
        for (let k = 0; k < length; k += 1) {
          const from = Math.min(width - 1, Math.max(0, column - behind + k));
          sum += row[from * 3 + c] as number;
        }
        light[start + column * 3 + c] = sum / length;
      }
    }
  }
}

function makeNoise(): Float32Array {
  const random = new SeededRandom('sensor-noise');
  return Float32Array.from({ length: NOISE_SIZE + 4 }, () => random.gaussian());
}
