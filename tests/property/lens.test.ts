// Lens distortion: what goes through a lens comes back, and rays of pixels are those that project there.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pixelRay } from '../../robot/perception/camera-ray.ts';
import { distort, isInvertible, undistort } from '../../shared/geometry/lens.ts';

const within = (most: number) => fc.double({ min: -most, max: most, noNaN: true });
const lens = fc.record({ k1: within(0.4), k2: within(0.15), p1: within(0.005), p2: within(0.005), k3: within(0.05) });

describe('a lens', () => {
  it('is undone exactly wherever it can be', () => {
    fc.assert(
      fc.property(lens, within(0.8), within(0.6), (distortion, x, y) => {
        fc.pre(isInvertible(distortion, 1.1));
        const back = undistort(distort({ x, y }, distortion), distortion);
        expect(Math.hypot(back.x - x, back.y - y)).toBeLessThan(1e-6);
      }),
    );
  });

  it('gives finite rays for every finite point, even where it has no inverse', () => {
    fc.assert(
      fc.property(lens, within(50), within(50), (distortion, x, y) => {
        const ray = undistort({ x, y }, distortion);
        expect(Number.isFinite(ray.x) && Number.isFinite(ray.y)).toBe(true);
      }),
    );
  });

  it('bends the ray of a pixel to where the light came from, for any pitch', () => {
    fc.assert(
      fc.property(lens, within(0.7), within(0.5), within(0.5), (distortion, x, y, pitchDownRad) => {
        fc.pre(isInvertible(distortion, 1.1));
        const seen = distort({ x, y }, distortion);
        const intrinsics = { fx: 500, fy: 490, cx: 320, cy: 240, distortion };
        const ray = pixelRay(500 * seen.x + 320, 490 * seen.y + 240, intrinsics, { xM: 0, yM: 0, zM: 0.2, pitchDownRad });
        const straight = pixelRay(
          500 * x + 320,
          490 * y + 240,
          { fx: 500, fy: 490, cx: 320, cy: 240 },
          { xM: 0, yM: 0, zM: 0.2, pitchDownRad },
        );
        for (const axis of ['x', 'y', 'z'] as const) expect(ray[axis]).toBeCloseTo(straight[axis], 5);
      }),
    );
  });
});
