// Average precision of a detector as COCO defines it (Lin et al. 2014; pycocotools' COCOeval is the reference): greedy matching by score,
// precision made monotonous, sampled at 101 recalls, averaged over classes and, for mAP50-95, over ten thresholds of overlap.

/** Left, top, right, bottom [px]. */
export type Box = readonly [number, number, number, number];

export interface FoundBox {
  readonly class: string;
  readonly score: number;
  readonly box: Box;
}

export interface TrueBox {
  readonly class: string;
  readonly box: Box;
}

/** One picture: what is there, what may be found without counting (COCO's crowds), and what was found. */
export interface JudgedFrame {
  readonly objects: readonly TrueBox[];
  readonly ignored: readonly TrueBox[];
  readonly found: readonly FoundBox[];
}

export interface AveragePrecision {
  readonly map50: number;
  readonly map50To95: number;
  /** At an overlap of 0.5, by class. Classes without any object are left out. */
  readonly ap50: Readonly<Record<string, number>>;
}

const THRESHOLDS = Array.from({ length: 10 }, (_, index) => 0.5 + index * 0.05);
const RECALLS = Array.from({ length: 101 }, (_, index) => index / 100);
/** Boxes of one class in one picture that are looked at. */
const MAX_FOUND = 100;

export function averagePrecision(frames: readonly JudgedFrame[], classes: readonly string[]): AveragePrecision {
  const ap50: Record<string, number> = {};
  const all: number[] = [];
  for (const name of classes) {
    const precisions = THRESHOLDS.map((threshold) => precisionOf(frames, name, threshold));
    const [first] = precisions;
    if (first === null || first === undefined) continue;
    ap50[name] = first;
    all.push(mean(precisions.map((value) => value ?? 0)));
  }
  return { map50: mean(Object.values(ap50)), map50To95: mean(all), ap50 };
}

/** Null where there is no object of the class. */
function precisionOf(frames: readonly JudgedFrame[], name: string, threshold: number): number | null {
  let total = 0;
  const hits: { readonly score: number; readonly right: boolean }[] = [];
  for (const frame of frames) {
    const objects = frame.objects.filter((item) => item.class === name);
    total += objects.length;
    hits.push(
      ...match(
        objects,
        frame.ignored.filter((item) => item.class === name),
        bestOf(frame.found, name),
        threshold,
      ),
    );
  }
  if (total === 0) return null;
  const ordered = hits.toSorted((a, b) => b.score - a.score);
  const precision: number[] = [];
  const recall: number[] = [];
  let right = 0;
  for (const [index, hit] of ordered.entries()) {
    if (hit.right) right += 1;
    precision.push(right / (index + 1));
    recall.push(right / total);
  }
  for (let at = precision.length - 2; at >= 0; at -= 1) precision[at] = Math.max(precision[at] ?? 0, precision[at + 1] ?? 0);
  return mean(
    RECALLS.map((wanted) => {
      const at = recall.findIndex((value) => value >= wanted);
      return at < 0 ? 0 : (precision[at] ?? 0);
    }),
  );
}

function bestOf(found: readonly FoundBox[], name: string): FoundBox[] {
  return found
    .filter((item) => item.class === name)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, MAX_FOUND);
}

/** Each box takes the free object that it overlaps most; boxes on what is ignored are left out. */
function match(objects: readonly TrueBox[], ignored: readonly TrueBox[], found: readonly FoundBox[], threshold: number) {
  const free = new Set(objects);
  const hits: { readonly score: number; readonly right: boolean }[] = [];
  for (const { box, score } of found) {
    let best: TrueBox | null = null;
    let bestOverlap = Math.min(threshold, 1 - 1e-10);
    for (const item of free) {
      const shared = overlapOf(box, item.box);
      if (shared < bestOverlap) continue;
      best = item;
      bestOverlap = shared;
    }
    if (best !== null) {
      free.delete(best);
      hits.push({ score, right: true });
    } else if (!ignored.some((item) => coveredShare(box, item.box) >= threshold)) hits.push({ score, right: false });
  }
  return hits;
}

const areaOf = ([left, top, right, bottom]: Box): number => Math.max(0, right - left) * Math.max(0, bottom - top);

function sharedArea(a: Box, b: Box): number {
  return areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
}

/** Intersection over union. */
export function overlapOf(a: Box, b: Box): number {
  const shared = sharedArea(a, b);
  return shared / (areaOf(a) + areaOf(b) - shared || 1);
}

/** The share of `box` that lies in `region`. */
export function coveredShare(box: Box, region: Box): number {
  return sharedArea(box, region) / (areaOf(box) || 1);
}

/** Hazards found at distances from `fromM` to `toM`, and boxes on nothing, at a working score: overlap 0.5, one box per hazard. */
export interface WorkingPoint {
  readonly recall: number;
  readonly objects: number;
  readonly falsePerFrame: number;
}

export function workingPoint(
  frames: readonly (JudgedFrame & { readonly objects: readonly (TrueBox & { readonly distanceM: number })[] })[],
  { score, fromM, toM }: { readonly score: number; readonly fromM: number; readonly toM: number },
): WorkingPoint {
  let objects = 0;
  let right = 0;
  let wrong = 0;
  for (const { objects: there, ignored, found } of frames) {
    const free = new Set(there);
    for (const { box, class: name } of found.filter((item) => item.score >= score).toSorted((a, b) => b.score - a.score)) {
      const [best] = [...free]
        .filter((item) => item.class === name && overlapOf(box, item.box) >= 0.5)
        .toSorted((a, b) => overlapOf(box, b.box) - overlapOf(box, a.box));
      if (best !== undefined) free.delete(best);
      else if (!ignored.some((item) => item.class === name && coveredShare(box, item.box) >= 0.5)) wrong += 1;
    }
    for (const item of there) {
      if (item.distanceM < fromM || item.distanceM >= toM) continue;
      objects += 1;
      if (!free.has(item)) right += 1;
    }
  }
  return { recall: right / Math.max(1, objects), objects, falsePerFrame: wrong / Math.max(1, frames.length) };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
