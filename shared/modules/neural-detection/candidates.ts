// Boxes in the network's input that may be objects, and what is left of them: class-wise non-maximum suppression.
import { type f64, type i32, unchecked } from '../portable.ts';

/** Edges in pixels of the network's input. */
export interface Candidate {
  readonly classIndex: i32;
  readonly score: f64;
  readonly left: f64;
  readonly top: f64;
  readonly right: f64;
  readonly bottom: f64;
  /** Number in the network's output: breaks ties. */
  readonly order: i32;
}

/** Suppression compares every pair: from a flood of candidates only the best are looked at. */
const MAX_COMPARED: i32 = 2000;

/** Best first; of two boxes of a class that overlap by more than `maxOverlap`, the better one. */
export function suppress(candidates: Candidate[], maxOverlap: f64, maxDetections: i32): Candidate[] {
  candidates.sort((a, b) => (a.score === b.score ? f64Sign(a.order - b.order) : a.score > b.score ? -1 : 1));
  const kept: Candidate[] = [];
  const count: i32 = Math.min(candidates.length, MAX_COMPARED);
  for (let index: i32 = 0; index < count && kept.length < maxDetections; index += 1) {
    const candidate = unchecked(candidates[index]);
    let free = true;
    for (let better: i32 = 0; better < kept.length && free; better += 1) {
      const other = unchecked(kept[better]);
      if (other.classIndex === candidate.classIndex && overlap(other, candidate) > maxOverlap) free = false;
    }
    if (free) kept.push(candidate);
  }
  return kept;
}

/** Intersection over union. */
export function overlap(a: Candidate, b: Candidate): f64 {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / ((a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top) - shared);
}

function f64Sign(difference: i32): i32 {
  return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}
