// Light on the floor plan: corners are darker, lamps make pools, fires glow as far as they are seen.
import type { World } from '../world/world.ts';

export interface LightMap {
  readonly cellM: number;
  readonly columns: number;
  readonly rows: number;
  /** Factor on the floor's light, 0 to about 1. */
  readonly floor: Float32Array;
  /** Extra warm light near fires, 0 to about 1. */
  readonly glow: Float32Array;
}

const LARGE_SITE_M2 = 1500;
const SHADE_REACH_M = 0.5;
const GLOW_REACH_M = 4;
const LAMP_SPACING_M = 3.5;

export function makeLightMap(world: World): LightMap {
  const { widthM, depthM, ceilingM, hazards } = world.site;
  const cellM = widthM * depthM > LARGE_SITE_M2 ? 0.25 : 0.1;
  const columns = Math.ceil(widthM / cellM) + 1;
  const rows = Math.ceil(depthM / cellM) + 1;
  const floor = new Float32Array(columns * rows);
  const glow = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x = column * cellM;
      const y = row * cellM;
      const open = Math.min(1, world.clearance(x, y, SHADE_REACH_M) / SHADE_REACH_M);
      const lamp =
        ceilingM === 0 ? 1 : 0.93 + 0.07 * Math.cos((2 * Math.PI * x) / LAMP_SPACING_M) * Math.cos((2 * Math.PI * y) / LAMP_SPACING_M);
      floor[row * columns + column] = (0.55 + 0.45 * Math.sqrt(open)) * lamp;
    }
  }
  for (const fire of hazards) {
    if (fire.class !== 'fire') continue;
    const reach = Math.ceil(GLOW_REACH_M / cellM);
    const atColumn = Math.round(fire.x / cellM);
    const atRow = Math.round(fire.y / cellM);
    for (let row = Math.max(0, atRow - reach); row <= Math.min(rows - 1, atRow + reach); row += 1) {
      for (let column = Math.max(0, atColumn - reach); column <= Math.min(columns - 1, atColumn + reach); column += 1) {
        const dx = fire.x - column * cellM;
        const dy = fire.y - row * cellM;
        const away = Math.hypot(dx, dy);
        if (away > GLOW_REACH_M || (away > fire.radiusM && !isLit(world, fire.x, fire.y, dx / away, dy / away, away))) continue;
        const strength = (1 / (1 + (away / 0.9) ** 2) - 1 / (1 + (GLOW_REACH_M / 0.9) ** 2)) * 0.8;
        glow[row * columns + column] = (glow[row * columns + column] as number) + strength;
      }
    }
  }
  return { cellM, columns, rows, floor, glow };
}

/** Whether a ray from the fire gets (nearly) to a place `away` metres from it; walls themselves are lit. */
function isLit(world: World, x: number, y: number, dx: number, dy: number, away: number): boolean {
  const from = HAZARD_CLEAR_M;
  const hit = world.index.cast(x - dx * from, y - dy * from, -dx, -dy, away);
  return hit >= away - from - 0.15;
}

/** Just outside a fire's own footprint. */
const HAZARD_CLEAR_M = 0.31;
