// Regions of one colour, put together from the pieces that labels, stripes and straps cut them into.
import { f64, type i32, unchecked } from '../portable.ts';
import type { Blob } from '../host/vision.ts';
import { LABEL_VEST } from './colour-labels.ts';

/** A region in pixels: left, top, right and bottom edges. */
export interface Region {
  readonly label: i32;
  left: f64;
  top: f64;
  right: f64;
  bottom: f64;
  areaPx: f64;
  /** Already part of another region. */
  merged: boolean;
}

/** Pieces that lie one above the other belong together up to a gap of this share of their height, or so many pixels. */
const GAP_SHARE: f64 = 0.45;
const GAP_PX: f64 = 3;
/** A vest is cut up by arms and knees, too: its pieces lie around each other. */
const VEST_GAP_SHARE: f64 = 0.35;
/** … when they share this part of the narrower one's width. */
const OVERLAP_SHARE: f64 = 0.5;

export function regionsOf(blobs: Blob[]): Region[] {
  const regions: Region[] = [];
  for (const blob of blobs) {
    const region: Region = {
      label: blob.label,
      left: f64(blob.x),
      top: f64(blob.y),
      right: f64(blob.x + blob.width),
      bottom: f64(blob.y + blob.height),
      areaPx: f64(blob.areaPx),
      merged: false,
    };
    regions.push(region);
  }
  let again = true;
  while (again) again = mergePieces(regions);
  return regions.filter((region) => !region.merged);
}

/** One pass; true when something was put together. */
function mergePieces(regions: Region[]): boolean {
  let found = false;
  for (let first: i32 = 0; first < regions.length; first += 1) {
    for (let second: i32 = first + 1; second < regions.length; second += 1) {
      const a = unchecked(regions[first]);
      const b = unchecked(regions[second]);
      if (a.merged || b.merged || a.label !== b.label || !belongTogether(a, b)) continue;
      join(a, b);
      found = true;
    }
  }
  return found;
}

function belongTogether(a: Region, b: Region): boolean {
  if (a.label === LABEL_VEST) return touch(a, b, Math.max(GAP_PX, VEST_GAP_SHARE * Math.max(a.bottom - a.top, b.bottom - b.top)));
  const overlap = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  if (overlap < OVERLAP_SHARE * Math.min(a.right - a.left, b.right - b.left)) return false;
  const gap = Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom);
  return gap <= Math.max(GAP_PX, GAP_SHARE * Math.max(a.bottom - a.top, b.bottom - b.top));
}

/** Makes `b` part of `a`. */
export function join(a: Region, b: Region): void {
  a.left = Math.min(a.left, b.left);
  a.top = Math.min(a.top, b.top);
  a.right = Math.max(a.right, b.right);
  a.bottom = Math.max(a.bottom, b.bottom);
  a.areaPx += b.areaPx;
  b.merged = true;
}

/** Whether two regions touch or overlap, with a margin [px]. */
export function touch(a: Region, b: Region, marginPx: f64): boolean {
  return a.left - marginPx <= b.right && b.left - marginPx <= a.right && a.top - marginPx <= b.bottom && b.top - marginPx <= a.bottom;
}
