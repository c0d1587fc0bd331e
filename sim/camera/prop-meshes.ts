// Harmless things, other rovers and people on the move: what a detector must not take for a hazard.
import { SeededRandom } from '../random/seeded-random.ts';
import { PROP_SIZES, type PropKind } from '../world/hazards.ts';
import { type Mesh, MeshBuilder } from './mesh.ts';
import { oneOf, type Palette, SKIN } from './object-palette.ts';

type Build = (builder: MeshBuilder, palette: Palette, random: SeededRandom) => void;

export function propMesh(kind: PropKind, variant: number, palette: Palette): Mesh {
  const builder = new MeshBuilder();
  BUILDERS[kind](builder, palette, new SeededRandom(`${kind}:${variant}`));
  return builder.build();
}

const BUILDERS: Readonly<Record<PropKind, Build>> = {
  'traffic-cone': (builder, palette) => {
    const orange = palette.painted(() => (_, v) => (v > 0.4 && v < 0.62 ? [232, 232, 228] : [226, 92, 26]), 0.5);
    builder.box([0, 0, 0.02], [0.23, 0.23, 0.04], palette.plain([44, 42, 42], 0.1));
    builder.lathe(
      0,
      0,
      [
        [0.1, 0.04],
        [0.022, 0.49],
        [0.001, 0.5],
      ],
      orange,
      14,
    );
  },
  'waste-bin': (builder, palette, random) => {
    const { radiusM: r, heightM: h } = PROP_SIZES['waste-bin'];
    const color = palette.plain(
      oneOf(random, [
        [88, 92, 96],
        [52, 84, 62],
        [74, 98, 132],
      ]),
      0.06,
    );
    builder.box([0, 0, h * 0.46], [r * 1.2, r * 1.2, h * 0.92], color);
    builder.box([0, 0, h * 0.96], [r * 1.32, r * 1.32, h * 0.08], palette.plain([48, 50, 52], 0.05));
  },
  plant: (builder, palette, random) => {
    const { radiusM: r, heightM: h } = PROP_SIZES.plant;
    builder.lathe(
      0,
      0,
      [
        [0.1, 0],
        [0.15, 0.3],
        [0.13, 0.3],
        [0.001, 0.28],
      ],
      palette.plain(
        oneOf(random, [
          [142, 84, 60],
          [190, 186, 180],
        ]),
        0.08,
      ),
      14,
    );
    const leaf = palette.plain(
      oneOf(random, [
        [58, 96, 44],
        [72, 108, 56],
      ]),
      0.35,
    );
    for (let k = 0; k < 9; k += 1) {
      const angle = k * 2.4;
      const lean = 0.05 + 0.13 * random.next();
      builder.rod(
        [0, 0, 0.28],
        [Math.cos(angle) * (lean + r * 0.2), Math.sin(angle) * (lean + r * 0.2), h * (0.55 + 0.4 * random.next())],
        0.02,
        0.045,
        leaf,
        5,
      );
    }
  },
  extinguisher: (builder, palette) => {
    const red = palette.plain([186, 30, 30], 0.06);
    const black = palette.plain([30, 30, 32], 0.05);
    builder.lathe(
      0,
      0,
      [
        [0.076, 0],
        [0.08, 0.01],
        [0.08, 0.33],
        [0.05, 0.39],
        [0.02, 0.41],
      ],
      red,
      16,
    );
    builder.box([0, 0, 0.44], [0.035, 0.035, 0.06], black);
    builder.box([0.03, 0, 0.47], [0.11, 0.025, 0.02], black);
    builder.rod([0.02, 0.02, 0.44], [0.07, 0.04, 0.2], 0.012, 0.012, black, 6);
  },
  'water-cooler': (builder, palette) => {
    builder.box([0, 0, 0.42], [0.3, 0.3, 0.84], palette.plain([214, 214, 212], 0.03));
    builder.lathe(
      0,
      0,
      [
        [0.05, 0.84],
        [0.13, 0.9],
        [0.13, 1.14],
        [0.1, 1.19],
        [0.001, 1.2],
      ],
      palette.plain([132, 166, 190], 0.05),
      16,
    );
  },
  chair: (builder, palette, random) => {
    const cloth = palette.plain(
      oneOf(random, [
        [62, 64, 70],
        [110, 52, 48],
        [56, 78, 110],
      ]),
      0.1,
    );
    const leg = palette.plain([70, 70, 72], 0.06);
    builder.box([0, 0, 0.45], [0.4, 0.4, 0.06], cloth);
    builder.box([-0.18, 0, 0.7], [0.05, 0.38, 0.38], cloth);
    for (const x of [-0.17, 0.17]) for (const y of [-0.17, 0.17]) builder.rod([x, y, 0], [x, y, 0.43], 0.015, 0.015, leg, 5);
  },
  'barrel-wood': (builder, palette) => {
    const { radiusM: r, heightM: h } = PROP_SIZES['barrel-wood'];
    const staves = palette.painted(
      () => (u, v) => {
        const hoop = Math.abs(v - 0.2) < 0.035 || Math.abs(v - 0.8) < 0.035;
        const stave = Math.abs(((u * 14) % 1) - 0.5) > 0.45 ? 0.6 : 0.9 + 0.16 * Math.sin(u * 90);
        return hoop ? [78, 76, 72] : [142 * stave, 98 * stave, 60 * stave];
      },
      0.9,
    );
    builder.lathe(
      0,
      0,
      [
        [r * 0.84, 0],
        [r, h * 0.5],
        [r * 0.84, h],
        [r * 0.78, h - 0.02],
        [0.001, h - 0.02],
      ],
      staves,
      20,
    );
  },
  bucket: (builder, palette, random) => {
    const color = palette.plain(
      oneOf(random, [
        [170, 172, 172],
        [196, 64, 52],
        [58, 92, 150],
        [206, 176, 62],
      ]),
      0.05,
    );
    builder.lathe(
      0,
      0,
      [
        [0.11, 0],
        [0.155, 0.3],
        [0.16, 0.32],
        [0.15, 0.32],
        [0.1, 0.04],
        [0.001, 0.04],
      ],
      color,
      16,
    );
  },
};

/** A small four-wheel rover with a lidar on top. */
export function roverMesh(palette: Palette): Mesh {
  const builder = new MeshBuilder();
  const dark = palette.plain([44, 46, 50], 0.08);
  const plate = palette.plain([232, 234, 236], 0.04);
  const board = palette.plain([42, 92, 66], 0.15);
  const rubber = palette.plain([26, 26, 28], 0.1);
  const hub = palette.plain([206, 196, 90], 0.05);
  builder.box([0, 0, 0.08], [0.26, 0.14, 0.05], dark, plate);
  builder.box([-0.02, 0, 0.125], [0.12, 0.1, 0.03], board);
  builder.box([0.11, 0, 0.14], [0.03, 0.08, 0.07], plate);
  for (const x of [-0.08, 0.08]) {
    for (const side of [-1, 1]) {
      builder.rod([x, side * 0.085, 0.033], [x, side * 0.115, 0.033], 0.033, 0.033, rubber, 12);
      builder.rod([x, side * 0.116, 0.033], [x, side * 0.124, 0.033], 0.016, 0.014, hub, 8);
    }
  }
  builder.rod([0, 0, 0.14], [0, 0, 0.19], 0.016, 0.016, dark, 6);
  builder.lathe(
    0,
    0,
    [
      [0.042, 0.19],
      [0.045, 0.2],
      [0.045, 0.235],
      [0.038, 0.25],
      [0.001, 0.25],
    ],
    dark,
    16,
  );
  return builder.build();
}

/** A person walking, in plain clothes. */
export function walkerMesh(palette: Palette, variant: number): Mesh {
  const random = new SeededRandom(`walker:${variant}`);
  const builder = new MeshBuilder();
  const coat = palette.plain(
    oneOf(random, [
      [70, 76, 90],
      [112, 104, 92],
      [86, 60, 58],
    ]),
    0.12,
  );
  const trousers = palette.plain(
    oneOf(random, [
      [44, 48, 60],
      [76, 70, 62],
    ]),
    0.12,
  );
  const skin = palette.plain(oneOf(random, SKIN, 6), 0.05);
  const shoe = palette.plain([36, 32, 30], 0.1);
  for (const side of [-1, 1]) {
    builder.rod([side * 0.08, side * 0.08, 0.08], [0, side * 0.08, 0.82], 0.05, 0.075, trousers);
    builder.ellipsoid([side * 0.08 + 0.04, side * 0.08, 0.04], [0.11, 0.045, 0.045], shoe, 8);
    builder.rod([0, side * 0.19, 1.36], [-side * 0.1, side * 0.22, 0.85], 0.05, 0.04, coat);
    builder.ellipsoid([-side * 0.11, side * 0.22, 0.79], [0.04, 0.03, 0.05], skin, 8);
  }
  builder.ellipsoid([0, 0, 1.12], [0.13, 0.2, 0.36], coat, 14);
  builder.ellipsoid([0, 0, 1.58], [0.1, 0.085, 0.13], skin, 12);
  builder.ellipsoid([-0.015, 0, 1.62], [0.104, 0.09, 0.1], palette.plain([52, 42, 36], 0.2), 12);
  return builder.build();
}
