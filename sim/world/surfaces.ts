// Samples of the world's true surfaces, for measuring a map against them.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import type { World } from './world.ts';

/** Points every `spacingM` along all outlines, without those buried in another solid. Interleaved x, y [m]. */
export function sampleSurfaces(world: World, spacingM = 0.05): Float64Array {
  const points: number[] = [];
  const add = (x: number, y: number, normalX: number, normalY: number): void => {
    // Just outside the outline: a point that is solid there belongs to a joint, not to a surface.
    if (!world.isSolid(x + normalX * 1e-3, y + normalY * 1e-3)) points.push(x, y);
  };
  for (const solid of world.solids) {
    if (solid.kind === 'cylinder') {
      const count = Math.max(8, Math.ceil((2 * Math.PI * solid.radiusM) / spacingM));
      for (let k = 0; k < count; k += 1) {
        const angle = (2 * Math.PI * k) / count;
        const c = Math.cos(angle);
        const s = Math.sin(angle);
        add(solid.x + solid.radiusM * c, solid.y + solid.radiusM * s, c, s);
      }
      continue;
    }
    for (const [index, a] of solid.vertices.entries()) {
      const b = solid.vertices[(index + 1) % solid.vertices.length] as Point2;
      const length = Math.hypot(b.x - a.x, b.y - a.y);
      const count = Math.max(1, Math.round(length / spacingM));
      for (let k = 0; k < count; k += 1) {
        const t = (k + 0.5) / count;
        add(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y), (b.y - a.y) / length, -(b.x - a.x) / length);
      }
    }
  }
  return Float64Array.from(points);
}
