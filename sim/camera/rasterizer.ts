// Visible surfaces by a depth buffer: each pixel gets the nearest triangle's number; colours come later, once per pixel.
import type { CameraView } from './camera-view.ts';
import type { Chunk } from './scene.ts';

const NEAR_M = 0.03;
/** Coefficients per triangle: planes a·x + b·y + c of 1/z, u/z, v/z and light/z over the picture. */
export const PLANES = 12;
/** Numbers per clipped corner: picture x, y, then 1/z, u/z, v/z, light/z. */
const CORNER = 6;

export class Rasterizer {
  readonly width: number;
  readonly height: number;
  /** 1/z of the nearest surface; 0: none. */
  readonly depth: Float32Array;
  /** Number of the nearest triangle; −1: none. */
  readonly ids: Int32Array;
  /** Planes of each triangle drawn. */
  planes = new Float64Array(4096 * PLANES);
  textures = new Uint16Array(4096);
  hazards = new Int16Array(4096);
  #count = 0;
  readonly #corners = new Float64Array(4 * CORNER);
  readonly #camera = new Float64Array(3 * 6);

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.depth = new Float32Array(width * height);
    this.ids = new Int32Array(width * height);
  }

  /** Triangles drawn since `clear`. */
  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.depth.fill(0);
    this.ids.fill(-1);
    this.#count = 0;
  }

  /** Draws a chunk's triangles that face the camera. */
  draw(chunk: Chunk, view: CameraView): void {
    const { positions, light, uvs, triangles, textures } = chunk;
    const camera = this.#camera;
    for (let t = 0; t < textures.length; t += 1) {
      let inFront = 0;
      for (let corner = 0; corner < 3; corner += 1) {
        const vertex = triangles[3 * t + corner] as number;
        const dx = (positions[3 * vertex] as number) - view.x;
        const dy = (positions[3 * vertex + 1] as number) - view.y;
        const dz = (positions[3 * vertex + 2] as number) - view.z;
        const depth = dx * view.forwardX + dy * view.forwardY + dz * view.forwardZ;
        const at = corner * 6;
        camera[at] = dx * view.rightX + dy * view.rightY;
        camera[at + 1] = dx * view.downX + dy * view.downY + dz * view.downZ;
        camera[at + 2] = depth;
        camera[at + 3] = uvs[2 * vertex] as number;
        camera[at + 4] = uvs[2 * vertex + 1] as number;
        camera[at + 5] = light[vertex] as number;
        if (depth > NEAR_M) inFront += 1;
      }
      if (inFront === 0) continue;
      const corners = this.#clip(view, inFront === 3);
      this.#fill(0, 1, 2, textures[t] as number, chunk.hazard);
      if (corners === 4) this.#fill(0, 2, 3, textures[t] as number, chunk.hazard);
    }
  }

  /** Cuts the triangle at the near plane and projects what is left: three or four corners. */
  #clip(view: CameraView, whole: boolean): number {
    let count = 0;
    const camera = this.#camera;
    for (let corner = 0; corner < 3; corner += 1) {
      const from = corner * 6;
      const to = ((corner + 1) % 3) * 6;
      const zFrom = camera[from + 2] as number;
      if (zFrom > NEAR_M) this.#project(count++, view, from, from, 0);
      if (whole) continue;
      const zTo = camera[to + 2] as number;
      if (zFrom > NEAR_M !== zTo > NEAR_M) this.#project(count++, view, from, to, (NEAR_M - zFrom) / (zTo - zFrom));
    }
    return count;
  }

  #project(slot: number, view: CameraView, from: number, to: number, t: number): void {
    const camera = this.#camera;
    const at = (k: number): number => {
      const a = camera[from + k] as number;
      return t === 0 ? a : a + t * ((camera[to + k] as number) - a);
    };
    const w = 1 / at(2);
    const out = slot * CORNER;
    const { fx, fy, cx, cy } = view.intrinsics;
    this.#corners[out] = fx * at(0) * w + cx;
    this.#corners[out + 1] = fy * at(1) * w + cy;
    this.#corners[out + 2] = w;
    this.#corners[out + 3] = at(3) * w;
    this.#corners[out + 4] = at(4) * w;
    this.#corners[out + 5] = at(5) * w;
  }

  #fill(i: number, j: number, k: number, texture: number, hazard: number): void {
    const v = this.#corners;
    const a = i * CORNER;
    const b = j * CORNER;
    const c = k * CORNER;
    const [x0, y0, x1, y1, x2, y2] = [
      v[a] as number,
      v[a + 1] as number,
      v[b] as number,
      v[b + 1] as number,
      v[c] as number,
      v[c + 1] as number,
    ];
    // Counter-clockwise from outside appears clockwise with y down: a positive area faces away.
    const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    if (area >= -1e-9) return;
    const top = Math.max(0, Math.ceil(Math.min(y0, y1, y2) - 0.5));
    const bottom = Math.min(this.height - 1, Math.floor(Math.max(y0, y1, y2) - 0.5));
    const left = Math.min(x0, x1, x2);
    const right = Math.max(x0, x1, x2);
    if (top > bottom || right < 0.5 || left > this.width - 0.5) return;
    const id = this.#count;
    if ((id + 1) * PLANES > this.planes.length) this.#grow();
    const p = id * PLANES;
    const planes = this.planes;
    for (let f = 0; f < 4; f += 1) {
      const f0 = v[a + 2 + f] as number;
      const d1 = (v[b + 2 + f] as number) - f0;
      const d2 = (v[c + 2 + f] as number) - f0;
      const slopeX = (d1 * (y2 - y0) - d2 * (y1 - y0)) / area;
      const slopeY = (d2 * (x1 - x0) - d1 * (x2 - x0)) / area;
      planes[p + 3 * f] = slopeX;
      planes[p + 3 * f + 1] = slopeY;
      planes[p + 3 * f + 2] = f0 - slopeX * x0 - slopeY * y0;
    }
    this.textures[id] = texture;
    this.hazards[id] = hazard;
    this.#count = id + 1;
    const wx = planes[p] as number;
    const wy = planes[p + 1] as number;
    const wc = planes[p + 2] as number;
    const { depth, ids, width } = this;
    for (let row = top; row <= bottom; row += 1) {
      const y = row + 0.5;
      // The span between the edges that this row crosses.
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      if (y0 <= y !== y1 <= y) {
        const x = x0 + ((y - y0) * (x1 - x0)) / (y1 - y0);
        if (x < low) low = x;
        if (x > high) high = x;
      }
      if (y1 <= y !== y2 <= y) {
        const x = x1 + ((y - y1) * (x2 - x1)) / (y2 - y1);
        if (x < low) low = x;
        if (x > high) high = x;
      }
      if (y2 <= y !== y0 <= y) {
        const x = x2 + ((y - y2) * (x0 - x2)) / (y0 - y2);
        if (x < low) low = x;
        if (x > high) high = x;
      }
      const first = Math.max(0, Math.ceil(low - 0.5));
      const last = Math.min(width - 1, Math.ceil(high - 0.5) - 1);
      let w = wx * (first + 0.5) + wy * y + wc;
      for (let pixel = row * width + first, end = row * width + last; pixel <= end; pixel += 1) {
        if (w > (depth[pixel] as number)) {
          depth[pixel] = w;
          ids[pixel] = id;
        }
        w += wx;
      }
    }
  }

  #grow(): void {
    const planes = new Float64Array(this.planes.length * 2);
    planes.set(this.planes);
    this.planes = planes;
    const textures = new Uint16Array(this.textures.length * 2);
    textures.set(this.textures);
    this.textures = textures;
    const hazards = new Int16Array(this.hazards.length * 2);
    hazards.set(this.hazards);
    this.hazards = hazards;
  }
}
