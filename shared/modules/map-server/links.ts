// What registration has said about pairs of rovers, and which pair to ask about next. A pair is asked again when its maps have grown.
import { type f64, type i32, unchecked } from '../portable.ts';
import type { RegistrationOutcome } from '../host/registration.ts';
import type { RoverMap } from './evidence.ts';

/** The newest word on a pair; `a` stands before `b` in the order of names. */
export interface Link {
  readonly a: string;
  readonly b: string;
  /** Maps B's frame into A's. */
  x: f64;
  y: f64;
  theta: f64;
  confidence: f64;
  accepted: boolean;
  /** Known cells of both maps when it was asked. */
  triedCells: i32;
}

/** The question that is out. */
export interface Inquiry {
  readonly ticket: i32;
  readonly a: string;
  readonly b: string;
  readonly frameA: i32;
  readonly frameB: i32;
  readonly sinceSec: f64;
  readonly triedCells: i32;
}

/** Known cells from which on a map is worth registering: 40 m². */
const MIN_KNOWN_CELLS: i32 = 16000;
/** An unplaced pair is asked again when it knows so much more, a placed one (to notice that evidence turns) when it knows twice as much. */
const GROWTH: f64 = 1.25;
const GROWTH_PLACED: f64 = 2;

export function findLink(links: Link[], a: string, b: string): Link | null {
  for (const link of links) if (link.a === a && link.b === b) return link;
  return null;
}

/** Index of the pair (i · count + j, i < j) that is due, the one with most to gain first; −1: none. */
export function nextPair(maps: RoverMap[], links: Link[]): i32 {
  const count: i32 = maps.length;
  let best: i32 = -1;
  let bestGain: f64 = 0;
  for (let i: i32 = 0; i < count; i += 1) {
    const a = unchecked(maps[i]);
    for (let j: i32 = i + 1; j < count; j += 1) {
      const b = unchecked(maps[j]);
      if (a.known && b.known) continue;
      if (a.knownCells < MIN_KNOWN_CELLS || b.knownCells < MIN_KNOWN_CELLS) continue;
      const settled = a.placed && b.placed;
      const link = findLink(links, a.rover, b.rover);
      const known: f64 = a.knownCells + b.knownCells;
      let grown: f64 = 2 * GROWTH_PLACED;
      if (link !== null) grown = known / (link.triedCells + 1);
      if (grown < GROWTH || (settled && grown < GROWTH_PLACED)) continue;
      // To place somebody beside one who has a place is worth most.
      let gain: f64 = grown;
      if (!settled) gain *= a.placed || b.placed ? 100 : 10;
      if (gain > bestGain) {
        best = i * count + j;
        bestGain = gain;
      }
    }
  }
  return best;
}

/** Takes an answer in. */
export function noteOutcome(links: Link[], asked: Inquiry, outcome: RegistrationOutcome): void {
  let link = findLink(links, asked.a, asked.b);
  if (link === null) {
    link = { a: asked.a, b: asked.b, x: 0, y: 0, theta: 0, confidence: 0, accepted: false, triedCells: 0 };
    links.push(link);
  }
  link.x = outcome.x;
  link.y = outcome.y;
  link.theta = outcome.theta;
  link.confidence = outcome.confidence;
  link.accepted = outcome.accepted;
  link.triedCells = asked.triedCells;
}

/** The rover's frame has changed: `theta`, `x`, `y` map its old frame into its new one. */
export function rebaseLinks(links: Link[], rover: string, x: f64, y: f64, theta: f64): void {
  const c = Math.cos(theta);
  const s = Math.sin(theta);
  for (const link of links) {
    if (link.a === rover) {
      // new ← old ← B
      const linkX = link.x;
      link.x = x + c * linkX - s * link.y;
      link.y = y + s * linkX + c * link.y;
      link.theta = wrapped(theta + link.theta);
    } else if (link.b === rover) {
      // A ← old ← new
      link.theta = wrapped(link.theta - theta);
      const lc = Math.cos(link.theta);
      const ls = Math.sin(link.theta);
      link.x -= lc * x - ls * y;
      link.y -= ls * x + lc * y;
    }
  }
}

/** An angle within (−π, π]. */
export function wrapped(angle: f64): f64 {
  return angle - 2 * Math.PI * Math.ceil((angle - Math.PI) / (2 * Math.PI));
}
