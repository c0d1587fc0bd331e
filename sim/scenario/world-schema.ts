// The `world:` section of a mission file: what stands in the simulated site. Metres and degrees; origin lower left.
import { z } from 'zod';
import { idSchema } from '../../shared/protocol/message.ts';
import { HAZARD_CLASSES, PROP_KINDS } from '../world/hazards.ts';
import { FLOORS, MATERIALS } from '../world/materials.ts';

const coordinate = z.number().min(0).max(500);
const point = z.tuple([coordinate, coordinate]);
/** Nothing lower: the lidar looks over lower things, and the rover would run into them. */
const heightM = z.number().min(0.3).max(20);
const material = z.enum(MATERIALS);
const yawDeg = z.number().min(-360).max(360).default(0);

export const LAYOUTS = ['office', 'warehouse', 'rubble', 'corridor-loop', 'open-field'] as const;

const wallSchema = z.strictObject({
  path: z.array(point).min(2).max(200).describe('Corners of a run of walls; doors are gaps between runs.'),
  thicknessM: z.number().min(0.05).max(2).default(0.12),
  heightM: heightM.default(2.5),
  material: material.default('plaster'),
});

const obstructionSchema = z.discriminatedUnion('shape', [
  z.strictObject({
    shape: z.literal('box'),
    at: point.describe('Centre.'),
    sizeM: z.tuple([z.number().min(0.05).max(100), z.number().min(0.05).max(100)]),
    yawDeg,
    heightM: heightM.default(1),
    material: material.default('wood'),
  }),
  z.strictObject({
    shape: z.literal('cylinder'),
    at: point,
    radiusM: z.number().min(0.03).max(20),
    heightM: heightM.default(2.5),
    material: material.default('concrete'),
  }),
  z.strictObject({
    shape: z.literal('polygon'),
    vertices: z.array(point).min(3).max(200).describe('Counter-clockwise or clockwise, not crossing itself.'),
    heightM: heightM.default(0.8),
    material: material.default('rubble'),
  }),
]);

const hazardSchema = z.strictObject({
  class: z.enum(HAZARD_CLASSES),
  at: point.optional().describe('Fixed place; without it the seed chooses one.'),
  yawDeg: z.number().min(-360).max(360).optional(),
});

const propSchema = z.strictObject({ kind: z.enum(PROP_KINDS), at: point.optional().describe('Without it the seed chooses.'), yawDeg });

const moverSchema = z.strictObject({
  id: idSchema,
  way: z.array(point).min(2).max(100).describe('A closed way; walls do not stop a mover.'),
  speedMPerSec: z.number().min(0.01).max(3).default(0.6),
  radiusM: z.number().min(0.05).max(2).default(0.25),
  heightM: heightM.default(1.7),
});

export const worldSchema = z
  .strictObject({
    name: z.string().min(1).max(80).default('site'),
    sizeM: z.tuple([z.number().min(2).max(500), z.number().min(2).max(500)]).describe('Width (x) and depth (y) of the site [m].'),
    floor: z.enum(FLOORS).default('concrete-floor'),
    ceilingM: z.number().min(0).max(50).default(2.8).describe('Height of the rooms [m]; 0: open sky.'),
    appearance: z
      .strictObject({
        ambient: z.number().min(0).max(2).optional().describe('Evenly distributed light; 1 is bright.'),
        key: z.number().min(0).max(2).optional().describe('Light from one side.'),
        headlamp: z.number().min(0).max(4).optional().describe('The rovers’ own lamps at 1 m.'),
        fogPerM: z.number().min(0).max(2).optional().describe('Share of light lost per metre of smoke or fog.'),
        exposure: z.number().min(0.1).max(4).optional(),
        noise: z.number().min(0).max(60).optional().describe('Standard deviation of the cameras’ noise [grey levels].'),
        blurPx: z.number().min(0).max(8).optional(),
      })
      .prefault({}),
    outerWalls: z
      .strictObject({
        thicknessM: z.number().min(0.05).max(2).default(0.2),
        heightM: heightM.default(2.8),
        material: material.default('concrete'),
      })
      .nullable()
      .prefault({}),
    layout: z.enum(LAYOUTS).optional().describe('Adds walls, obstructions and starts made from the seed.'),
    layoutSeed: z.number().int().optional().describe('Keeps the layout while the run seed changes everything else.'),
    walls: z.array(wallSchema).max(1000).default([]),
    obstructions: z.array(obstructionSchema).max(5000).default([]),
    hazards: z.array(hazardSchema).max(200).default([]),
    hazardSpacingM: z.number().min(0).max(50).default(2.5).describe('Least distance between hazards that the seed places [m].'),
    props: z.array(propSchema).max(500).default([]),
    starts: z
      .array(z.strictObject({ at: point, yawDeg }))
      .max(200)
      .default([]),
    movers: z.array(moverSchema).max(50).default([]),
    walkers: z.number().int().min(0).max(50).default(0).describe('People who walk to and fro; the seed chooses where.'),
  })
  .superRefine((world, context) => {
    const [width, depth] = world.sizeM;
    const check = (at: readonly [number, number] | undefined, path: (string | number)[]): void => {
      if (at !== undefined && (at[0] > width || at[1] > depth))
        context.addIssue({ code: 'custom', path, message: `lies outside the site of ${width} m × ${depth} m` });
    };
    for (const [index, { at }] of world.starts.entries()) check(at, ['starts', index, 'at']);
    for (const [index, { at }] of world.hazards.entries()) check(at, ['hazards', index, 'at']);
    for (const [index, { at }] of world.props.entries()) check(at, ['props', index, 'at']);
    for (const [index, { path }] of world.walls.entries())
      for (const [corner, at] of path.entries()) check(at, ['walls', index, 'path', corner]);
    for (const [index, item] of world.obstructions.entries()) if (item.shape !== 'polygon') check(item.at, ['obstructions', index, 'at']);
    if (world.layout === undefined && world.starts.length === 0)
      context.addIssue({ code: 'custom', path: ['starts'], message: 'at least one start is needed where no layout makes them' });
  });

/** A checked `world:` section. */
export type WorldSection = z.infer<typeof worldSchema>;
/** A `world:` section as it is written, with defaults left out. */
export type WorldSectionInput = z.input<typeof worldSchema>;
export type LayoutName = (typeof LAYOUTS)[number];
