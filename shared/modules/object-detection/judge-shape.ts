// Which region is which hazard: metric size by its contact with the floor, proportions, how full it is, what the picture's edge hides.
import { type f64, type i32, unchecked } from '../portable.ts';
import { LABEL_BLUE, LABEL_FLAME, LABEL_RED, LABEL_VEST } from './colour-labels.ts';
import type { Detection, Frame } from './records.ts';
import type { Region } from './regions.ts';

/** An upright hazard as its coloured part shows: sizes in metres. */
interface Shape {
  readonly className: string;
  /** Height of the coloured part's lower and upper edge above the floor. */
  readonly footM: f64;
  readonly topM: f64;
  readonly minWidthM: f64;
  readonly maxWidthM: f64;
  /** Least share of its box that is coloured. */
  readonly minFill: f64;
}

const DRUM: Shape = { className: 'chemical-drum', footM: 0, topM: 0.87, minWidthM: 0.5, maxWidthM: 0.64, minFill: 0.42 };
const CYLINDER: Shape = { className: 'gas-cylinder', footM: 0.04, topM: 1.15, minWidthM: 0.22, maxWidthM: 0.3, minFill: 0.5 };
const FIRE: Shape = { className: 'fire', footM: 0.05, topM: 0.82, minWidthM: 0.3, maxWidthM: 0.62, minFill: 0.25 };

/** The vest of somebody who sits: its upper edge above the floor, its extent [m]. */
const VEST_TOP_M: f64 = 0.67;
const VEST_MIN_M: f64 = 0.1;
const VEST_CUT_MIN_M: f64 = 0.22;
const VEST_MAX_WIDTH_M: f64 = 0.52;
const VEST_MAX_HEIGHT_M: f64 = 0.68;
const PERSON_HEIGHT_M: f64 = 0.92;
/** Half of a sitting person's width, as a share of the height. */
const PERSON_REACH: f64 = 0.4;

const BEST_SCORE: f64 = 0.9;
/** Errors of an edge in the picture [px]: what a size may be off beside its tolerance. */
const EDGE_ERROR_PX: f64 = 1.2;
const TOLERANCE: f64 = 0.16;
/** Nothing is judged beyond this distance: too few pixels [m]. */
const MAX_RANGE_M: f64 = 9;
/** A fire is yellow below and orange above: each at least this share. */
const MIN_TONE_SHARE: f64 = 0.12;

/** The hazard that a region shows, or null. `orangeShare`: of a flame region's pixels. */
export function judgeRegion(region: Region, frame: Frame, orangeShare: f64): Detection | null {
  if (region.label === LABEL_VEST) return judgeVest(region, frame);
  if (region.label === LABEL_BLUE) return judgeUpright(region, frame, DRUM);
  if (region.label === LABEL_RED) return judgeUpright(region, frame, CYLINDER);
  if (region.label !== LABEL_FLAME || orangeShare < MIN_TONE_SHARE || orangeShare > 1 - MIN_TONE_SHARE) return null;
  return judgeUpright(region, frame, FIRE);
}

function judgeUpright(region: Region, frame: Frame, shape: Shape): Detection | null {
  const below = region.bottom - frame.horizonRow;
  if (region.bottom >= frame.height - 1 || below < 2) return null; // its foot is out of the picture, or hidden
  const rangeM = ((frame.cameraHeightM - shape.footM) * frame.focalPx) / below;
  if (rangeM > MAX_RANGE_M) return null;
  const metresPerPx = rangeM / frame.focalPx;
  const heightM = (region.bottom - region.top) * metresPerPx;
  const widthM = (region.right - region.left) * metresPerPx;
  const slack = TOLERANCE + EDGE_ERROR_PX / below;
  const cutAbove = region.top <= 1;
  const cutAside = region.left <= 1 || region.right >= frame.width - 1;
  const wantedM = shape.topM - shape.footM;
  const tall = heightM / wantedM - 1;
  if (tall > slack || (cutAbove ? heightM < 0.25 * wantedM : tall < -slack)) return null;
  const fill = region.areaPx / ((region.right - region.left) * (region.bottom - region.top));
  if (fill < shape.minFill) return null;
  const widthSlack = slack + EDGE_ERROR_PX / (region.right - region.left);
  if (widthM > shape.maxWidthM * (1 + widthSlack)) return null;
  // Something in front, or the picture's edge, may hide a side: half of it must show.
  const narrow = Math.max(0, 1 - widthM / shape.minWidthM - widthSlack);
  if (narrow > 0.5) return null;
  const misfit = cutAbove ? 0.4 : Math.abs(tall) / slack;
  const score = BEST_SCORE - 0.2 * misfit - 0.4 * narrow - (cutAside ? 0.1 : 0);
  return {
    className: shape.className,
    score,
    x: region.left,
    y: region.top,
    width: region.right - region.left,
    height: frame.horizonRow + frame.cameraHeightM / metresPerPx - region.top,
  };
}

/** A sitting person is known by the vest: its upper edge gives the distance, since feet and legs hide its lower one. */
function judgeVest(region: Region, frame: Frame): Detection | null {
  const above = frame.horizonRow - region.top;
  if (region.top <= 1 || above < 3) return null;
  const rangeM = ((VEST_TOP_M - frame.cameraHeightM) * frame.focalPx) / above;
  if (rangeM > MAX_RANGE_M) return null;
  const metresPerPx = rangeM / frame.focalPx;
  const slack = 1 + TOLERANCE + EDGE_ERROR_PX / above;
  const widthM = (region.right - region.left) * metresPerPx;
  const heightM = (region.bottom - region.top) * metresPerPx;
  if (widthM < VEST_MIN_M || widthM > VEST_MAX_WIDTH_M * slack || heightM < VEST_MIN_M || heightM > VEST_MAX_HEIGHT_M * slack) return null;
  const fill = region.areaPx / ((region.right - region.left) * (region.bottom - region.top));
  if (fill < 0.2) return null;
  const cutAside = region.left <= 1 || region.right >= frame.width - 1;
  if (cutAside && widthM < VEST_CUT_MIN_M) return null; // the shoulder, which gives the distance, may be outside
  const top = region.top - (PERSON_HEIGHT_M - VEST_TOP_M) / metresPerPx;
  return {
    className: 'survivor',
    score: BEST_SCORE - (cutAside ? 0.2 : 0) - (widthM < 0.18 ? 0.15 : 0) - (fill < 0.35 ? 0.1 : 0),
    x: region.left,
    y: top,
    width: region.right - region.left,
    height: frame.horizonRow + frame.cameraHeightM / metresPerPx - top,
  };
}

/** Leaves out detections that largely cover a better one, and pieces of a vest that knees and arms have cut off. */
export function suppressOverlaps(detections: Detection[]): Detection[] {
  detections.sort((a, b) => (a.score === b.score ? b.height - a.height : b.score - a.score));
  const kept: Detection[] = [];
  for (const candidate of detections) {
    let free = true;
    for (let index: i32 = 0; index < kept.length; index += 1) {
      const better = unchecked(kept[index]);
      if (overlapShare(candidate, better) > 0.5 || isSamePerson(candidate, better)) free = false;
    }
    if (free) kept.push(candidate);
  }
  return kept;
}

/** Two vests side by side closer than one person is wide; a box is a person high. */
function isSamePerson(a: Detection, b: Detection): boolean {
  if (a.className !== 'survivor' || b.className !== 'survivor') return false;
  const apart = Math.abs(a.x + a.width / 2 - b.x - b.width / 2);
  return apart < PERSON_REACH * Math.max(a.height, b.height);
}

/** Intersection over the smaller box. */
function overlapShare(a: Detection, b: Detection): f64 {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / Math.min(a.width * a.height, b.width * b.height);
}
