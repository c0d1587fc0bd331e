// Labelled frames of one site: poses that a rover could have, other bodies in view, the boxes of all hazards that show.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import { annotateView, type HazardAnnotation } from '../camera/annotate.ts';
import type { Appearance } from '../camera/appearance.ts';
import { CameraRenderer, type MovingBodies } from '../camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../camera/camera-view.ts';
import { pick, uniform } from '../random/seeded-random.ts';
import { type Prop, PROP_KINDS, PROP_SIZES } from '../world/hazards.ts';
import { type SiteDefinition, World } from '../world/world.ts';

/** One frame of a data set. */
export interface LabelledFrame {
  readonly width: number;
  readonly height: number;
  /** rgb8 */
  readonly data: Uint8Array;
  /** What a detector has to find. */
  readonly hazards: readonly HazardAnnotation[];
  /** How the camera looked at the scene. */
  readonly camera: { readonly intrinsics: CameraIntrinsics; readonly mount: CameraMount };
  /** Too small or too hidden to ask for: neither finding nor missing them counts. */
  readonly ignored: readonly HazardAnnotation[];
}

export interface ShotOptions {
  readonly width?: number;
  readonly height?: number;
  readonly horizontalFovDeg?: number;
  /** Hazards that show less of themselves, or fewer pixels, are set aside as `ignored`. */
  readonly minVisibility?: number;
  readonly minPixels?: number;
}

/** A site and how it is to look. */
export interface DatasetScene {
  readonly site: SiteDefinition;
  readonly appearance: Appearance;
}

/** Endless shots of one scene; equal streams of randomness give equal shots. */
export function* sceneShots(scene: DatasetScene, random: Random, options: ShotOptions): Generator<LabelledFrame> {
  const { width = 320, height = 240, horizontalFovDeg = 90, minVisibility = 0.25, minPixels = 36 } = options;
  const intrinsics = intrinsicsOf(width, height, horizontalFovDeg);
  const world = new World(scene.site);
  const renderer = new CameraRenderer(world, scene.appearance);
  for (;;) {
    const pose = randomPose(world, random);
    const mount = { xM: 0.1, yM: 0, zM: uniform(random, 0.2, 0.32), pitchDownRad: uniform(random, -0.04, 0.14) };
    const view = cameraView(pose, mount, intrinsics, width, height);
    const bodies = randomBodies(world, pose, random);
    const data = renderer.render(view, random, bodies);
    const hazards: HazardAnnotation[] = [];
    const ignored: HazardAnnotation[] = [];
    for (const hazard of annotateView(renderer, view, bodies))
      (hazard.visibility >= minVisibility && hazard.pixels >= minPixels ? hazards : ignored).push(hazard);
    yield { width, height, data, hazards, ignored, camera: { intrinsics, mount } };
  }
}

/** Puts harmless things right beside the hazards, so that they hide parts of them from some sides. */
export function withClutter(site: SiteDefinition, random: Random): SiteDefinition {
  const world = new World(site);
  const clutter: Prop[] = [];
  for (const hazard of site.hazards) {
    if (random.next() < 0.4) continue;
    const kind = pick(random, PROP_KINDS);
    const angle = uniform(random, -Math.PI, Math.PI);
    const away = hazard.radiusM + PROP_SIZES[kind].radiusM + uniform(random, 0.02, 0.5);
    const at = { x: hazard.x + away * Math.cos(angle), y: hazard.y + away * Math.sin(angle) };
    const yawRad = uniform(random, -Math.PI, Math.PI);
    const variant = random.integer(1024);
    if (world.isClear(at.x, at.y, PROP_SIZES[kind].radiusM)) clutter.push({ kind, ...at, yawRad, variant });
  }
  return { ...site, props: [...site.props, ...clutter] };
}

/** Four of five shots look towards a hazard from 0.7 to 7 m, with nothing in between but what stands beside it; the others anywhere. */
function randomPose(world: World, random: Random): Pose2 {
  const { widthM, depthM, hazards } = world.site;
  for (;;) {
    if (random.next() < 0.8 && hazards.length > 0) {
      const hazard = pick(random, hazards);
      const angle = uniform(random, -Math.PI, Math.PI);
      const away = 0.7 + 6.3 * random.next() ** 1.5;
      const x = hazard.x + away * Math.cos(angle);
      const y = hazard.y + away * Math.sin(angle);
      const inSight = world.index.cast(x, y, -Math.cos(angle), -Math.sin(angle), away) > away - hazard.radiusM - 1;
      if (inSight && world.isClear(x, y, 0.2)) return { x, y, theta: angle + Math.PI + uniform(random, -0.7, 0.7) };
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
    movers: random.next() < 0.25 && world.isClear(walker.x, walker.y, 0.3) ? [walker] : [],
  };
}
