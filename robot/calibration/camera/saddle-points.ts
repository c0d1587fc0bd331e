// Where squares of a chessboard meet, a picture has a saddle: bright along one diagonal, dark along the other. Found by the determinant of the
// Hessian, held to four changes between bright and dark around it (the idea of ChESS: Bennett and Lasenby 2014), and placed between the pixels
// where all edges' gradients stand at right angles to the way there (Foerstner and Guelch 1987).
import { type GrayImage, sample, smooth } from './gray-image.ts';

/** A point of a picture [px]; (0, 0) is the centre of the first pixel. */
export interface PicturePoint {
  readonly x: number;
  readonly y: number;
}

export interface SaddlePoint extends PicturePoint {
  /** Difference between bright and dark around it, in grey values. */
  readonly contrast: number;
}

const SIGMA_PX = 1.5;
const APART_PX = 4;
const RING_PX = 4;
const RING_SAMPLES = 32;
/** Less than this is noise, in grey values. */
const MIN_CONTRAST = 12;
const MAX_POINTS = 3000;

/** The saddles of a picture, strongest first. */
export function findSaddlePoints(image: GrayImage): SaddlePoint[] {
  const soft = smooth(image, SIGMA_PX);
  const strength = saddleStrength(soft);
  const { width, height } = image;
  const found: (SaddlePoint & { readonly strength: number })[] = [];
  const margin = RING_PX + 2;
  for (let y = margin; y < height - margin; y += 1) {
    for (let x = margin; x < width - margin; x += 1) {
      const here = strength[y * width + x] as number;
      if (here < 1 || !isPeak(strength, width, x, y, here)) continue;
      const contrast = ringContrast(soft, x, y);
      if (contrast >= MIN_CONTRAST) found.push({ x, y, contrast, strength: here });
    }
  }
  return found.toSorted((a, b) => b.strength - a.strength).slice(0, MAX_POINTS);
}

/** Minus the determinant of the Hessian where that is positive: greatest at saddles, nothing on edges and blobs. */
function saddleStrength({ width, height, pixels }: GrayImage): Float32Array {
  const strength = new Float32Array(width * height);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const p = (offset: number): number => pixels[at + offset] as number;
      const here = 2 * p(0);
      const xx = p(1) + p(-1) - here;
      const yy = p(width) + p(-width) - here;
      const xy = (p(width + 1) + p(-width - 1) - p(width - 1) - p(-width + 1)) / 4;
      strength[at] = Math.max(0, xy * xy - xx * yy);
    }
  }
  return strength;
}

function isPeak(strength: Float32Array, width: number, x: number, y: number, here: number): boolean {
  for (let dy = -APART_PX; dy <= APART_PX; dy += 1) {
    for (let dx = -APART_PX; dx <= APART_PX; dx += 1) {
      const there = strength[(y + dy) * width + x + dx] as number;
      if (there > here || (there === here && (dy < 0 || (dy === 0 && dx < 0)))) return false;
    }
  }
  return true;
}

/** Difference between the bright and the dark quarters around a point; 0 where there are not two of each. */
function ringContrast(image: GrayImage, x: number, y: number): number {
  const ring = Array.from({ length: RING_SAMPLES }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING_SAMPLES;
    return sample(image, x + RING_PX * Math.cos(angle), y + RING_PX * Math.sin(angle));
  });
  const [least, most] = [Math.min(...ring), Math.max(...ring)];
  const middle = (least + most) / 2;
  const bright = ring.map((value) => value > middle);
  const changes = bright.filter((value, i) => value !== bright[(i + 1) % RING_SAMPLES]).length;
  return changes === 4 ? most - least : 0;
}

const REFINEMENTS = 30;
const STILL_PX = 0.002;

/**
 * The saddle near `start` to a small part of a pixel, by the gradients within `reachPx` around it; null when it runs away further than that, as it
 * does where there is none.
 */
export function refineSaddle(image: GrayImage, start: PicturePoint, reachPx: number): PicturePoint | null {
  let { x, y } = start;
  const reach = Math.max(2, Math.round(reachPx));
  for (let round = 0; round < REFINEMENTS; round += 1) {
    let [xx, xy, yy, bx, by] = [0, 0, 0, 0, 0];
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        const [px, py] = [x + dx, y + dy];
        const gx = (sample(image, px + 1, py) - sample(image, px - 1, py)) / 2;
        const gy = (sample(image, px, py + 1) - sample(image, px, py - 1)) / 2;
        const weight = Math.exp(-2 * ((dx * dx + dy * dy) / (reach * reach)));
        const [wxx, wxy, wyy] = [weight * gx * gx, weight * gx * gy, weight * gy * gy];
        xx += wxx;
        xy += wxy;
        yy += wyy;
        bx += wxx * dx + wxy * dy;
        by += wxy * dx + wyy * dy;
      }
    }
    const determinant = xx * yy - xy * xy;
    if (!(determinant > 1e-3)) return null;
    const [stepX, stepY] = [(yy * bx - xy * by) / determinant, (xx * by - xy * bx) / determinant];
    x += stepX;
    y += stepY;
    if (!(Math.hypot(x - start.x, y - start.y) <= Math.max(3, reachPx))) return null;
    if (Math.hypot(stepX, stepY) < STILL_PX) break;
  }
  return { x, y };
}
