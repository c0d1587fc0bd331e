// What hazards look like. Each mesh stays within the footprint and height that the lidar and the wheels meet.
import { SeededRandom, uniform } from '../random/seeded-random.ts';
import { HAZARD_SIZES, type HazardClass } from '../world/hazards.ts';
import { type Mesh, MeshBuilder, type ProfilePoint } from './mesh.ts';
import { canPaint, cylinderPaint, drumPaint, flamePaint, oneOf, type Palette, SKIN, trefoilPaint, vestPaint } from './object-palette.ts';

/** Builds the mesh of a hazard; `variant` picks colours and details. */
export function hazardMesh(hazard: HazardClass, variant: number, palette: Palette): Mesh {
  const random = new SeededRandom(`${hazard}:${variant}`);
  const builder = new MeshBuilder();
  BUILDERS[hazard](builder, palette, random);
  return builder.build();
}

type Build = (builder: MeshBuilder, palette: Palette, random: SeededRandom) => void;

const BUILDERS: Readonly<Record<HazardClass, Build>> = {
  'gas-cylinder': (builder, palette, random) => {
    const { radiusM: r, heightM: h } = HAZARD_SIZES['gas-cylinder'];
    const body = palette.painted(
      cylinderPaint(
        oneOf(random, [
          [204, 34, 28],
          [214, 74, 20],
        ]),
      ),
      1.2,
    );
    const shoulder = h - 0.2;
    const dome: ProfilePoint[] = [0.25, 0.5, 0.75, 0.92].map((t) => [
      r * Math.cos((t * Math.PI) / 2) + 0.02,
      shoulder + 0.1 * Math.sin((t * Math.PI) / 2),
    ]);
    builder.lathe(0, 0, [[r * 0.96, 0], [r, 0.02], [r, shoulder], ...dome], body);
    const brass = palette.plain([186, 150, 74], 0.1);
    const grey = palette.plain([70, 72, 74], 0.08);
    builder.lathe(
      0,
      0,
      [
        [0.035, shoulder + 0.08],
        [0.035, shoulder + 0.12],
        [0.02, shoulder + 0.125],
        [0.02, h - 0.03],
      ],
      brass,
      10,
    );
    builder.rod([0, 0, h - 0.055], [0.075, 0, h - 0.055], 0.014, 0.014, brass, 6);
    builder.lathe(
      0,
      0,
      [
        [0.012, h - 0.03],
        [0.05, h - 0.028],
        [0.055, h - 0.015],
        [0.05, h - 0.003],
        [0.001, h - 0.002],
      ],
      grey,
      10,
    );
  },
  'chemical-drum': (builder, palette, random) => {
    const { radiusM: r, heightM: h } = HAZARD_SIZES['chemical-drum'];
    const paint = palette.painted(
      drumPaint(
        oneOf(random, [
          [22, 74, 172],
          [18, 92, 188],
        ]),
      ),
      0.9,
    );
    const rib = (z: number): ProfilePoint[] => [
      [r - 0.014, z - 0.025],
      [r, z],
      [r - 0.014, z + 0.025],
    ];
    builder.lathe(
      0,
      0,
      [
        [r - 0.004, 0],
        [r, 0.012],
        [r - 0.014, 0.03],
        ...rib(h * 0.33),
        ...rib(h * 0.67),
        [r - 0.014, h - 0.03],
        [r, h - 0.012],
        [r - 0.006, h],
      ],
      paint,
      24,
    );
    const lid = palette.plain([30, 68, 138], 0.1);
    builder.lathe(
      0,
      0,
      [
        [r - 0.006, h],
        [r - 0.02, h - 0.012],
        [0.001, h - 0.012],
      ],
      lid,
      24,
    );
    builder.lathe(
      r * 0.5,
      0,
      [
        [0.035, h - 0.012],
        [0.035, h - 0.001],
        [0.001, h - 0.001],
      ],
      palette.plain([190, 190, 186], 0.05),
      8,
    );
  },
  fire: (builder, palette, random) => {
    const { radiusM: r, heightM: h } = HAZARD_SIZES.fire;
    const flame = palette.painted(flamePaint(), 0.8, true);
    const char = palette.plain([46, 36, 30], 0.3);
    for (let k = 0; k < 5; k += 1) {
      const angle = (2 * Math.PI * k) / 5 + uniform(random, -0.3, 0.3);
      const reach = r * 0.86;
      builder.rod(
        [-Math.cos(angle) * reach, -Math.sin(angle) * reach, 0.05],
        [Math.cos(angle) * reach * 0.5, Math.sin(angle) * reach * 0.5, 0.16],
        0.035,
        0.03,
        char,
        6,
      );
    }
    const tongue = (x: number, y: number, width: number, height: number): void => {
      const sway = uniform(random, -0.03, 0.03);
      const profile: ProfilePoint[] = [
        [width * 0.55, 0.02],
        [width * 0.95, height * 0.18],
        [width, height * 0.32],
        [width * 0.72, height * 0.56],
        [width * 0.34, height * 0.8],
        [0.004, height],
      ];
      builder.lathe(x + sway, y, profile, flame, 9);
    };
    tongue(0, 0, r * 0.52, h);
    for (let k = 0; k < 7; k += 1) {
      const angle = (2 * Math.PI * k) / 7 + uniform(random, -0.25, 0.25);
      const away = r * uniform(random, 0.4, 0.68);
      tongue(Math.cos(angle) * away, Math.sin(angle) * away, r * uniform(random, 0.2, 0.3), h * uniform(random, 0.42, 0.8));
    }
  },
  survivor: (builder, palette, random) => {
    const vest = palette.painted(
      vestPaint(
        oneOf(random, [
          [186, 232, 28],
          [200, 238, 40],
          [238, 44, 130],
        ]),
      ),
      0.5,
    );
    const skin = palette.plain(oneOf(random, SKIN, 6), 0.05);
    const hair = palette.plain(
      oneOf(
        random,
        [
          [40, 30, 24],
          [92, 62, 36],
          [150, 146, 140],
        ],
        6,
      ),
      0.2,
    );
    const trousers = palette.plain(
      oneOf(
        random,
        [
          [38, 46, 72],
          [58, 56, 54],
          [74, 66, 52],
        ],
        6,
      ),
      0.12,
    );
    const shoes = palette.plain([34, 30, 28], 0.1);
    const sleeve = palette.plain(
      oneOf(
        random,
        [
          [60, 70, 96],
          [96, 92, 88],
        ],
        8,
      ),
      0.12,
    );
    // Seated on the floor, knees drawn up, facing forwards.
    builder.ellipsoid([-0.12, 0, 0.15], [0.15, 0.18, 0.15], trousers);
    builder.ellipsoid([-0.13, 0, 0.4], [0.135, 0.2, 0.29], vest, 14);
    builder.rod([-0.12, 0, 0.64], [-0.11, 0, 0.7], 0.05, 0.05, skin);
    builder.ellipsoid([-0.09, 0, 0.79], [0.095, 0.08, 0.12], skin, 12);
    builder.ellipsoid([-0.112, 0, 0.825], [0.1, 0.086, 0.1], hair, 12);
    for (const side of [-1, 1]) {
      builder.rod([-0.08, side * 0.09, 0.12], [0.13, side * 0.1, 0.4], 0.075, 0.062, trousers);
      builder.rod([0.13, side * 0.1, 0.4], [0.2, side * 0.1, 0.07], 0.06, 0.048, trousers);
      builder.ellipsoid([0.24, side * 0.1, 0.045], [0.1, 0.045, 0.045], shoes, 8);
      builder.rod([-0.12, side * 0.2, 0.58], [-0.02, side * 0.23, 0.4], 0.052, 0.045, sleeve);
      builder.rod([-0.02, side * 0.23, 0.4], [0.17, side * 0.08, 0.4], 0.043, 0.034, sleeve);
      builder.ellipsoid([0.18, side * 0.055, 0.4], [0.035, 0.045, 0.04], skin, 8);
    }
  },
  'fuel-can': (builder, palette, random) => {
    const { heightM: h } = HAZARD_SIZES['fuel-can'];
    const color = oneOf(random, [
      [84, 104, 46],
      [92, 112, 54],
    ]);
    const body = palette.painted(canPaint(color), 0.4);
    const edge = palette.plain([62, 70, 34], 0.08);
    builder.box([0, 0, 0.185], [0.165, 0.33, 0.37], body, edge);
    for (const y of [-0.07, 0, 0.07]) builder.rod([0, y - 0.02, h - 0.045], [0, y + 0.02, h - 0.045], 0.014, 0.014, edge, 6);
    builder.rod([0, -0.1, 0.37], [0, -0.09, h - 0.05], 0.014, 0.014, edge, 6);
    builder.rod([0, 0.09, 0.37], [0, 0.09, h - 0.05], 0.014, 0.014, edge, 6);
    builder.lathe(
      0,
      0.125,
      [
        [0.032, 0.36],
        [0.032, 0.41],
        [0.022, 0.42],
        [0.001, 0.42],
      ],
      palette.plain([196, 168, 40], 0.06),
      10,
    );
  },
  'radioactive-crate': (builder, palette) => {
    const { heightM: h } = HAZARD_SIZES['radioactive-crate'];
    const side = palette.painted(trefoilPaint(), 0.5);
    const metal = palette.plain([92, 92, 90], 0.12);
    builder.box([0, 0, h / 2], [0.46, 0.46, h], side, side);
    for (const x of [-0.23, 0.23]) for (const y of [-0.23, 0.23]) builder.box([x * 0.985, y * 0.985, h / 2], [0.03, 0.03, h], metal);
  },
};
