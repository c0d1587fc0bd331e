// Keeps a pose graph bounded in a bounded area: an old key frame whose surfaces are all seen by others around it goes, and what it said of its
// neighbours is handed on to them (after Kretzschmar & Stachniss, IJRR 2012, with the chain in place of the tree).
import { distance } from '../../../shared/geometry/pose2.ts';
import { type KeyFrame, surfacesOf, viewCentre } from './key-frame.ts';
import { chained, reversed } from './pose-edge.ts';
import type { PoseEdge } from './pose-graph.ts';

/** Others that may stand for a frame: they look at nearly the same, from nearly the same place [m]. */
const NEAR_M = 1.2;
/** A frame may go when so many others stand for it … */
const WITNESSES = 4;
const MAX_WITNESSES = 8;
/** … and this share of its surface points lies on surfaces that they see. */
const REDUNDANT = 0.9;
/** Candidates that are looked at per new key frame: pruning never holds a control cycle up. */
const CANDIDATES = 2;

/**
 * The old key frame nearest to the newest that is not needed, or null. Frames of the last `keepM` metres of way stay, and the first one, which
 * holds the map in its place.
 */
export function redundantFrame(frames: readonly KeyFrame[], keepM: number): number | null {
  const newest = frames.at(-1);
  if (newest === undefined) return null;
  const old = frames.filter(({ index, pathM }) => index > 0 && newest.pathM - pathM > keepM);
  const near = old
    .map((frame) => ({ frame, awayM: apart(frame, newest) }))
    .filter(({ awayM }) => awayM <= NEAR_M)
    .sort((a, b) => a.awayM - b.awayM || a.frame.index - b.frame.index);
  for (const { frame } of near.slice(0, CANDIDATES)) if (isRedundant(frames, frame)) return frame.index;
  return null;
}

/** The edges without frame `removed`, by the indices of the frames that are left. The frame before it takes over its relations. */
export function contractEdges(edges: readonly PoseEdge[], removed: number): PoseEdge[] {
  const before = edges.find(({ to, from, loop }) => !loop && to === removed && from === removed - 1);
  const kept: PoseEdge[] = [];
  for (const edge of edges) {
    if (edge === before) continue;
    const moved = edge.from !== removed && edge.to !== removed ? edge : before === undefined ? null : handOn(edge, before, removed);
    if (moved !== null && moved.from !== moved.to)
      kept.push({ ...moved, from: shifted(moved.from, removed), to: shifted(moved.to, removed) });
  }
  return withoutDoubles(kept);
}

/** An edge of the removed frame, from or to the frame before it. */
function handOn(edge: PoseEdge, before: PoseEdge, removed: number): PoseEdge | null {
  if (edge.from === removed) {
    const moved = chained(before, edge);
    return moved === null ? null : { ...moved, loop: edge.loop };
  }
  const back = reversed(before);
  const moved = back === null ? null : chained(edge, back);
  return moved === null ? null : { ...moved, loop: edge.loop };
}

/** Of several closures between two frames the surest: what was handed on is not independent. */
function withoutDoubles(edges: readonly PoseEdge[]): PoseEdge[] {
  const best = new Map<string, PoseEdge>();
  const weight = ({ information }: PoseEdge): number => information[0] + information[4] + information[8];
  for (const edge of edges) {
    if (!edge.loop) continue;
    const key = `${Math.min(edge.from, edge.to)}:${Math.max(edge.from, edge.to)}`;
    const known = best.get(key);
    if (known === undefined || weight(edge) > weight(known)) best.set(key, edge);
  }
  const chosen = new Set(best.values());
  return edges.filter((edge) => !edge.loop || chosen.has(edge));
}

function isRedundant(frames: readonly KeyFrame[], frame: KeyFrame): boolean {
  const witnesses = frames
    .filter((other) => other !== frame && apart(other, frame) <= NEAR_M)
    .sort((a, b) => apart(a, frame) - apart(b, frame) || a.index - b.index)
    .slice(0, MAX_WITNESSES);
  if (witnesses.length < WITNESSES) return false;
  const map = surfacesOf(witnesses);
  const { points, pose } = frame;
  const c = Math.cos(pose.theta);
  const s = Math.sin(pose.theta);
  let known = 0;
  let all = 0;
  for (let i = 0; i < points.count; i += 1) {
    if ((points.planarity[i] as number) < 0.3) continue;
    all += 1;
    const [px, py] = [points.x[i] as number, points.y[i] as number];
    const [nx, ny] = [points.normalX[i] as number, points.normalY[i] as number];
    const at = map.nearest(pose.x + c * px - s * py, pose.y + s * px + c * py, c * nx - s * ny, s * nx + c * ny, 1);
    if (at >= 0) known += 1;
  }
  return known >= REDUNDANT * all;
}

/** How far two frames are from each other, by where they stand and by what they look at [m]. */
function apart(a: KeyFrame, b: KeyFrame): number {
  return Math.max(distance(a.pose, b.pose), distance(viewCentre(a), viewCentre(b)));
}

function shifted(index: number, removed: number): number {
  return index > removed ? index - 1 : index;
}
