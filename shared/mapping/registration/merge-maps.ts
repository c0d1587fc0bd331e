// Several maps with unknown poses into one: pairwise registrations, checked around cycles of three, spanned from the strongest.
import { compose, IDENTITY, inverse, type Pose2 } from '../../geometry/pose2.ts';
import { type OccupancyMap, UNKNOWN } from '../occupancy-map.ts';
import { registerMaps, type Registration } from './register-maps.ts';

export interface NamedMap {
  readonly name: string;
  readonly map: OccupancyMap;
}

export interface PairResult {
  readonly a: string;
  readonly b: string;
  /** Maps B's frame into A's [m, rad]; null when a map has too few surfaces. */
  readonly transform: Pose2 | null;
  readonly confidence: number;
  readonly accepted: boolean;
  readonly reasons: readonly string[];
}

export interface MergeResult {
  readonly pairs: readonly PairResult[];
  /** Poses in the frame of the first map of the largest agreeing group; maps outside it are missing. */
  readonly poses: ReadonlyMap<string, Pose2>;
  /** The maps of that group in one frame; null when nothing could be joined. */
  readonly merged: OccupancyMap | null;
}

/** Around a cycle of three, transforms must come back to within this [m], [rad] of where they began. */
const CYCLE_TOLERANCE_M = 0.5;
const CYCLE_TOLERANCE_RAD = (3 * Math.PI) / 180;

/** Registers every pair, throws out what cycles contradict, and joins the rest. */
export function mergeMaps(
  maps: readonly NamedMap[],
  register: (a: OccupancyMap, b: OccupancyMap) => Registration | null = registerMaps,
): MergeResult {
  const pairs: PairResult[] = [];
  for (const [i, a] of maps.entries()) {
    for (const b of maps.slice(i + 1)) pairs.push(toPair(a.name, b.name, register(a.map, b.map)));
  }
  const checked = checkCycles(pairs);
  const poses = spanPoses(maps, checked);
  const members = maps.filter(({ name }) => poses.has(name));
  return { pairs: checked, poses, merged: members.length < 2 ? null : drawMerged(members, poses) };
}

function toPair(a: string, b: string, registration: Registration | null): PairResult {
  if (registration === null)
    return { a, b, transform: null, confidence: 0, accepted: false, reasons: ['too few surfaces to place the map by'] };
  const { transform, verdict } = registration;
  return { a, b, transform, confidence: verdict.confidence, accepted: verdict.accepted, reasons: verdict.reasons };
}

/** In each cycle of three accepted pairs that does not close, the least certain pair is withdrawn. */
function checkCycles(pairs: readonly PairResult[]): PairResult[] {
  const result = [...pairs];
  for (;;) {
    const weakest = findBrokenCycle(result);
    if (weakest === null) return result;
    const index = result.indexOf(weakest);
    result[index] = {
      ...weakest,
      accepted: false,
      reasons: [...weakest.reasons, 'contradicts two more certain registrations around a cycle'],
    };
  }
}

function findBrokenCycle(pairs: readonly PairResult[]): PairResult | null {
  const accepted = pairs.filter((pair) => pair.accepted);
  for (const ab of accepted) {
    for (const bc of accepted) {
      if (bc.a !== ab.b) continue;
      const ac = accepted.find((pair) => pair.a === ab.a && pair.b === bc.b);
      if (ac?.transform == null || ab.transform === null || bc.transform === null) continue;
      const loop = compose(compose(ab.transform, bc.transform), inverse(ac.transform));
      const closes = Math.hypot(loop.x, loop.y) <= CYCLE_TOLERANCE_M && Math.abs(loop.theta) <= CYCLE_TOLERANCE_RAD;
      if (!closes) return [ab, bc, ac].toSorted((p, q) => p.confidence - q.confidence)[0] ?? null;
    }
  }
  return null;
}

/** Poses of the largest connected group over the most certain pairs (Kruskal's spanning tree). */
function spanPoses(maps: readonly NamedMap[], pairs: readonly PairResult[]): Map<string, Pose2> {
  const groups = new Map(maps.map(({ name }) => [name, new Map([[name, IDENTITY]])]));
  for (const pair of pairs.filter((candidate) => candidate.accepted).toSorted((p, q) => q.confidence - p.confidence)) {
    const groupA = groups.get(pair.a);
    const groupB = groups.get(pair.b);
    const inA = groupA?.get(pair.a);
    const inB = groupB?.get(pair.b);
    if (
      groupA === undefined ||
      groupB === undefined ||
      groupA === groupB ||
      inA === undefined ||
      inB === undefined ||
      pair.transform === null
    )
      continue;
    const bridge = compose(compose(inA, pair.transform), inverse(inB));
    for (const [name, pose] of groupB) {
      groupA.set(name, compose(bridge, pose));
      groups.set(name, groupA);
    }
  }
  const largest = [...groups.values()].toSorted((p, q) => q.size - p.size)[0] ?? new Map<string, Pose2>();
  const first = maps.find(({ name }) => largest.has(name));
  const origin = first === undefined ? undefined : largest.get(first.name);
  if (origin === undefined) return new Map();
  return new Map([...largest].map(([name, pose]) => [name, compose(inverse(origin), pose)]));
}

/** Draws maps into the frame of the first: a cell is what the more decided map says of its centre (backward sampling). */
export function drawMerged(maps: readonly NamedMap[], poses: ReadonlyMap<string, Pose2>): OccupancyMap {
  const resolutionM = Math.min(...maps.map(({ map }) => map.resolutionM));
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  for (const { name, map } of maps) growBox(box, map, poses.get(name) ?? IDENTITY);
  const originX = Math.floor(box.minX / resolutionM) * resolutionM;
  const originY = Math.floor(box.minY / resolutionM) * resolutionM;
  const width = Math.ceil((box.maxX - originX) / resolutionM);
  const height = Math.ceil((box.maxY - originY) / resolutionM);
  const cells = new Int8Array(width * height).fill(UNKNOWN);
  for (const { name, map } of maps) {
    const back = inverse(poses.get(name) ?? IDENTITY);
    const c = Math.cos(back.theta);
    const s = Math.sin(back.theta);
    for (let row = 0; row < height; row += 1) {
      const y = originY + (row + 0.5) * resolutionM;
      for (let column = 0; column < width; column += 1) {
        const x = originX + (column + 0.5) * resolutionM;
        const u = Math.floor((back.x + c * x - s * y - map.originX) / map.resolutionM);
        const v = Math.floor((back.y + s * x + c * y - map.originY) / map.resolutionM);
        if (u < 0 || v < 0 || u >= map.width || v >= map.height) continue;
        const index = row * width + column;
        cells[index] = moreDecided(cells[index] as number, map.cells[v * map.width + u] as number);
      }
    }
  }
  return { width, height, resolutionM, originX, originY, cells };
}

function growBox(box: { minX: number; minY: number; maxX: number; maxY: number }, map: OccupancyMap, pose: Pose2): void {
  for (const u of [0, map.width * map.resolutionM]) {
    for (const v of [0, map.height * map.resolutionM]) {
      const x = pose.x + Math.cos(pose.theta) * (map.originX + u) - Math.sin(pose.theta) * (map.originY + v);
      const y = pose.y + Math.sin(pose.theta) * (map.originX + u) + Math.cos(pose.theta) * (map.originY + v);
      box.minX = Math.min(box.minX, x);
      box.minY = Math.min(box.minY, y);
      box.maxX = Math.max(box.maxX, x);
      box.maxY = Math.max(box.maxY, y);
    }
  }
}

/** Of two opinions the one farther from 50 %; on a tie the wall, which is the safer error. */
function moreDecided(p: number, q: number): number {
  if (p === UNKNOWN) return q;
  if (q === UNKNOWN) return p;
  const difference = Math.abs(p - 50) - Math.abs(q - 50);
  return difference > 0 ? p : difference < 0 ? q : Math.max(p, q);
}
