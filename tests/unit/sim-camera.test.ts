import { describe, expect, it } from 'vitest';
import { annotateView } from '../../sim/camera/annotate.ts';
import { DEFAULT_APPEARANCE } from '../../sim/camera/appearance.ts';
import { CameraRenderer } from '../../sim/camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../../sim/camera/camera-view.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema, type WorldSectionInput } from '../../sim/scenario/world-schema.ts';
import { HAZARD_CLASSES, HAZARD_SIZES, type HazardClass, PROP_KINDS, PROP_SIZES } from '../../sim/world/hazards.ts';
import { hazardMesh } from '../../sim/camera/hazard-meshes.ts';
import { Palette } from '../../sim/camera/object-palette.ts';
import { propMesh } from '../../sim/camera/prop-meshes.ts';
import { World } from '../../sim/world/world.ts';

const W = 320;
const H = 240;
const INTRINSICS = intrinsicsOf(W, H, 90);
const LEVEL = { xM: 0, yM: 0, zM: 0.25, pitchDownRad: 0 };
const CLEAR = { ...DEFAULT_APPEARANCE, noise: 0, blurPx: 0, fogPerM: 0, vignette: 0 };

function world(section: Partial<WorldSectionInput>): World {
  const parsed = worldSchema.parse({ sizeM: [10, 8], starts: [{ at: [1, 4] }], ...section });
  return new World(resolveSite(parsed, { random: new SeededRandom(1), rovers: 1, roverRadiusM: 0.18 }));
}

const FROM = { x: 1, y: 4, theta: 0 };
const look = (site: World, pose = FROM) => {
  const renderer = new CameraRenderer(site, CLEAR);
  const view = cameraView(pose, LEVEL, INTRINSICS, W, H);
  return { renderer, view, frame: renderer.render(view, new SeededRandom(2)), seen: annotateView(renderer, view) };
};

/** Mean colour over a box. */
function meanColor(frame: Uint8Array, [left, top, right, bottom]: readonly [number, number, number, number]): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  for (let y = top; y < bottom; y += 1)
    for (let x = left; x < right; x += 1)
      for (let c = 0; c < 3; c += 1) sum[c] = (sum[c] as number) + (frame[(y * W + x) * 3 + c] as number);
  const count = (right - left) * (bottom - top);
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

describe('camera renderer', () => {
  it('puts a drum where the pinhole model says, in its size', () => {
    const { seen } = look(world({ hazards: [{ class: 'chemical-drum', at: [4, 4.5] }] }));
    expect(seen).toHaveLength(1);
    const { radiusM, heightM } = HAZARD_SIZES['chemical-drum'];
    const [left, top, right, bottom] = seen[0]?.box ?? [0, 0, 0, 0];
    // 3 m ahead, 0.5 m to the left.
    const middle = INTRINSICS.cx - (INTRINSICS.fx * 0.5) / 3;
    expect((left + right) / 2).toBeCloseTo(middle, -0.5);
    expect(right - left).toBeGreaterThan((2 * radiusM * INTRINSICS.fx) / 3 - 2);
    expect(right - left).toBeLessThan((2 * radiusM * INTRINSICS.fx) / 3 + 4);
    // The front rim's foot and the top edge.
    expect(bottom).toBeCloseTo(INTRINSICS.cy + (INTRINSICS.fy * 0.25) / (3 - radiusM), -0.5);
    expect(top).toBeCloseTo(INTRINSICS.cy - (INTRINSICS.fy * (heightM - 0.25)) / (3 - radiusM), -0.6);
    expect(seen[0]?.visibility).toBe(1);
  });

  it('what is to the left of the rover is in the left half of the picture', () => {
    const { seen } = look(
      world({
        hazards: [
          { class: 'fire', at: [4, 5.5] },
          { class: 'gas-cylinder', at: [4, 2.5] },
        ],
      }),
    );
    const middle = (index: number): number => ((seen[index]?.box[0] ?? 0) + (seen[index]?.box[2] ?? 0)) / 2;
    expect(seen.map((hazard) => hazard.class)).toEqual(['fire', 'gas-cylinder']);
    expect(middle(0)).toBeLessThan(W / 2);
    expect(middle(1)).toBeGreaterThan(W / 2);
  });

  it('hides what stands behind a wall, and counts what a box covers', () => {
    const hazards: WorldSectionInput['hazards'] = [{ class: 'chemical-drum', at: [5, 4] }];
    expect(
      look(
        world({
          hazards,
          walls: [
            {
              path: [
                [3, 2],
                [3, 6],
              ],
            },
          ],
        }),
      ).seen,
    ).toEqual([]);
    const half = look(
      world({
        hazards,
        walls: [
          {
            path: [
              [3, 4],
              [3, 7],
            ],
          },
        ],
      }),
    ).seen;
    expect(half[0]?.visibility).toBeGreaterThan(0.25);
    expect(half[0]?.visibility).toBeLessThan(0.75);
  });

  it.each<[HazardClass, (rgb: readonly [number, number, number]) => boolean]>([
    ['gas-cylinder', ([r, g, b]) => r > 1.6 * g && r > 1.6 * b],
    ['chemical-drum', ([r, , b]) => b > 1.3 * r],
    ['fire', ([r, , b]) => r > 1.5 * b && r > 120],
    ['radioactive-crate', ([r, g, b]) => r > 1.3 * b && g > 1.15 * b],
    ['fuel-can', ([r, g, b]) => g > r && g > 1.4 * b],
  ])('%s has its colour', (hazard, holds) => {
    const { frame, seen } = look(world({ hazards: [{ class: hazard, at: [3, 4], yawDeg: 20 }] }));
    const [left, top, right, bottom] = seen[0]?.box ?? [0, 0, 0, 0];
    const inset = (low: number, high: number): [number, number] => [
      Math.round(low + 0.3 * (high - low)),
      Math.round(high - 0.3 * (high - low)),
    ];
    const [l, r] = inset(left, right);
    const [t, b] = inset(top, bottom);
    const color = meanColor(frame, [l, t, r, b]);
    expect(holds(color), `mean colour ${color.map(Math.round).join(' ')}`).toBe(true);
  });

  it('a survivor wears lime or pink: some pixels no wall has', () => {
    const { frame, seen } = look(world({ hazards: [{ class: 'survivor', at: [3, 4], yawDeg: 180 }] }));
    const [left, top, right, bottom] = seen[0]?.box ?? [0, 0, 0, 0];
    let bright = 0;
    for (let y = top; y < bottom; y += 1)
      for (let x = left; x < right; x += 1) {
        const [r, g, b] = [0, 1, 2].map((c) => frame[(y * W + x) * 3 + c] as number) as [number, number, number];
        if ((g > 150 && b < 90) || (r > 170 && g < 90 && b > 90)) bright += 1;
      }
    expect(bright).toBeGreaterThan(100);
  });

  it('darkness, fog and noise change the picture as they say', () => {
    const site = world({});
    const view = cameraView(FROM, LEVEL, INTRINSICS, W, H);
    const stats = (appearance: typeof CLEAR): { mean: number; roughness: number } => {
      const frame = new CameraRenderer(site, appearance).render(view, new SeededRandom(2));
      let sum = 0;
      let rough = 0;
      for (let k = 3; k < frame.length; k += 1) {
        sum += frame[k] as number;
        rough += Math.abs((frame[k] as number) - (frame[k - 3] as number));
      }
      return { mean: sum / frame.length, roughness: rough / frame.length };
    };
    const clear = stats(CLEAR);
    expect(stats({ ...CLEAR, ambient: 0.2, key: 0.05, headlamp: 0.1 }).mean).toBeLessThan(clear.mean * 0.6);
    expect(stats({ ...CLEAR, noise: 8 }).roughness).toBeGreaterThan(clear.roughness + 3);
    expect(stats({ ...CLEAR, blurPx: 2 }).roughness).toBeLessThan(clear.roughness);
    expect(stats({ ...CLEAR, fogPerM: 2, fogColor: [10, 10, 10] }).mean).toBeLessThan(clear.mean * 0.6);
  });

  it('gives equal frames for equal seeds', () => {
    const site = world({ hazards: [{ class: 'survivor', at: [3, 4] }] });
    const frame = (): Uint8Array => new CameraRenderer(site).render(cameraView(FROM, LEVEL, INTRINSICS, W, H), new SeededRandom(9));
    expect(frame()).toEqual(frame());
  });
});

describe('meshes', () => {
  /** The farthest that a mesh reaches beyond a footprint and height [m]. */
  const excess = (mesh: ReturnType<typeof hazardMesh>, radiusM: number, heightM: number): number => {
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < mesh.positions.length; k += 3) {
      const [x, y, z] = [mesh.positions[k] as number, mesh.positions[k + 1] as number, mesh.positions[k + 2] as number];
      most = Math.max(most, Math.hypot(x, y) - radiusM, z - heightM, -z);
    }
    return most;
  };
  const variants = Array.from({ length: 12 }, (_, variant) => variant);
  const palette = (): Palette => new Palette(new SeededRandom(1));

  it.each(HAZARD_CLASSES)('%s stays within the footprint that the lidar meets', (hazard) => {
    const { radiusM, heightM } = HAZARD_SIZES[hazard];
    for (const variant of variants) expect(excess(hazardMesh(hazard, variant, palette()), radiusM, heightM)).toBeLessThan(0.035);
  });

  it.each(PROP_KINDS)('%s stays within its footprint', (kind) => {
    const { radiusM, heightM } = PROP_SIZES[kind];
    for (const variant of variants) expect(excess(propMesh(kind, variant, palette()), radiusM, heightM)).toBeLessThan(0.035);
  });
});
