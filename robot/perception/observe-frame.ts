// From a frame's detections to sightings on the map: bearing by the box, range by the floor contact, by the known height where the foot
// does not show, or, better, by the lidar.
import { compose, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { ObservedFrame, Sighting } from '../../shared/modules/map-server/records.ts';
import type { Detection } from '../../shared/modules/object-detection/records.ts';
import type { CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';
import { bearingOf, floorDistance, heightDistance, pixelRay } from './camera-ray.ts';
import { lidarRange, type PlacedScan } from './lidar-range.ts';

/** Covariance of a pose: position [m²] in the map frame, heading [rad²]. */
export interface PoseCovariance {
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
  readonly thetaTheta: number;
}

export interface ObserveOptions {
  readonly detections: readonly Detection[];
  readonly stampSec: number;
  readonly frameWidth: number;
  /** Default: unlimited; then no box counts as cut off below. */
  readonly frameHeight?: number;
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  /** Pose of the base in the map frame at the frame's stamp. */
  readonly pose: Pose2;
  readonly poseCovariance?: PoseCovariance;
  /** A scan of about the same time, and the pose of its sensor. */
  readonly scan?: PlacedScan;
}

/** Half the width of what is known by class [m]; the floor contact and the lidar see the near side, the map wants the axis. */
const CLASS_RADIUS_M: Readonly<Record<string, number>> = {
  survivor: 0.36,
  'gas-cylinder': 0.13,
  'chemical-drum': 0.29,
  fire: 0.3,
  'fuel-can': 0.19,
  'radioactive-crate': 0.33,
};
/** Height of what is known by class [m]: tells the distance where something hides the foot. */
const CLASS_HEIGHT_M: Readonly<Record<string, number>> = {
  survivor: 0.92,
  'gas-cylinder': 1.25,
  'chemical-drum': 0.88,
  fire: 0.85,
  'fuel-can': 0.47,
  'radioactive-crate': 0.45,
};
/** Standard deviation of these heights: flames flicker, people sit as they like. */
const HEIGHT_SIGMA_M = 0.06;
/** A foot is hidden when the height puts the object so many standard deviations nearer than the lower edge of its box. */
const HIDDEN_SIGMAS = 2.5;
const UNKNOWN_RADIUS_M = 0.25;
/** Half the width of the part that the detector boxes, where that is not the whole [m]: of a survivor, the vest. */
const BOXED_RADIUS_M: Readonly<Record<string, number>> = { survivor: 0.19 };
/** The inner share of a box, safe from what is beside it. */
const INNER_SHARE = 0.6;
/** A box narrower than this share of what is expected shows a part: its middle is not the object's. */
const WHOLE_SHARE = 0.75;

/** A box smaller than this share of what is expected in both directions is of something farther off. */
const SMALL_SHARE = 0.72;

const DEFAULT_POSE_COVARIANCE: PoseCovariance = { xx: 0.0009, xy: 0, yy: 0.0009, thetaTheta: 0.0001 };
/** Standard deviations of a box's edges [px] and of a class's radius [m]. */
const EDGE_SIGMA_PX = 1;
const RADIUS_SIGMA_M = 0.04;
/** A network's confidence is no probability: no single sighting counts for more. */
const MAX_SCORE = 0.92;
const LIDAR_SIGMA_M = 0.03;
/**
 * How far the lidar may correct the floor contact: this much [m] and so many of its standard deviations. Less towards the camera:
 * what is much nearer is an edge that the lidar meets and the camera, a hand's breadth before it, looks past.
 */
const GATE_M = 0.35;
const GATE_FAR_SIGMAS = 2;
const GATE_NEAR_SIGMAS = 1.2;
/** Without a lidar point the floor contact is worth reporting up to here [m]. */
const MAX_FLOOR_RANGE_M = 5;
/** Farther than that, where a box's score leaves more doubt about the foot [m], a table or a wall before it could be what the lidar met. */
const MAX_FAR_DOUBT_M = 1.5;
/** Beyond this a hazard is a few pixels, and neighbours are one [m]. */
const MAX_RANGE_M = 8;
/** A hazard is normally recognised up to here [m]. */
const RECOGNITION_RANGE_M = 6;

/** The frame as evidence for the Map Server: what was seen, and from where nothing else was. */
export function observeFrame(options: ObserveOptions): ObservedFrame {
  const { detections, stampSec, frameWidth, intrinsics, mount, pose } = options;
  const eye = compose(pose, { x: mount.xM, y: mount.yM, theta: 0 });
  const sightings: Sighting[] = [];
  for (const detection of detections) {
    const sighting = locate(detection, eye, options);
    if (sighting !== null) sightings.push(sighting);
  }
  const level = { ...mount, pitchDownRad: 0 };
  const edge = (u: number): number => Math.abs(bearingOf(pixelRay(u, intrinsics.cy, intrinsics, level)));
  const halfFovRad = Math.min(edge(0), edge(frameWidth));
  return { stampSec, x: eye.x, y: eye.y, theta: eye.theta, halfFovRad, maxRangeM: RECOGNITION_RANGE_M, sightings };
}

/** The sighting of one detection; null where its distance cannot be told. */
function locate(detection: Detection, eye: Pose2, options: ObserveOptions): Sighting | null {
  const { intrinsics, poseCovariance = DEFAULT_POSE_COVARIANCE } = options;
  const radiusM = CLASS_RADIUS_M[detection.className] ?? UNKNOWN_RADIUS_M;
  const range = pictureRange(detection, radiusM, options);
  if (range === null) return null;
  const { rangeM: floorM, sigmaM: floorSigmaM } = range;
  const seen = viewOf(detection, options);
  const lidarM =
    options.scan === undefined
      ? null
      : lidarRange(options.scan, {
          eye,
          directionRad: eye.theta + seen.middleRad,
          halfWidthRad: INNER_SHARE * seen.halfWidthRad,
          radiusM,
          expectedM: floorM,
          nearestM: Math.max(radiusM, floorM - GATE_M - GATE_NEAR_SIGMAS * floorSigmaM),
          farthestM: floorM + GATE_M + GATE_FAR_SIGMAS * floorSigmaM,
          alone: floorM > MAX_FLOOR_RANGE_M && doubtM(detection, floorM, options) > MAX_FAR_DOUBT_M,
        });
  if (lidarM === null && floorM > MAX_FLOOR_RANGE_M) return null;
  const rangeM = lidarM ?? floorM;
  if (rangeM > MAX_RANGE_M || isTooSmall(detection, seen, rangeM, options)) return null;
  const alongSigmaM = lidarM === null ? floorSigmaM : Math.hypot(LIDAR_SIGMA_M, RADIUS_SIGMA_M);
  const centre = centreOf(seen, rangeM, boxedRadiusOf(detection.className));
  const acrossSigmaM = centre.hiddenM / 2 + (EDGE_SIGMA_PX / intrinsics.fx) * rangeM;
  const directionRad = eye.theta + centre.bearingRad;
  const c = Math.cos(directionRad);
  const s = Math.sin(directionRad);
  const along = alongSigmaM * alongSigmaM;
  const across = acrossSigmaM * acrossSigmaM + rangeM * rangeM * poseCovariance.thetaTheta;
  return {
    className: detection.className,
    score: Math.min(MAX_SCORE, detection.score),
    x: eye.x + rangeM * c,
    y: eye.y + rangeM * s,
    covXX: c * c * along + s * s * across + poseCovariance.xx,
    covXY: c * s * (along - across) + poseCovariance.xy,
    covYY: s * s * along + c * c * across + poseCovariance.yy,
    stampSec: options.stampSec,
    rangeM,
  };
}

/** How far off the floor contact may be [m] when a score is the overlap to expect of the box, and half of what is lacking lies below or above. */
function doubtM({ score, height }: Detection, rangeM: number, { intrinsics, mount }: ObserveOptions): number {
  const edgePx = ((1 - score) * height) / 4;
  return (edgePx * rangeM * rangeM) / (intrinsics.fy * mount.zM);
}

interface PictureRange {
  /** From the camera to the object's axis along the floor [m], and its standard deviation. */
  readonly rangeM: number;
  readonly sigmaM: number;
}

/** The range by the picture alone: by the floor contact, or by the height where that does not show. */
function pictureRange(
  detection: Detection,
  radiusM: number,
  { intrinsics, mount, frameHeight = Infinity }: ObserveOptions,
): PictureRange | null {
  const middle = detection.x + detection.width / 2;
  const bottom = detection.y + detection.height;
  const contactM = floorDistance(pixelRay(middle, bottom, intrinsics, mount), mount);
  const byHeight = heightRange(detection, middle, { intrinsics, mount });
  const cutBelow = Math.abs(bottom - frameHeight) <= 1;
  if (contactM === null) return null;
  // v of the floor contact is f·h/range, so a pixel there is worth range²/(f·h).
  const sigmaM = (EDGE_SIGMA_PX * contactM * contactM) / (intrinsics.fy * mount.zM) + RADIUS_SIGMA_M;
  const byFoot = { rangeM: contactM + radiusM, sigmaM };
  if (byHeight === null) return byFoot;
  const hidden = byFoot.rangeM - byHeight.rangeM > HIDDEN_SIGMAS * Math.hypot(sigmaM, byHeight.sigmaM);
  return hidden || cutBelow ? byHeight : byFoot;
}

/** Null where the class has no known height, the top is cut off, or lies too near to the camera's own height to tell. */
function heightRange(
  detection: Detection,
  middle: number,
  { intrinsics, mount }: Pick<ObserveOptions, 'intrinsics' | 'mount'>,
): PictureRange | null {
  const heightM = CLASS_HEIGHT_M[detection.className];
  if (heightM === undefined || detection.y <= 1) return null;
  const aboveM = Math.abs(heightM - mount.zM);
  const rangeM = heightDistance(pixelRay(middle, detection.y, intrinsics, mount), heightM, mount);
  if (rangeM === null || aboveM < 2 * HEIGHT_SIGMA_M) return null;
  return { rangeM, sigmaM: (EDGE_SIGMA_PX * rangeM * rangeM) / (intrinsics.fy * aboveM) + (HEIGHT_SIGMA_M * rangeM) / aboveM };
}

/** The box as angles from straight ahead [rad], counter-clockwise; which sides the picture's edge cuts off. */
interface View {
  readonly leftRad: number;
  readonly rightRad: number;
  readonly middleRad: number;
  readonly halfWidthRad: number;
  readonly cutLeft: boolean;
  readonly cutRight: boolean;
}

function viewOf(detection: Detection, { intrinsics, mount, frameWidth }: ObserveOptions): View {
  const row = detection.y + detection.height;
  const leftRad = bearingOf(pixelRay(detection.x, row, intrinsics, mount));
  const rightRad = bearingOf(pixelRay(detection.x + detection.width, row, intrinsics, mount));
  return {
    leftRad,
    rightRad,
    middleRad: (leftRad + rightRad) / 2,
    halfWidthRad: (leftRad - rightRad) / 2,
    cutLeft: detection.x <= 1,
    cutRight: detection.x + detection.width >= frameWidth - 1,
  };
}

/**
 * Whether the object would fill a larger box at this range, in width and in height: far away the foot tells little, and the lidar may have met
 * what stands before the object. A part that shows is small in one direction only, or cut off by the picture's edge.
 */
function isTooSmall(
  { className, y, height }: Detection,
  seen: View,
  rangeM: number,
  { intrinsics, frameHeight = Infinity }: ObserveOptions,
): boolean {
  const heightM = CLASS_HEIGHT_M[className];
  if (heightM === undefined || seen.cutLeft || seen.cutRight || y <= 1 || y + height >= frameHeight - 1) return false;
  const isLow = (height * rangeM) / (intrinsics.fy * heightM) < SMALL_SHARE;
  return isLow && widthShare(seen, rangeM, boxedRadiusOf(className)) < SMALL_SHARE;
}

const boxedRadiusOf = (className: string): number => BOXED_RADIUS_M[className] ?? CLASS_RADIUS_M[className] ?? UNKNOWN_RADIUS_M;

/** Width of a box as a share of the whole object's at this range. */
const widthShare = (seen: View, rangeM: number, boxedRadiusM: number): number => seen.halfWidthRad / halfAngle(rangeM, boxedRadiusM);
const halfAngle = (rangeM: number, radiusM: number): number => Math.asin(Math.min(0.9, radiusM / rangeM));

/** Bearing of the whole object's axis, and how much of its width is hidden [m]: counted from the side that is in the picture. */
function centreOf(seen: View, rangeM: number, boxedRadiusM: number): { readonly bearingRad: number; readonly hiddenM: number } {
  const halfRad = halfAngle(rangeM, boxedRadiusM);
  const share = widthShare(seen, rangeM, boxedRadiusM);
  if (share >= WHOLE_SHARE) return { bearingRad: seen.middleRad, hiddenM: 0 };
  const hiddenM = 2 * boxedRadiusM * (1 - share);
  if (seen.cutLeft !== seen.cutRight) {
    return { bearingRad: seen.cutLeft ? seen.rightRad + halfRad : seen.leftRad - halfRad, hiddenM: hiddenM / 2 };
  }
  return { bearingRad: seen.middleRad, hiddenM };
}
