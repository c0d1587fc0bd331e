// The picture and the lidar see one world: along the horizon, the depth of the nearest surface equals an exact ray's range.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CameraRenderer } from '../../sim/camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../../sim/camera/camera-view.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import { World } from '../../sim/world/world.ts';

const W = 160;
const H = 121; // odd: the middle row looks exactly along the horizon
const INTRINSICS = intrinsicsOf(W, H, 90);
const MOUNT = { xM: 0, yM: 0, zM: 0.25, pitchDownRad: 0 };

it('depth along the horizon equals ray casting', () => {
  const sites = (['office', 'warehouse', 'rubble', 'corridor-loop'] as const).map((layout) => {
    const section = worldSchema.parse({ sizeM: [16, 12], layout });
    const world = new World(resolveSite(section, { random: new SeededRandom(layout), rovers: 1, roverRadiusM: 0.18 }));
    return { world, renderer: new CameraRenderer(world) };
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...sites),
      fc.double({ min: 0.3, max: 15.7, noNaN: true }),
      fc.double({ min: 0.3, max: 11.7, noNaN: true }),
      fc.double({ min: -3.2, max: 3.2, noNaN: true }),
      ({ world, renderer }, x, y, theta) => {
        fc.pre(world.isClear(x, y, 0.1));
        const view = cameraView({ x, y, theta }, MOUNT, INTRINSICS, W, H);
        const { depth } = renderer.rasterize(view);
        let wrong = 0;
        for (let column = 0; column < W; column += 1) {
          const bearing = Math.atan2(INTRINSICS.cx - (column + 0.5), INTRINSICS.fx);
          const range = world.castRay(x, y, theta + bearing, 100);
          const seen = 1 / (depth[((H - 1) / 2) * W + column] as number) / Math.cos(bearing);
          // A ray within a thousandth of a pixel of an edge may fall to either side.
          if (Math.abs(seen - range) > 1e-3 * (1 + range)) wrong += 1;
        }
        expect(wrong).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 150 },
  );
});
