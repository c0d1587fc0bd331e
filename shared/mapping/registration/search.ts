// Exhaustive search over rotation and translation: orientation-coded correlation of wall directions by FFT (after Fitch et al.,
// "Orientation correlation", BMVC 2002). A wall supports a hypothesis only where a wall of the same direction stands.
import { normalizeAngle } from '../../geometry/angle.ts';
import type { Pose2 } from '../../geometry/pose2.ts';
import { Fft2 } from './fft2.ts';
import type { Surface } from './surface.ts';

/** A transform that maps B's frame into A's, with its correlation (higher is better, comparable within one search only). */
export interface Hypothesis {
  readonly transform: Pose2;
  readonly correlation: number;
}

export interface SearchOptions {
  /** Step of the rotation search [rad]. */
  readonly rotationStepRad: number;
  /** Edge of the square correlation image; both maps' extents together must fit for an alias-free result. */
  readonly imageSize: number;
  /** How many hypotheses to return. */
  readonly keep: number;
  /** Peaks taken from the correlation image of each rotation. */
  readonly peaksPerRotation: number;
}

export const DEFAULT_SEARCH: SearchOptions = { rotationStepRad: (2 * Math.PI) / 180, imageSize: 256, keep: 60, peaksPerRotation: 6 };

/** The best hypotheses over the whole circle, best first, thinned to distinct ones. */
export function searchTransforms(a: Surface, b: Surface, options: SearchOptions = DEFAULT_SEARCH): Hypothesis[] {
  const n = options.imageSize;
  const centreA = centre(a);
  const centreB = centre(b);
  const cellM = Math.max(a.resolutionM, b.resolutionM, (extent(a, centreA) + extent(b, centreB)) / (n * 0.98));
  const fft = new Fft2(n);
  const fixedRe = new Float64Array(n * n);
  const fixedIm = new Float64Array(n * n);
  drawAxes(a, centreA, 0, cellM, n, fixedRe, fixedIm);
  blur(fixedRe, n);
  blur(fixedIm, n);
  fft.transform(fixedRe, fixedIm, false);

  const re = new Float64Array(n * n);
  const im = new Float64Array(n * n);
  const found: Hypothesis[] = [];
  const steps = Math.round((2 * Math.PI) / options.rotationStepRad);
  for (let step = 0; step < steps; step += 1) {
    const theta = step * options.rotationStepRad;
    re.fill(0);
    im.fill(0);
    drawAxes(b, centreB, theta, cellM, n, re, im);
    fft.transform(re, im, false);
    for (let index = 0; index < re.length; index += 1) {
      const br = re[index] as number;
      const bi = im[index] as number;
      const ar = fixedRe[index] as number;
      const ai = fixedIm[index] as number;
      re[index] = ar * br + ai * bi;
      im[index] = ai * br - ar * bi;
    }
    fft.transform(re, im, true);
    for (const peak of peaks(re, n, options.peaksPerRotation)) {
      const shiftX = (peak.x > n / 2 ? peak.x - n : peak.x) * cellM;
      const shiftY = (peak.y > n / 2 ? peak.y - n : peak.y) * cellM;
      const c = Math.cos(theta);
      const s = Math.sin(theta);
      const x = centreA.x + shiftX - (c * centreB.x - s * centreB.y);
      const y = centreA.y + shiftY - (s * centreB.x + c * centreB.y);
      found.push({ transform: { x, y, theta: normalizeAngle(theta) }, correlation: peak.value });
    }
  }
  return distinct(found, centreB, 2 * cellM, options);
}

interface Centre {
  readonly x: number;
  readonly y: number;
}

function centre(surface: Surface): Centre {
  return {
    x: surface.originX + (surface.width * surface.resolutionM) / 2,
    y: surface.originY + (surface.height * surface.resolutionM) / 2,
  };
}

/** Diameter of the surface points around the centre [m]: what a rotated copy may need. */
function extent(surface: Surface, from: Centre): number {
  let farthest = 0;
  for (let i = 0; i < surface.xs.length; i += 1) {
    farthest = Math.max(farthest, Math.hypot((surface.xs[i] as number) - from.x, (surface.ys[i] as number) - from.y));
  }
  return 2 * farthest + 4 * surface.resolutionM;
}

/**
 * Draws wall directions as complex numbers exp(2iφ). Cells that many points fall into count as one wall: the sum is
 * reduced to its square root, so that dense clutter does not outweigh long walls.
 */
function drawAxes(surface: Surface, from: Centre, theta: number, cellM: number, n: number, re: Float64Array, im: Float64Array): void {
  const c = Math.cos(theta);
  const s = Math.sin(theta);
  const c2 = Math.cos(2 * theta);
  const s2 = Math.sin(2 * theta);
  const touched: number[] = [];
  for (let i = 0; i < surface.xs.length; i += 1) {
    const dx = (surface.xs[i] as number) - from.x;
    const dy = (surface.ys[i] as number) - from.y;
    const x = wrap(Math.round((c * dx - s * dy) / cellM), n);
    const y = wrap(Math.round((s * dx + c * dy) / cellM), n);
    const ac = surface.axisCos[i] as number;
    const as = surface.axisSin[i] as number;
    const index = y * n + x;
    if (re[index] === 0 && im[index] === 0) touched.push(index);
    re[index] = (re[index] as number) + ac * c2 - as * s2;
    im[index] = (im[index] as number) + ac * s2 + as * c2;
  }
  for (const index of touched) {
    const magnitude = Math.hypot(re[index] as number, im[index] as number);
    if (magnitude === 0) continue;
    const factor = 1 / Math.sqrt(magnitude);
    re[index] = (re[index] as number) * factor;
    im[index] = (im[index] as number) * factor;
  }
}

function wrap(value: number, n: number): number {
  return ((value % n) + n) % n;
}

/** Binomial smoothing (1 2 1)/4 along rows and columns, cyclic: lets walls that are one cell off still agree. */
function blur(image: Float64Array, n: number): void {
  const line = new Float64Array(n);
  for (const stride of [1, n]) {
    for (let k = 0; k < n; k += 1) {
      const start = stride === 1 ? k * n : k;
      for (let i = 0; i < n; i += 1) line[i] = image[start + i * stride] as number;
      for (let i = 0; i < n; i += 1) {
        const before = line[(i + n - 1) % n] as number;
        const after = line[(i + 1) % n] as number;
        image[start + i * stride] = (before + 2 * (line[i] as number) + after) / 4;
      }
    }
  }
}

/** The highest cells of an image, each suppressing its neighbourhood. */
function peaks(image: Float64Array, n: number, count: number): { x: number; y: number; value: number }[] {
  const best: { x: number; y: number; value: number }[] = [];
  let threshold = 0;
  for (let index = 0; index < image.length; index += 1) {
    const value = image[index] as number;
    if (value <= threshold) continue;
    const x = index % n;
    const y = (index - x) / n;
    const near = best.findIndex((peak) => Math.abs(peak.x - x) <= 2 && Math.abs(peak.y - y) <= 2);
    if (near >= 0) {
      if ((best[near]?.value ?? 0) >= value) continue;
      best.splice(near, 1);
    }
    best.push({ x, y, value });
    best.sort((p, q) => q.value - p.value);
    if (best.length > count) best.pop();
    if (best.length === count) threshold = best.at(-1)?.value ?? 0;
  }
  return best;
}

function distinct(found: Hypothesis[], centreB: Centre, nearM: number, options: SearchOptions): Hypothesis[] {
  found.sort((p, q) => q.correlation - p.correlation);
  const kept: { readonly hypothesis: Hypothesis; readonly x: number; readonly y: number }[] = [];
  for (const hypothesis of found) {
    const { x, y, theta } = hypothesis.transform;
    const px = x + Math.cos(theta) * centreB.x - Math.sin(theta) * centreB.y;
    const py = y + Math.sin(theta) * centreB.x + Math.cos(theta) * centreB.y;
    const repeated = kept.some(
      (other) =>
        Math.hypot(other.x - px, other.y - py) <= nearM &&
        Math.abs(normalizeAngle(other.hypothesis.transform.theta - theta)) <= 1.5 * options.rotationStepRad,
    );
    if (!repeated) kept.push({ hypothesis, x: px, y: py });
    if (kept.length >= options.keep) break;
  }
  return kept.map(({ hypothesis }) => hypothesis);
}
