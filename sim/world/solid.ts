// What stands in a site: vertical prisms and cylinders on the floor, and how they are made from walls and boxes.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import type { MaterialName } from './materials.ts';

/** A vertical prism; vertices counter-clockwise, no self-intersections. */
export interface PolygonSolid {
  readonly kind: 'polygon';
  readonly vertices: readonly Point2[];
  readonly heightM: number;
  readonly material: MaterialName;
}

export interface CylinderSolid {
  readonly kind: 'cylinder';
  readonly x: number;
  readonly y: number;
  readonly radiusM: number;
  readonly heightM: number;
  readonly material: MaterialName;
}

export type Solid = PolygonSolid | CylinderSolid;

/** A rectangle of `sizeX` × `sizeY` [m] around (x, y), turned by `yawRad`. */
export function boxSolid(
  box: { readonly x: number; readonly y: number; readonly sizeX: number; readonly sizeY: number; readonly yawRad?: number },
  heightM: number,
  material: MaterialName,
): PolygonSolid {
  const c = Math.cos(box.yawRad ?? 0);
  const s = Math.sin(box.yawRad ?? 0);
  const corner = (dx: number, dy: number): Point2 => ({ x: box.x + c * dx - s * dy, y: box.y + s * dx + c * dy });
  const hx = box.sizeX / 2;
  const hy = box.sizeY / 2;
  return { kind: 'polygon', vertices: [corner(-hx, -hy), corner(hx, -hy), corner(hx, hy), corner(-hx, hy)], heightM, material };
}

/** Walls along a polyline: one box per leg, lengthened by half the thickness so that corners close. */
export function wallSolids(path: readonly Point2[], thicknessM: number, heightM: number, material: MaterialName): PolygonSolid[] {
  const solids: PolygonSolid[] = [];
  for (let index = 1; index < path.length; index += 1) {
    const from = path[index - 1] as Point2;
    const to = path[index] as Point2;
    const yawRad = Math.atan2(to.y - from.y, to.x - from.x);
    const sizeX = Math.hypot(to.x - from.x, to.y - from.y) + thicknessM;
    solids.push(boxSolid({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2, sizeX, sizeY: thicknessM, yawRad }, heightM, material));
  }
  return solids;
}

/** Whether the point lies inside the solid's footprint. */
export function contains(solid: Solid, x: number, y: number): boolean {
  if (solid.kind === 'cylinder') return (x - solid.x) ** 2 + (y - solid.y) ** 2 < solid.radiusM ** 2;
  let inside = false;
  const { vertices } = solid;
  for (let i = 0, j = vertices.length - 1; i < vertices.length; j = i, i += 1) {
    const a = vertices[i] as Point2;
    const b = vertices[j] as Point2;
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** Twice the signed area of a polygon; positive when counter-clockwise. */
export function signedArea2(vertices: readonly Point2[]): number {
  let sum = 0;
  for (let i = 0, j = vertices.length - 1; i < vertices.length; j = i, i += 1) {
    const a = vertices[j] as Point2;
    const b = vertices[i] as Point2;
    sum += a.x * b.y - b.x * a.y;
  }
  return sum;
}
