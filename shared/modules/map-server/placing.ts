// Which rovers have a place in the common frame, and where: from those whose place is given (or who were first) along accepted links,
// the surest first. Links that disagree about a rover (a cycle that does not close) leave it where it is unless most of them agree.
import { type f64, type i32, unchecked } from '../portable.ts';
import type { RoverMap } from './evidence.ts';
import { type Link, wrapped } from './links.ts';

/** Around a cycle, places must come back to within this. */
const CYCLE_TOLERANCE_M: f64 = 0.5;
const CYCLE_TOLERANCE_RAD: f64 = 0.052;
/** A place that is found again this near has not changed. */
const SAME_PLACE_M: f64 = 0.05;
const SAME_PLACE_RAD: f64 = 0.004;

export interface Place {
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  readonly confidence: f64;
}

/** Places of all maps in their order; null for those that have none. */
export function findPlaces(maps: RoverMap[], links: Link[]): (Place | null)[] {
  const places: (Place | null)[] = [];
  for (const map of maps) places.push(map.known ? { x: map.x, y: map.y, theta: map.theta, confidence: 1 } : null);
  let found = true;
  while (found) {
    found = false;
    let best: i32 = -1;
    let bestPlace: Place | null = null;
    for (let index: i32 = 0; index < maps.length; index += 1) {
      if (places[index] !== null) continue;
      const place = placeByLinks(index, maps, links, places);
      if (place !== null && (bestPlace === null || place.confidence > bestPlace.confidence)) {
        best = index;
        bestPlace = place;
      }
    }
    if (bestPlace !== null) {
      places[best] = bestPlace;
      found = true;
    }
  }
  return places;
}

/** The place that the accepted links to placed rovers agree on, or null. */
function placeByLinks(index: i32, maps: RoverMap[], links: Link[], places: (Place | null)[]): Place | null {
  const map = unchecked(maps[index]);
  const found: Place[] = [];
  for (let other: i32 = 0; other < maps.length; other += 1) {
    const anchor = unchecked(places[other]);
    if (anchor === null || other === index) continue;
    const name = unchecked(maps[other]).rover;
    for (const link of links) {
      if (!link.accepted) continue;
      if (link.a === name && link.b === map.rover) found.push(ahead(anchor, link));
      else if (link.a === map.rover && link.b === name) found.push(back(anchor, link));
    }
  }
  let best: Place | null = null;
  for (const place of found) if (best === null || place.confidence > best.confidence) best = place;
  if (best === null) return null;
  let agreeing: i32 = 0;
  for (const place of found) if (isSamePlace(place, best, CYCLE_TOLERANCE_M, CYCLE_TOLERANCE_RAD)) agreeing += 1;
  // One against one is a coin toss.
  return 2 * agreeing > found.length ? best : null;
}

function ahead(anchor: Place, link: Link): Place {
  const c = Math.cos(anchor.theta);
  const s = Math.sin(anchor.theta);
  return {
    x: anchor.x + c * link.x - s * link.y,
    y: anchor.y + s * link.x + c * link.y,
    theta: wrapped(anchor.theta + link.theta),
    confidence: Math.min(anchor.confidence, link.confidence),
  };
}

function back(anchor: Place, link: Link): Place {
  const theta = wrapped(anchor.theta - link.theta);
  const c = Math.cos(theta);
  const s = Math.sin(theta);
  return {
    x: anchor.x - (c * link.x - s * link.y),
    y: anchor.y - (s * link.x + c * link.y),
    theta,
    confidence: Math.min(anchor.confidence, link.confidence),
  };
}

function isSamePlace(a: Place, b: Place, toleranceM: f64, toleranceRad: f64): boolean {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  return dx * dx + dy * dy <= toleranceM * toleranceM && Math.abs(wrapped(a.theta - b.theta)) <= toleranceRad;
}

/** Whether the rover stands where `place` says already. */
export function stands(map: RoverMap, place: Place | null): boolean {
  if (place === null) return !map.placed;
  const present: Place = { x: map.x, y: map.y, theta: map.theta, confidence: map.confidence };
  return map.placed && isSamePlace(present, place, SAME_PLACE_M, SAME_PLACE_RAD);
}
