// A lens with distortion before the simulated camera: a wider picture is rendered through a pinhole, and each pixel taken from where its ray comes.
import { undistort } from '../../shared/geometry/lens.ts';
import type { CameraIntrinsics } from '../../shared/ports/camera-io.ts';

/** Wider than this [times] is not rendered: beyond, the picture stays black, as it does at the edge of a fish-eye's image circle. */
const MAX_WIDENING = 2.5;

export class LensWarp {
  /** The pinhole picture to be rendered. */
  readonly width: number;
  readonly height: number;
  readonly pinhole: CameraIntrinsics;
  /** For each pixel the place in the pinhole picture, centres of pixels at whole numbers; negative: outside. */
  readonly #fromX: Float32Array;
  readonly #fromY: Float32Array;

  constructor(intrinsics: CameraIntrinsics, width: number, height: number) {
    const { fx, fy, cx, cy, distortion } = intrinsics;
    this.#fromX = new Float32Array(width * height);
    this.#fromY = new Float32Array(width * height);
    let [left, top, right, bottom] = [0, 0, 0, 0];
    for (let v = 0, at = 0; v < height; v += 1) {
      for (let u = 0; u < width; u += 1, at += 1) {
        const seen = { x: (u + 0.5 - cx) / fx, y: (v + 0.5 - cy) / fy };
        const ray = distortion === undefined ? seen : undistort(seen, distortion);
        const [x, y] = [ray.x * fx, ray.y * fy];
        this.#fromX[at] = x;
        this.#fromY[at] = y;
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
      }
    }
    const halfWide = Math.min(MAX_WIDENING * 0.5 * width, Math.max(-left, right));
    const halfHigh = Math.min(MAX_WIDENING * 0.5 * height, Math.max(-top, bottom));
    this.width = 2 * Math.ceil(halfWide + 1);
    this.height = 2 * Math.ceil(halfHigh + 1);
    this.pinhole = { fx, fy, cx: this.width / 2, cy: this.height / 2 };
    for (let at = 0; at < width * height; at += 1) {
      this.#fromX[at] = (this.#fromX[at] as number) + this.pinhole.cx - 0.5;
      this.#fromY[at] = (this.#fromY[at] as number) + this.pinhole.cy - 0.5;
    }
  }

  /** The picture through the lens, rgb8, from the pinhole's; between pixels by bilinear interpolation. */
  apply(pixels: Uint8Array): Uint8Array {
    const { width, height } = this;
    const [fromX, fromY] = [this.#fromX, this.#fromY];
    const out = new Uint8Array(fromX.length * 3);
    for (let at = 0; at < fromX.length; at += 1) {
      const [x, y] = [fromX[at] as number, fromY[at] as number];
      const [column, row] = [Math.floor(x), Math.floor(y)];
      if (column < 0 || row < 0 || column >= width - 1 || row >= height - 1) continue;
      const [right, down] = [x - column, y - row];
      const first = (row * width + column) * 3;
      const below = first + width * 3;
      for (let c = 0; c < 3; c += 1) {
        const upper = (pixels[first + c] as number) * (1 - right) + (pixels[first + c + 3] as number) * right;
        const lower = (pixels[below + c] as number) * (1 - right) + (pixels[below + c + 3] as number) * right;
        out[at * 3 + c] = upper * (1 - down) + lower * down + 0.5;
      }
    }
    return out;
  }
}
