// Object fusion: which sighting belongs to which object, what a look without a sighting means, which objects are one or rivals.
import { f64, i32, unchecked } from '../portable.ts';
import type { RoverMap } from './evidence.ts';
import { mergedAt } from './evidence.ts';
import { absorb, addMiss, addSighting, isStronger, judge, type MapObject, nearestObject, newObject, turnBetween } from './objects.ts';
import { type Look, mahalanobis2 } from './observation.ts';

/** χ² with two degrees of freedom, 99 %. */
const GATE: f64 = 9.21;
/** Pose errors that the reported covariances do not show, per axis [m²]. */
const SLACK: f64 = 0.02;
/** However uncertain: farther apart is not the same object [m]. */
const MAX_ASSOCIATION_M: f64 = 1.2;
/** Two objects of one class nearer than this are one [m]; hazards are 0.3 to 0.7 m wide. */
const DUPLICATE_M: f64 = 0.6;
/** … or this near and statistically indistinguishable. */
const MERGE_M: f64 = 1;
const MERGE_GATE: f64 = 4;
/** Two classes nearer than this cannot both be right [m]. */
const RIVAL_M: f64 = 0.45;
/** A hazard at these distances, well inside the picture and not hidden, is normally seen [m]. */
const MISS_NEAR_M: f64 = 1.1;
const MISS_FAR_M: f64 = 3;
const MISS_FOV_SHARE: f64 = 0.75;
/** The line of sight is checked up to this far before the object, whose own surface is on the map [m]. */
const OWN_RADIUS_M: f64 = 0.6;
const OCCUPIED: i32 = 12;
/** Shorter than a cell, so that no wall is stepped over [m]. */
const RAY_STEP_M: f64 = 0.04;

/** Takes a look into account. Returns the next free object id. */
export function fuseLook(objects: MapObject[], maps: RoverMap[], look: Look, nextId: i32): i32 {
  const taken: boolean[] = [];
  for (let index: i32 = 0; index < objects.length; index += 1) taken.push(false);
  let free: i32 = nextId;
  for (const seen of look.sightings) {
    const index = nearestObject(objects, taken, seen, GATE, SLACK, MAX_ASSOCIATION_M);
    if (index >= 0) {
      addSighting(unchecked(objects[index]), look, seen);
      taken[index] = true;
    } else {
      objects.push(newObject(free, look, seen));
      taken.push(true);
      free += 1;
    }
  }
  for (let index: i32 = 0; index < objects.length; index += 1) {
    const item = unchecked(objects[index]);
    if (!unchecked(taken[index]) && item.status !== 'withdrawn' && wasInPlainView(item, maps, look)) addMiss(item, look);
  }
  mergeDuplicates(objects);
  for (const item of objects) judge(item, hasStrongerRival(item, objects));
  return free;
}

/** Whether the object, if it were there, would have been seen. */
function wasInPlainView(item: MapObject, maps: RoverMap[], look: Look): boolean {
  const dx = item.at.x - look.x;
  const dy = item.at.y - look.y;
  const range = Math.sqrt(dx * dx + dy * dy);
  if (range < MISS_NEAR_M || range > Math.min(MISS_FAR_M, look.maxRangeM)) return false;
  if (turnBetween(Math.atan2(dy, dx), look.theta) > look.halfFovRad * MISS_FOV_SHARE) return false;
  const steps = i32(Math.floor((range - OWN_RADIUS_M) / RAY_STEP_M));
  for (let step: i32 = 1; step <= steps; step += 1) {
    const t = (f64(step) * RAY_STEP_M) / range;
    if (mergedAt(maps, look.x + t * dx, look.y + t * dy) >= OCCUPIED) return false;
  }
  return true;
}

function mergeDuplicates(objects: MapObject[]): void {
  for (let first: i32 = 0; first < objects.length; first += 1) {
    for (let second: i32 = first + 1; second < objects.length; second += 1) {
      const a = unchecked(objects[first]);
      const b = unchecked(objects[second]);
      if (a.gone || b.gone || a.className !== b.className || !isDuplicate(a, b)) continue;
      if (isStronger(a, b)) absorb(a, b);
      else absorb(b, a);
    }
  }
}

function isDuplicate(a: MapObject, b: MapObject): boolean {
  const distance2 = separation2(a, b);
  if (distance2 < DUPLICATE_M * DUPLICATE_M) return true;
  return distance2 < MERGE_M * MERGE_M && mahalanobis2(a.at, b.at, SLACK) < MERGE_GATE;
}

function separation2(a: MapObject, b: MapObject): f64 {
  const dx = a.at.x - b.at.x;
  const dy = a.at.y - b.at.y;
  return dx * dx + dy * dy;
}

function hasStrongerRival(item: MapObject, objects: MapObject[]): boolean {
  for (const other of objects) {
    if (other.gone || other.status === 'withdrawn' || other.className === item.className) continue;
    if (separation2(item, other) < RIVAL_M * RIVAL_M && isStronger(other, item)) return true;
  }
  return false;
}
