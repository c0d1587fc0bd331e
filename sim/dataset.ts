// Makes training data for a detector: frames of random sites under random light, with the boxes of all hazards in them.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { Random } from '../shared/ports/random.ts';
import { annotateView, type HazardAnnotation } from './camera/annotate.ts';
import { randomAppearance } from './camera/appearance.ts';
import { CameraRenderer, type MovingBodies } from './camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from './camera/camera-view.ts';
import { pick, SeededRandom, uniform } from './random/seeded-random.ts';
import { resolveSite } from './scenario/resolve-site.ts';
import { LAYOUTS, type WorldSectionInput, worldSchema } from './scenario/world-schema.ts';
import { DEFAULT_VEHICLE } from './vehicle/vehicle-spec.ts';
import { HAZARD_CLASSES, type HazardClass, PROP_KINDS } from './world/hazards.ts';
import { FLOORS } from './world/materials.ts';
import { type SiteDefinition, World } from './world/world.ts';

export interface DatasetOptions {
  /** Folder to write into; made when missing. */
  readonly outDir: string;
  readonly frames: number;
  /** Equal seeds give equal data sets; evaluation needs another seed than training. */
  readonly seed: number;
  readonly width?: number;
  readonly height?: number;
  readonly horizontalFovDeg?: number;
  /** Frames taken in one site before the next is made. */
  readonly framesPerSite?: number;
  /** Hazards that show less of themselves, or fewer pixels, are left out of the labels. */
  readonly minVisibility?: number;
  readonly minPixels?: number;
  readonly log?: (line: string) => void;
}

export interface DatasetSummary {
  readonly frames: number;
  readonly boxes: Readonly<Record<HazardClass, number>>;
  readonly emptyFrames: number;
}

/** One frame of a data set. */
export interface LabelledFrame {
  readonly width: number;
  readonly height: number;
  /** rgb8 */
  readonly data: Uint8Array;
  readonly hazards: readonly HazardAnnotation[];
}

/**
 * Writes `images/NNNNNN.png`, `labels/NNNNNN.txt` (one line per box: class number, then centre and size as fractions of the
 * picture) and `dataset.json` (classes, options, per frame the boxes in pixels with visibility and distance).
 */
export async function generateDataset(options: DatasetOptions): Promise<DatasetSummary> {
  await mkdir(join(options.outDir, 'images'), { recursive: true });
  await mkdir(join(options.outDir, 'labels'), { recursive: true });
  const boxes = Object.fromEntries(HAZARD_CLASSES.map((name) => [name, 0])) as Record<HazardClass, number>;
  const index: unknown[] = [];
  let emptyFrames = 0;
  let number = 0;
  for (const frame of datasetFrames(options)) {
    const name = String(number).padStart(6, '0');
    const lines = frame.hazards.map(({ class: hazard, box: [left, top, right, bottom] }) => {
      boxes[hazard] += 1;
      const fractions = [
        (left + right) / 2 / frame.width,
        (top + bottom) / 2 / frame.height,
        (right - left) / frame.width,
        (bottom - top) / frame.height,
      ];
      return [HAZARD_CLASSES.indexOf(hazard), ...fractions.map((value) => value.toFixed(6))].join(' ');
    });
    if (lines.length === 0) emptyFrames += 1;
    await writeFile(join(options.outDir, 'images', `${name}.png`), encodePng(frame));
    await writeFile(join(options.outDir, 'labels', `${name}.txt`), lines.map((line) => `${line}\n`).join(''));
    index.push({ image: `images/${name}.png`, objects: frame.hazards });
    number += 1;
    if (number % 500 === 0) options.log?.(`${number} of ${options.frames} frames`);
  }
  const { frames, seed, width, height, horizontalFovDeg, framesPerSite, minVisibility, minPixels } = options;
  const parameters = { frames, seed, width, height, horizontalFovDeg, framesPerSite, minVisibility, minPixels };
  const description = { format: 'outrider-dataset/1', classes: HAZARD_CLASSES, parameters, frames: index };
  await writeFile(join(options.outDir, 'dataset.json'), `${JSON.stringify(description)}\n`);
  return { frames: number, boxes, emptyFrames };
}

/** The frames themselves, one by one, for those who need no files. */
export function* datasetFrames(options: DatasetOptions): Generator<LabelledFrame> {
  const {
    frames,
    seed,
    width = 320,
    height = 240,
    horizontalFovDeg = 90,
    framesPerSite = 12,
    minVisibility = 0.2,
    minPixels = 24,
  } = options;
  const random = new SeededRandom(seed).fork('dataset');
  const intrinsics = intrinsicsOf(width, height, horizontalFovDeg);
  for (let number = 0, site = 0; number < frames; site += 1) {
    const own = random.fork(`site:${site}`);
    const definition = randomSite(own);
    const world = new World(definition);
    const renderer = new CameraRenderer(world, randomAppearance(own.fork('appearance')));
    const shots = own.fork('shots');
    for (let shot = 0; shot < framesPerSite && number < frames; shot += 1, number += 1) {
      const pose = randomPose(world, shots);
      const mount = { xM: 0.1, yM: 0, zM: uniform(shots, 0.2, 0.32), pitchDownRad: uniform(shots, -0.04, 0.14) };
      const view = cameraView(pose, mount, intrinsics, width, height);
      const bodies = randomBodies(world, pose, shots);
      const data = renderer.render(view, shots, bodies);
      const hazards = annotateView(renderer, view, bodies).filter(
        (hazard) => hazard.visibility >= minVisibility && hazard.pixels >= minPixels,
      );
      yield { width, height, data, hazards };
    }
  }
}

/** A small site full of hazards and of things that are none. */
function randomSite(random: Random): SiteDefinition {
  const section: WorldSectionInput = {
    sizeM: [uniform(random, 12, 20), uniform(random, 10, 15)],
    layout: pick(random, LAYOUTS),
    floor: pick(random, FLOORS),
    ceilingM: random.next() < 0.2 ? 0 : uniform(random, 2.4, 4),
    hazardSpacingM: 0.9,
  };
  for (let wanted = 10; ; wanted -= 1) {
    const hazards = Array.from({ length: wanted }, (_, k) => ({ class: HAZARD_CLASSES[k % HAZARD_CLASSES.length] as HazardClass }));
    const props = Array.from({ length: wanted }, () => ({ kind: pick(random, PROP_KINDS), yawDeg: uniform(random, 0, 360) }));
    try {
      return resolveSite(worldSchema.parse({ ...section, hazards, props }), {
        random: random.fork(`try:${wanted}`),
        rovers: 1,
        roverRadiusM: DEFAULT_VEHICLE.radiusM,
      });
    } catch (error) {
      if (wanted <= 1) throw error; // fewer things fit into a narrow site
    }
  }
}

/** Four of five shots look towards a hazard from 0.7 to 7 m, the others anywhere. */
function randomPose(world: World, random: Random): Pose2 {
  const { widthM, depthM, hazards } = world.site;
  for (;;) {
    if (random.next() < 0.8 && hazards.length > 0) {
      const hazard = pick(random, hazards);
      const angle = uniform(random, -Math.PI, Math.PI);
      const away = 0.7 + 6.3 * random.next() ** 1.5;
      const x = hazard.x + away * Math.cos(angle);
      const y = hazard.y + away * Math.sin(angle);
      if (world.isClear(x, y, 0.2)) return { x, y, theta: angle + Math.PI + uniform(random, -0.7, 0.7) };
    } else {
      const x = uniform(random, 0, widthM);
      const y = uniform(random, 0, depthM);
      if (world.isClear(x, y, 0.2)) return { x, y, theta: uniform(random, -Math.PI, Math.PI) };
    }
  }
}

/** Now and then another rover or a walker in view. */
function randomBodies(world: World, pose: Pose2, random: Random): MovingBodies {
  const place = (): { x: number; y: number; theta: number; headingRad: number } => {
    const bearing = pose.theta + uniform(random, -0.7, 0.7);
    const away = uniform(random, 0.6, 5);
    const turn = uniform(random, -Math.PI, Math.PI);
    return { x: pose.x + away * Math.cos(bearing), y: pose.y + away * Math.sin(bearing), theta: turn, headingRad: turn };
  };
  const rover = place();
  const walker = place();
  return {
    rovers: random.next() < 0.35 && world.isClear(rover.x, rover.y, 0.18) ? [rover] : [],
    movers: random.next() < 0.2 && world.isClear(walker.x, walker.y, 0.3) ? [walker] : [],
  };
}

function encodePng(frame: LabelledFrame): Buffer {
  const png = new PNG({ width: frame.width, height: frame.height, colorType: 2, inputColorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(frame.data.buffer, frame.data.byteOffset, frame.data.byteLength);
  return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false, deflateLevel: 4 });
}
