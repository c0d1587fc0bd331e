// Ray casting and distances through the grid equal a look at every surface.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { castCircle, distanceToSegment, RayIndex } from '../../sim/world/ray-index.ts';

const BOUNDS = { minX: 0, minY: 0, maxX: 12, maxY: 9 };
const x = fc.double({ min: 0, max: 12, noNaN: true });
const y = fc.double({ min: 0, max: 9, noNaN: true });
const segment = fc.tuple(x, y, x, y).filter(([x1, y1, x2, y2]) => Math.hypot(x2 - x1, y2 - y1) > 1e-3);
const circle = fc.tuple(x, y, fc.double({ min: 0.02, max: 1.5, noNaN: true }));

function castAll(
  segments: readonly number[][],
  circles: readonly number[][],
  px: number,
  py: number,
  dx: number,
  dy: number,
  maxM: number,
): number {
  let best = maxM;
  let hit = false;
  for (const [x1, y1, x2, y2] of segments as [number, number, number, number][]) {
    const ex = x2 - x1;
    const ey = y2 - y1;
    const denominator = dx * ey - dy * ex;
    if (denominator === 0) continue;
    const t = ((x1 - px) * ey - (y1 - py) * ex) / denominator;
    const u = ((x1 - px) * dy - (y1 - py) * dx) / denominator;
    if (t >= 0 && u >= 0 && u <= 1 && t <= best) {
      best = t;
      hit = true;
    }
  }
  for (const [cx, cy, r] of circles as [number, number, number][]) {
    const t = castCircle(px, py, dx, dy, cx, cy, r);
    if (t <= best) {
      best = t;
      hit = true;
    }
  }
  return hit ? best : Number.POSITIVE_INFINITY;
}

it('a ray through the grid meets what a search of all surfaces meets', () => {
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 25 }),
      fc.array(circle, { maxLength: 10 }),
      fc.double({ min: -2, max: 14, noNaN: true }),
      fc.double({ min: -2, max: 11, noNaN: true }),
      fc.oneof(fc.double({ min: -4, max: 4, noNaN: true }), fc.constantFrom(0, Math.PI / 2, Math.PI, -Math.PI / 2, Math.PI / 4)),
      fc.double({ min: 0.1, max: 20, noNaN: true }),
      (segments, circles, px, py, angle, maxM) => {
        const index = new RayIndex(BOUNDS, Float64Array.from(segments.flat()), Float64Array.from(circles.flat()));
        const dx = Math.cos(angle);
        const dy = Math.sin(angle);
        const expected = castAll(segments, circles, px, py, dx, dy, maxM);
        const actual = index.cast(px, py, dx, dy, maxM);
        const equal = expected === actual || Math.abs(expected - actual) < 1e-9;
        expect(equal, `${actual} instead of ${expected}`).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

it('the nearest distance through the grid is that of all surfaces', () => {
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 25 }),
      fc.array(circle, { maxLength: 10 }),
      x,
      y,
      fc.double({ min: 0.05, max: 5, noNaN: true }),
      (segments, circles, px, py, maxM) => {
        const index = new RayIndex(BOUNDS, Float64Array.from(segments.flat()), Float64Array.from(circles.flat()));
        let expected = maxM;
        for (const [x1, y1, x2, y2] of segments) expected = Math.min(expected, distanceToSegment(px, py, x1, y1, x2, y2));
        for (const [cx, cy, r] of circles) expected = Math.min(expected, Math.abs(Math.hypot(px - cx, py - cy) - r));
        expect(index.nearest(px, py, maxM)).toBeCloseTo(expected, 9);
      },
    ),
    { numRuns: 1000 },
  );
});
