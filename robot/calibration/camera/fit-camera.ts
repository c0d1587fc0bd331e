// A camera's intrinsics from chessboards in many pictures (Zhang, "A flexible new technique for camera calibration", 2000), by OpenCV's
// refinement; then a judgement whether these pictures determine them at all.
import { OutriderError } from '../../../shared/errors.ts';
import { distort, isInvertible, undistort } from '../../../shared/geometry/lens.ts';
import { loadOpenCv, type OpenCv } from '../../../shared/modules/host-impl/opencv.ts';
import type { CameraIntrinsics } from '../../../shared/ports/camera-io.ts';
import type { ChessboardSize } from './find-chessboard.ts';
import type { PicturePoint } from './saddle-points.ts';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface BoardPicture {
  readonly name: string;
  /** Corners as `findChessboard` gives them. */
  readonly corners: readonly PicturePoint[];
}

export interface PictureError {
  readonly name: string;
  /** Root mean square distance between its corners and where the fitted camera puts them [px]. */
  readonly rmsPx: number;
}

export interface CameraFit {
  /** Of pictures of this size; the picture's left upper edge is (0, 0), as everywhere in Outrider. */
  readonly intrinsics: Required<CameraIntrinsics>;
  readonly rmsPx: number;
  readonly pictures: readonly PictureError[];
  /** Pictures that disagreed with the others and were left out. */
  readonly outliers: readonly PictureError[];
  /** Standard deviation of fx, relative. */
  readonly focalSigma: number;
  /** Greatest angle between two of the boards [rad]. */
  readonly tiltRad: number;
}

/** Fewer boards leave distortion to chance. */
export const MIN_PICTURES = 6;
const MIN_TILT_RAD = (15 * Math.PI) / 180;
const MAX_FOCAL_SIGMA = 0.01;
/** Corners that scatter by more than this are not those of a flat board [px]. */
const MAX_RMS_PX = 1.5;
const OUTLIER_FACTOR = 3;
const OUTLIER_LEAST_PX = 0.5;

/** Throws OUT_CALIBRATION where the pictures are too few, all from one angle, or contradict each other. */
export async function fitCamera(boards: readonly BoardPicture[], size: ChessboardSize, picture: PictureSize): Promise<CameraFit> {
  const { cv } = await loadOpenCv();
  let used = boards;
  const outliers: PictureError[] = [];
  for (;;) {
    if (used.length < MIN_PICTURES) {
      throw new OutriderError(
        'OUT_CALIBRATION',
        `the board is usable in ${used.length} pictures; at least ${MIN_PICTURES} are needed, 15 are good${describe(outliers)}`,
      );
    }
    const fit = solve(cv, used, size, picture);
    const middle = fit.pictures.map(({ rmsPx }) => rmsPx).toSorted((a, b) => a - b)[fit.pictures.length >> 1] as number;
    const worst = fit.pictures.reduce((a, b) => (b.rmsPx > a.rmsPx ? b : a));
    if (worst.rmsPx <= Math.max(OUTLIER_LEAST_PX, OUTLIER_FACTOR * middle)) return judged({ ...fit, outliers });
    outliers.push(worst);
    used = used.filter(({ name }) => name !== worst.name);
  }
}

function judged(fit: CameraFit): CameraFit {
  if (fit.tiltRad < MIN_TILT_RAD || !(fit.focalSigma < MAX_FOCAL_SIGMA)) {
    throw new OutriderError(
      'OUT_CALIBRATION',
      `the board is seen from one angle only (at most ${((fit.tiltRad * 180) / Math.PI).toFixed(0)}° apart, focal length known to ` +
        `${(fit.focalSigma * 100).toFixed(1)} %): tilt it by 30° to 45° to the left, to the right, up and down`,
    );
  }
  if (fit.rmsPx > MAX_RMS_PX) {
    throw new OutriderError(
      'OUT_CALIBRATION',
      `corners lie ${fit.rmsPx.toFixed(2)} px from where any camera would put them: is the board flat, and its size right?`,
    );
  }
  return fit;
}

function describe(outliers: readonly PictureError[]): string {
  return outliers.length === 0 ? '' : `; ${outliers.map(({ name, rmsPx }) => `${name} is ${rmsPx.toFixed(1)} px off`).join(', ')}`;
}

type Fitted = Omit<CameraFit, 'outliers'>;

function solve(cv: OpenCv, boards: readonly BoardPicture[], size: ChessboardSize, picture: PictureSize): Fitted {
  const free = solveWith(cv, boards, size, picture, 0);
  if (reachesCorners(free.intrinsics, picture)) return free;
  // The sixth power bends back where no corner was seen: do without it.
  const plain = solveWith(cv, boards, size, picture, cv.CALIB_FIX_K3);
  if (reachesCorners(plain.intrinsics, picture)) return plain;
  throw new OutriderError(
    'OUT_CALIBRATION',
    'the distortion is not determined towards the edges of the picture: hold the board there, too',
  );
}

/** Whether every pixel of the picture has one ray. */
function reachesCorners({ fx, fy, cx, cy, distortion }: Required<CameraIntrinsics>, { width, height }: PictureSize): boolean {
  return [0, width].every((u) =>
    [0, height].every((v) => {
      const seen = { x: (u - cx) / fx, y: (v - cy) / fy };
      const ray = undistort(seen, distortion);
      const again = distort(ray, distortion);
      return Math.hypot(again.x - seen.x, again.y - seen.y) < 1e-6 && isInvertible(distortion, Math.hypot(ray.x, ray.y));
    }),
  );
}

function solveWith(
  cv: OpenCv,
  boards: readonly BoardPicture[],
  { columns, rows }: ChessboardSize,
  { width, height }: PictureSize,
  flags: number,
): Fitted {
  const made: { delete(): void }[] = [];
  const keep = <T extends { delete(): void }>(item: T): T => {
    made.push(item);
    return item;
  };
  try {
    const grid = Array.from({ length: columns * rows }, (_, i) => [i % columns, Math.floor(i / columns), 0]).flat();
    const [objects, images] = [keep(new cv.MatVector()), keep(new cv.MatVector())];
    for (const { corners } of boards) {
      objects.push_back(keep(cv.matFromArray(columns * rows, 1, cv.CV_32FC3, grid)));
      images.push_back(
        keep(
          cv.matFromArray(
            columns * rows,
            1,
            cv.CV_32FC2,
            corners.flatMap(({ x, y }) => [x, y]),
          ),
        ),
      );
    }
    const mat = () => keep(new cv.Mat());
    const [camera, lens, sigmas, poses, errors] = [mat(), mat(), mat(), mat(), mat()];
    const [turns, shifts] = [keep(new cv.MatVector()), keep(new cv.MatVector())];
    const rmsPx = cv.calibrateCameraExtended(
      objects,
      images,
      new cv.Size(width, height),
      camera,
      lens,
      turns,
      shifts,
      sigmas,
      poses,
      errors,
      flags,
    );
    const [fx = 0, , cx = 0, , fy = 0, cy = 0] = camera.data64F;
    const [k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0] = lens.data64F;
    const normals = boards.map((_, i) => boardNormal([...keep(turns.get(i)).data64F]));
    const fit: Fitted = {
      // OpenCV counts from the centre of the first pixel, Outrider from its edge.
      intrinsics: { fx, fy, cx: cx + 0.5, cy: cy + 0.5, distortion: { k1, k2, p1, p2, k3 } },
      rmsPx,
      pictures: boards.map(({ name }, i) => ({ name, rmsPx: errors.data64F[i] as number })),
      focalSigma: (sigmas.data64F[0] as number) / fx,
      tiltRad: greatestAngle(normals),
    };
    if (!(Number.isFinite(rmsPx) && fx > 0 && fy > 0)) throw new Error('no camera');
    return fit;
  } catch {
    // OpenCV throws numbers, pointers into its own memory.
    throw new OutriderError('OUT_CALIBRATION', 'no camera could have taken these pictures, or all show the board from one angle: tilt it');
  } finally {
    for (const item of made) item.delete();
  }
}

/** Third column of the rotation matrix of a rotation vector (Rodrigues). */
function boardNormal([x = 0, y = 0, z = 0]: readonly number[]): readonly [number, number, number] {
  const angle = Math.hypot(x, y, z);
  if (angle < 1e-9) return [0, 0, 1];
  const [ax, ay, az] = [x / angle, y / angle, z / angle];
  const [s, c] = [Math.sin(angle), Math.cos(angle)];
  return [ax * az * (1 - c) + ay * s, ay * az * (1 - c) - ax * s, c + az * az * (1 - c)];
}

/** Between two boards, whichever way round their corners were counted. */
function greatestAngle(normals: readonly (readonly [number, number, number])[]): number {
  let greatest = 0;
  for (const a of normals) {
    for (const b of normals) greatest = Math.max(greatest, Math.acos(Math.min(1, Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]))));
  }
  return greatest;
}
