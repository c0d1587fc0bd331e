// Objects of the common view: identity, belief and position, built up from sightings and torn down by looks that miss them.
import { f64, type i32, unchecked } from '../portable.ts';
import type { ObjectRecord, ObjectStatus } from '../host/map-view.ts';
import { type Estimate, estimateOf, fuseEstimate, type Look, mahalanobis2 } from './observation.ts';
import type { Sighting } from './records.ts';

/** Where an object was looked at from; looks from one place and direction tell ever less. */
export interface Viewpoint {
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  count: i32;
}

export interface MapObject {
  readonly id: i32;
  readonly className: string;
  readonly at: Estimate;
  /** Odds that there is such an object here. */
  odds: f64;
  sightings: i32;
  misses: i32;
  rovers: string[];
  seenFrom: Viewpoint[];
  missedFrom: Viewpoint[];
  firstSeenSec: f64;
  lastSeenSec: f64;
  status: ObjectStatus;
  /** Merged into another: withdrawn for good once that is published. */
  gone: boolean;
  changed: boolean;
  publishedSec: f64;
}

/** Odds of a first sighting to be right before its score counts: look-alikes and reflections exist. */
const PRIOR_ODDS: f64 = 0.25;
const MAX_ODDS: f64 = 1e4;
const MIN_ODDS: f64 = 1e-3;
/** A finding: seen this often, from so many different places, and believed with p ≥ 0.7. */
const CONFIRM_SIGHTINGS: i32 = 3;
const CONFIRM_VIEWPOINTS: i32 = 2;
/** A rover that turns on the spot repeats its mistakes: from a single place it takes so many sightings. */
const CONFIRM_SIGHTINGS_FROM_ONE_PLACE: i32 = 6;
const CONFIRM_ODDS: f64 = 2.4;
/** A finding falls when belief falls below p = 0.3, a candidate below p = 0.05. */
const WITHDRAW_ODDS: f64 = 0.42;
const DISCARD_ODDS: f64 = 0.05;
/** How much a look from close that does not show an object speaks against it. */
const MISS_FACTOR: f64 = 0.55;
/** Two looks are different when the camera has moved so far [m] or turned so much [rad]. */
const VIEW_MOVED_M: f64 = 0.3;
const VIEW_TURNED_RAD: f64 = 0.2;
const MAX_VIEWPOINTS: i32 = 24;
/** Looks from one viewpoint stop adding information after so many. */
const MAX_COUNT: i32 = 50;
/** A position is never claimed to be known better than this [m²]. */
const MIN_VARIANCE: f64 = 0.0009;

export function newObject(id: i32, look: Look, seen: Sighting): MapObject {
  return {
    id,
    className: seen.className,
    at: estimateOf(seen),
    odds: PRIOR_ODDS * scoreOdds(seen.score),
    sightings: 1,
    misses: 0,
    rovers: [look.rover],
    seenFrom: [{ x: look.x, y: look.y, theta: look.theta, count: 1 }],
    missedFrom: [],
    firstSeenSec: look.stampSec,
    lastSeenSec: look.stampSec,
    status: 'candidate',
    gone: false,
    changed: true,
    publishedSec: -1e9,
  };
}

const scoreOdds = (score: f64): f64 => score / (1 - score);

/** Adds a sighting to the object it belongs to. */
export function addSighting(item: MapObject, look: Look, seen: Sighting): void {
  const weight = noteViewpoint(item.seenFrom, look);
  fuseEstimate(item.at, estimateOf(seen), weight);
  item.at.xx = Math.max(item.at.xx, MIN_VARIANCE);
  item.at.yy = Math.max(item.at.yy, MIN_VARIANCE);
  multiplyOdds(item, 1 + weight * (scoreOdds(seen.score) - 1));
  item.sightings += 1;
  if (!item.rovers.includes(look.rover)) item.rovers.push(look.rover);
  item.firstSeenSec = Math.min(item.firstSeenSec, look.stampSec);
  item.lastSeenSec = Math.max(item.lastSeenSec, look.stampSec);
  item.changed = true;
}

/** Notes that the object should have been seen in this look, and was not. */
export function addMiss(item: MapObject, look: Look): void {
  const weight = noteViewpoint(item.missedFrom, look);
  multiplyOdds(item, 1 - weight * (1 - MISS_FACTOR));
  item.misses += 1;
  item.changed = true;
}

/** What another look from here is worth: 1 for a new viewpoint, then 1/2, 1/3, … */
function noteViewpoint(viewpoints: Viewpoint[], look: Look): f64 {
  for (const known of viewpoints) {
    const dx = look.x - known.x;
    const dy = look.y - known.y;
    if (dx * dx + dy * dy > VIEW_MOVED_M * VIEW_MOVED_M || turnBetween(look.theta, known.theta) > VIEW_TURNED_RAD) continue;
    if (known.count < MAX_COUNT) known.count += 1;
    return 1 / f64(known.count);
  }
  if (viewpoints.length >= MAX_VIEWPOINTS) return 1 / f64(MAX_VIEWPOINTS);
  viewpoints.push({ x: look.x, y: look.y, theta: look.theta, count: 1 });
  return 1;
}

/** Angle between two headings, 0 to π. */
export function turnBetween(a: f64, b: f64): f64 {
  const turn = Math.abs(a - b) / (2 * Math.PI);
  const part = turn - Math.floor(turn);
  return 2 * Math.PI * Math.min(part, 1 - part);
}

function multiplyOdds(item: MapObject, factor: f64): void {
  item.odds = Math.min(MAX_ODDS, Math.max(MIN_ODDS, item.odds * factor));
}

export function scoreOf(item: MapObject): f64 {
  return item.odds / (1 + item.odds);
}

/** Merges `other` into `item`: what they were seen from and by, positions and belief. */
export function absorb(item: MapObject, other: MapObject): void {
  fuseEstimate(item.at, other.at, 1);
  item.at.xx = Math.max(item.at.xx, MIN_VARIANCE);
  item.at.yy = Math.max(item.at.yy, MIN_VARIANCE);
  multiplyOdds(item, Math.max(1, other.odds / PRIOR_ODDS));
  item.sightings += other.sightings;
  item.misses += other.misses;
  for (const rover of other.rovers) if (!item.rovers.includes(rover)) item.rovers.push(rover);
  for (const viewpoint of other.seenFrom) if (item.seenFrom.length < MAX_VIEWPOINTS) item.seenFrom.push(viewpoint);
  item.firstSeenSec = Math.min(item.firstSeenSec, other.firstSeenSec);
  item.lastSeenSec = Math.max(item.lastSeenSec, other.lastSeenSec);
  item.changed = true;
  other.gone = true;
  other.changed = true;
}

/** The status that the evidence calls for; `disputed`: a stronger object of another class claims the same place. */
export function judge(item: MapObject, disputed: boolean): void {
  let status: ObjectStatus = item.status;
  const enough: i32 = seenFromSeveralPlaces(item) ? CONFIRM_SIGHTINGS : CONFIRM_SIGHTINGS_FROM_ONE_PLACE;
  const believed = item.odds >= CONFIRM_ODDS && item.sightings >= enough && item.seenFrom.length >= CONFIRM_VIEWPOINTS;
  if (item.gone) status = 'withdrawn';
  else if (believed && !disputed) status = 'confirmed';
  else if (item.status === 'confirmed' && (disputed || item.odds < WITHDRAW_ODDS)) status = 'withdrawn';
  else if (item.status === 'candidate' && item.odds < DISCARD_ODDS) status = 'withdrawn';
  if (status === item.status) return;
  item.status = status;
  item.changed = true;
}

function seenFromSeveralPlaces(item: MapObject): boolean {
  const first = unchecked(item.seenFrom[0]);
  for (const other of item.seenFrom) {
    const dx = other.x - first.x;
    const dy = other.y - first.y;
    if (dx * dx + dy * dy > VIEW_MOVED_M * VIEW_MOVED_M) return true;
  }
  return false;
}

/** The stronger of two objects, for choosing which one stays; ties go to the older. */
export function isStronger(a: MapObject, b: MapObject): boolean {
  if (a.odds !== b.odds) return a.odds > b.odds;
  if (a.sightings !== b.sightings) return a.sightings > b.sightings;
  return a.id < b.id;
}

/** Index in `objects` of the nearest in the Mahalanobis sense that fits the sighting, among those not yet taken; −1: none. */
export function nearestObject(objects: MapObject[], taken: boolean[], seen: Sighting, gate: f64, slack: f64, maxDistanceM: f64): i32 {
  const estimate = estimateOf(seen);
  let best: i32 = -1;
  let bestDistance: f64 = gate;
  for (let index: i32 = 0; index < objects.length; index += 1) {
    const item = unchecked(objects[index]);
    if (unchecked(taken[index]) || item.gone || item.className !== seen.className) continue;
    const dx = item.at.x - seen.x;
    const dy = item.at.y - seen.y;
    if (dx * dx + dy * dy > maxDistanceM * maxDistanceM) continue;
    const distance = mahalanobis2(item.at, estimate, slack);
    if (distance < bestDistance) {
      best = index;
      bestDistance = distance;
    }
  }
  return best;
}

/** Objects that only this rover has seen are withdrawn: it was elsewhere than believed, and reports them again. */
export function withdrawSightingsOf(objects: MapObject[], rover: string): void {
  for (const item of objects) {
    if (item.rovers.length !== 1 || unchecked(item.rovers[0]) !== rover) continue;
    item.gone = true;
    item.status = 'withdrawn';
    item.changed = true;
  }
}

/** The object as it is made known. */
export function recordOf(item: MapObject): ObjectRecord {
  return {
    object: `object-${item.id}`,
    className: item.className,
    status: item.status,
    x: item.at.x,
    y: item.at.y,
    covXX: item.at.xx,
    covXY: item.at.xy,
    covYY: item.at.yy,
    sightings: item.sightings,
    rovers: item.rovers,
    score: scoreOf(item),
    firstSeenSec: item.firstSeenSec,
    lastSeenSec: item.lastSeenSec,
  };
}
