// Pictures of a chessboard by projective geometry: every pixel's rays are followed through the lens to the board's plane. Real pixels, with a
// background, uneven light, blur and noise; the camera is known exactly.
import sharp from 'sharp';
import { smooth } from '../../robot/calibration/camera/gray-image.ts';
import { distort, undistort } from '../../shared/geometry/lens.ts';
import type { CameraIntrinsics } from '../../shared/ports/camera-io.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

export const SQUARE_M = 0.025;

/** Where the board's middle is before the camera (x right, y down, z ahead) [m], and how it is turned about those axes [rad]. */
export interface BoardPose {
  readonly xM: number;
  readonly yM: number;
  readonly zM: number;
  readonly aboutXRad: number;
  readonly aboutYRad: number;
  readonly aboutZRad: number;
}

export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  readonly intrinsics: CameraIntrinsics;
  readonly columns: number;
  readonly rows: number;
  readonly blurPx: number;
  readonly noise: number;
  readonly seed: number;
}

/** Samples per pixel and direction. */
const SUB = 2;

export type BoardCamera = (
  pose: BoardPose | null,
  seed: number,
) => { readonly width: number; readonly height: number; readonly pixels: Float32Array };

/** Rays are the same for every picture of a camera, so they are computed once. */
export function boardCamera({ width, height, intrinsics, columns, rows, blurPx, noise }: Omit<PictureOptions, 'seed'>): BoardCamera {
  const { fx, fy, cx, cy, distortion } = intrinsics;
  const rays = new Float32Array(width * height * SUB * SUB * 2);
  let at = 0;
  for (let v = 0; v < height * SUB; v += 1) {
    for (let u = 0; u < width * SUB; u += 1) {
      const seen = { x: ((u + 0.5) / SUB - cx) / fx, y: ((v + 0.5) / SUB - cy) / fy };
      const ray = distortion === undefined ? seen : undistort(seen, distortion);
      rays[at++] = ray.x;
      rays[at++] = ray.y;
    }
  }
  const background = new Float32Array(rays.length / 2);
  for (let i = 0; i < background.length; i += 1) {
    const [x, y] = [rays[2 * i] as number, rays[2 * i + 1] as number];
    background[i] = 95 + 35 * Math.sin(7 * x) * Math.cos(5 * y) + (Math.sin(40 * x) > 0.6 ? 40 : 0); // a curtain
  }
  const [halfWide, halfHigh] = [((columns + 1) * SQUARE_M) / 2, ((rows + 1) * SQUARE_M) / 2];
  const margin = SQUARE_M * 0.6;
  return (pose, seed) => {
    const random = new SeededRandom(`board-${seed}`);
    const axes = pose === null ? null : rotation(pose);
    const pixels = new Float32Array(width * height);
    for (let v = 0, i = 0; v < height * SUB; v += 1) {
      for (let u = 0; u < width * SUB; u += 1, i += 2) {
        const [x, y] = [rays[i] as number, rays[i + 1] as number];
        let light = background[i / 2] as number;
        if (pose !== null && axes !== null) {
          const [right, down, normal] = axes;
          const depth = (normal[0] * pose.xM + normal[1] * pose.yM + normal[2] * pose.zM) / (normal[0] * x + normal[1] * y + normal[2]);
          const [px, py, pz] = [x * depth - pose.xM, y * depth - pose.yM, depth - pose.zM];
          const a = right[0] * px + right[1] * py + right[2] * pz;
          const b = down[0] * px + down[1] * py + down[2] * pz;
          if (depth > 0 && Math.abs(a) < halfWide + margin && Math.abs(b) < halfHigh + margin) {
            const onBoard = Math.abs(a) < halfWide && Math.abs(b) < halfHigh;
            const odd = (Math.floor((a + halfWide) / SQUARE_M) + Math.floor((b + halfHigh) / SQUARE_M)) & 1;
            light = (onBoard && odd === 0 ? 35 : 205) * (1 - 0.35 * (u / (width * SUB))); // light from the left
          }
        }
        const pixel = Math.floor(v / SUB) * width + Math.floor(u / SUB);
        pixels[pixel] = (pixels[pixel] as number) + light / (SUB * SUB);
      }
    }
    const soft = blurPx > 0 ? smooth({ width, height, pixels }, blurPx) : { width, height, pixels };
    for (let p = 0; p < soft.pixels.length; p += 1) {
      soft.pixels[p] = Math.min(255, Math.max(0, (soft.pixels[p] as number) + noise * random.gaussian()));
    }
    return soft;
  };
}

/** Where a camera sees the inner corners, row by row [px]; (0, 0) is the centre of the first pixel. */
export function trueCorners(
  pose: BoardPose,
  { intrinsics, columns, rows }: Pick<PictureOptions, 'intrinsics' | 'columns' | 'rows'>,
): { readonly x: number; readonly y: number }[] {
  const [right, down] = rotation(pose);
  const { fx, fy, cx, cy, distortion } = intrinsics;
  return Array.from({ length: columns * rows }, (_, i) => {
    const a = ((i % columns) - (columns - 1) / 2) * SQUARE_M;
    const b = (Math.floor(i / columns) - (rows - 1) / 2) * SQUARE_M;
    const z = pose.zM + right[2] * a + down[2] * b;
    const pinhole = { x: (pose.xM + right[0] * a + down[0] * b) / z, y: (pose.yM + right[1] * a + down[1] * b) / z };
    const seen = distortion === undefined ? pinhole : distort(pinhole, distortion);
    return { x: fx * seen.x + cx - 0.5, y: fy * seen.y + cy - 0.5 };
  });
}

type Axis = readonly [number, number, number];

function rotation({ aboutXRad, aboutYRad, aboutZRad }: BoardPose): readonly [Axis, Axis, Axis] {
  const [cx, sx, cy, sy, cz, sz] = [aboutXRad, aboutYRad, aboutZRad].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return [
    [cz * cy, sz * cy, -sy],
    [cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx],
    [cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx],
  ];
}

/** As a camera would give it. */
export async function toJpeg({ width, height, pixels }: ReturnType<BoardCamera>, quality = 85): Promise<Uint8Array> {
  const bytes = Uint8Array.from(pixels, (value) => Math.round(value));
  return sharp(bytes, { raw: { width, height, channels: 1 } })
    .toColourspace('srgb')
    .jpeg({ quality })
    .toBuffer();
}

/** Boards as a person holds them: in all parts of the picture, tilted to all sides. */
export function handheldPoses(count: number, seed: number): BoardPose[] {
  const random = new SeededRandom(`hand-${seed}`);
  const spread = (most: number): number => (2 * random.next() - 1) * most;
  return Array.from({ length: count }, (_, i) => {
    const zM = 0.3 + 0.3 * random.next();
    const tilt = 0.2 + 0.45 * random.next();
    const way = (2 * Math.PI * i) / count;
    return {
      xM: spread(0.35) * (zM - 0.15),
      yM: spread(0.25) * (zM - 0.15),
      zM,
      aboutXRad: tilt * Math.cos(way),
      aboutYRad: tilt * Math.sin(way),
      aboutZRad: spread(0.6),
    };
  });
}
