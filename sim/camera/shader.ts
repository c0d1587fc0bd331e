// Colours of the visible surfaces: texture, light, glow of fires, the rover's lamp and haze.
import type { Appearance } from './appearance.ts';
import type { CameraView } from './camera-view.ts';
import type { LightMap } from './light-map.ts';
import { PLANES, type Rasterizer } from './rasterizer.ts';
import type { Scene } from './scene.ts';
import type { Texture } from './texture.ts';

/** Haze and lamp are tabulated over depth in steps of 1/32 m up to 64 m. */
const DEPTH_STEPS = 2048;
const STEPS_PER_M = 32;

export class Shader {
  readonly #scene: Scene;
  readonly #map: LightMap;
  readonly #appearance: Appearance;
  readonly #ceilingM: number;
  readonly #clear = new Float32Array(DEPTH_STEPS);
  readonly #lamp = new Float32Array(DEPTH_STEPS);

  constructor(scene: Scene, map: LightMap, appearance: Appearance, ceilingM: number) {
    this.#scene = scene;
    this.#map = map;
    this.#appearance = appearance;
    this.#ceilingM = ceilingM;
    for (let step = 0; step < DEPTH_STEPS; step += 1) {
      const z = (step + 0.5) / STEPS_PER_M;
      this.#clear[step] = Math.exp(-appearance.fogPerM * z);
      this.#lamp[step] = appearance.headlamp / (0.35 + 0.5 * z * z);
    }
  }

  /** Writes linear-in-grey-level colours, width·height·3, 0 to 255 and above. */
  shade(raster: Rasterizer, view: CameraView, out: Float32Array): void {
    const { height } = view;
    const { fy, cy } = view.intrinsics;
    for (let row = 0; row < height; row += 1) {
      const slope = (row + 0.5 - cy) / fy;
      // Rays of this row: origin + depth · (base + right · (column offset)/fx); their climb is the same along the row.
      const baseX = view.forwardX + slope * view.downX;
      const baseY = view.forwardY + slope * view.downY;
      const climb = view.forwardZ + slope * view.downZ;
      this.#surfaces(raster, view, out, row, baseX, baseY, climb);
      this.#background(raster, view, out, row, baseX, baseY, climb);
    }
  }

  #surfaces(raster: Rasterizer, view: CameraView, out: Float32Array, row: number, baseX: number, baseY: number, climb: number): void {
    const { width } = view;
    const { fx, cx } = view.intrinsics;
    const { ids, planes } = raster;
    const { textures } = this.#scene;
    const { glow, columns, rows, cellM } = this.#map;
    const [fogR, fogG, fogB] = this.#appearance.fogColor;
    const y = row + 0.5;
    let last = -1;
    let texture = textures[0] as Texture;
    let p = 0;
    let perPixel = 0;
    let rowW = 0;
    let rowU = 0;
    let rowV = 0;
    let rowL = 0;
    for (let column = 0; column < width; column += 1) {
      const pixel = row * width + column;
      const id = ids[pixel] as number;
      if (id < 0) continue;
      if (id !== last) {
        last = id;
        p = id * PLANES;
        texture = textures[raster.textures[id] as number] as Texture;
        perPixel = texture.size / texture.spanM / fx;
        rowW = (planes[p + 1] as number) * y + (planes[p + 2] as number);
        rowU = (planes[p + 4] as number) * y + (planes[p + 5] as number);
        rowV = (planes[p + 7] as number) * y + (planes[p + 8] as number);
        rowL = (planes[p + 10] as number) * y + (planes[p + 11] as number);
      }
      const x = column + 0.5;
      const z = 1 / ((planes[p] as number) * x + rowW);
      const u = ((planes[p + 3] as number) * x + rowU) * z;
      const v = ((planes[p + 6] as number) * x + rowV) * z;
      const density = perPixel * z;
      let level = density < 1.5 ? 0 : density < 3 ? 1 : density < 6 ? 2 : density < 12 ? 3 : 4;
      if (level >= texture.levels.length) level = texture.levels.length - 1;
      const size = texture.size >> level;
      const data = texture.levels[level] as Uint8Array;
      const texel = (((Math.floor(v * size) & (size - 1)) * size + (Math.floor(u * size) & (size - 1))) * 3) | 0;
      const step = Math.min(DEPTH_STEPS - 1, (z * STEPS_PER_M) | 0);
      const clear = this.#clear[step] as number;
      let red: number;
      let green: number;
      let blue: number;
      if (texture.emissive) {
        red = (data[texel] as number) * 1.12;
        green = (data[texel + 1] as number) * 1.06;
        blue = data[texel + 2] as number;
      } else {
        let light = ((planes[p + 9] as number) * x + rowL) * z;
        const h = view.z + z * climb;
        if (h < 0.3) light *= 0.74 + 0.26 * (h < 0 ? 0 : h / 0.3); // less light reaches the foot of things
        light += this.#lamp[step] as number;
        const offset = (x - cx) / fx;
        const mapX = ((view.x + z * (baseX + offset * view.rightX)) / cellM + 0.5) | 0;
        const mapY = ((view.y + z * (baseY + offset * view.rightY)) / cellM + 0.5) | 0;
        const warm =
          mapX >= 0 && mapY >= 0 && mapX < columns && mapY < rows ? (glow[mapY * columns + mapX] as number) * (h < 1.2 ? 1 : 1.2 / h) : 0;
        red = (data[texel] as number) * (light + warm);
        green = (data[texel + 1] as number) * (light + 0.55 * warm);
        blue = (data[texel + 2] as number) * (light + 0.18 * warm);
      }
      const at = pixel * 3;
      out[at] = fogR + (red - fogR) * clear;
      out[at + 1] = fogG + (green - fogG) * clear;
      out[at + 2] = fogB + (blue - fogB) * clear;
    }
  }

  /** Floor, ceiling or sky where nothing stands. */
  #background(raster: Rasterizer, view: CameraView, out: Float32Array, row: number, baseX: number, baseY: number, climb: number): void {
    const { width } = view;
    const { fx, cx } = view.intrinsics;
    const { ids } = raster;
    const [fogR, fogG, fogB] = this.#appearance.fogColor;
    const down = climb < -1e-6;
    if (!down && (this.#ceilingM === 0 || climb < 1e-6)) {
      this.#sky(raster, view, out, row, climb);
      return;
    }
    const z = down ? -view.z / climb : (this.#ceilingM - view.z) / climb;
    const texture = down ? this.#scene.floor : this.#scene.ceiling;
    const density = (texture.size / texture.spanM / fx) * z * 1.3; // seen at a slant
    const level = Math.min(texture.levels.length - 1, density < 1.5 ? 0 : Math.max(0, Math.round(Math.log2(density))));
    const size = texture.size >> level;
    const data = texture.levels[level] as Uint8Array;
    const step = Math.min(DEPTH_STEPS - 1, (z * STEPS_PER_M) | 0);
    const clear = this.#clear[step] as number;
    const lamp = this.#lamp[step] as number;
    const perM = size / texture.spanM;
    const { floor, glow, columns, rows, cellM } = this.#map;
    const base = this.#appearance.ambient + 0.35 * this.#appearance.key;
    for (let column = 0; column < width; column += 1) {
      const pixel = row * width + column;
      if ((ids[pixel] as number) >= 0) continue;
      const offset = (column + 0.5 - cx) / fx;
      const x = view.x + z * (baseX + offset * view.rightX);
      const y = view.y + z * (baseY + offset * view.rightY);
      const texel = ((Math.floor(y * perM) & (size - 1)) * size + (Math.floor(x * perM) & (size - 1))) * 3;
      let light = base;
      let warm = 0;
      if (down) {
        const gx = x / cellM;
        const gy = y / cellM;
        const mapX = Math.floor(gx);
        const mapY = Math.floor(gy);
        if (mapX >= 0 && mapY >= 0 && mapX < columns - 1 && mapY < rows - 1) {
          const cell = mapY * columns + mapX;
          const tx = gx - mapX;
          const ty = gy - mapY;
          light *= bilinear(floor, cell, columns, tx, ty);
          warm = bilinear(glow, cell, columns, tx, ty);
        }
      }
      light += lamp;
      const at = pixel * 3;
      out[at] = fogR + ((data[texel] as number) * (light + warm) - fogR) * clear;
      out[at + 1] = fogG + ((data[texel + 1] as number) * (light + 0.55 * warm) - fogG) * clear;
      out[at + 2] = fogB + ((data[texel + 2] as number) * (light + 0.18 * warm) - fogB) * clear;
    }
  }

  #sky(raster: Rasterizer, view: CameraView, out: Float32Array, row: number, climb: number): void {
    const t = Math.min(1, Math.max(0, climb) * 1.6);
    const base = Math.min(1.15, this.#appearance.ambient + 0.3);
    for (let column = 0; column < view.width; column += 1) {
      const pixel = row * view.width + column;
      if ((raster.ids[pixel] as number) >= 0) continue;
      out[pixel * 3] = (206 - 62 * t) * base;
      out[pixel * 3 + 1] = (214 - 38 * t) * base;
      out[pixel * 3 + 2] = (222 - 6 * t) * base;
    }
  }
}

function bilinear(values: Float32Array, cell: number, columns: number, tx: number, ty: number): number {
  const low = (values[cell] as number) * (1 - tx) + (values[cell + 1] as number) * tx;
  const high = (values[cell + columns] as number) * (1 - tx) + (values[cell + columns + 1] as number) * tx;
  return low * (1 - ty) + high * ty;
}
