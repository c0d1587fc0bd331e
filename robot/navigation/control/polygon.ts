// Polygons around the rover, base frame [m].
import type { Point2 } from '../../../shared/geometry/pose2.ts';

/** Whether a point lies in a simple polygon, its border included (up to rounding). */
export function insidePolygon(x: number, y: number, polygon: readonly Point2[]): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const a = polygon[i] as Point2;
    const b = polygon[j] as Point2;
    const cross = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
    if (Math.abs(cross) <= 1e-12 && (x - a.x) * (x - b.x) + (y - a.y) * (y - b.y) <= 1e-12) return true;
    if (a.y > y !== b.y > y && x < a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y)) inside = !inside;
  }
  return inside;
}

export function rectangle(minX: number, minY: number, maxX: number, maxY: number): readonly Point2[] {
  return [
    { x: minX, y: minY },
    { x: maxX, y: minY },
    { x: maxX, y: maxY },
    { x: minX, y: maxY },
  ];
}
