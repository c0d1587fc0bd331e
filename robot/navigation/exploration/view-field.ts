// How much there is to see from a place, for every heading at once: rays over a grid of weights, then a sliding window.
import type { GridFrame } from '../costmap/grid-frame.ts';
import type { CameraCone } from './camera-cone.ts';

/** Weight of a cell that no ray passes. */
export const OPAQUE = -1;
/** Added to the weight of unknown cells: rays pass only a little way through them. */
export const UNKNOWN_MARK = 1000;

const RAYS = 120;
export const HEADINGS = 24;
/** Rays look this far into the unknown [m]. */
const UNKNOWN_DEPTH_M = 1.5;

/** Gain [m² × weight] by heading index: heading h looks towards 2π·h/HEADINGS. */
export type HeadingGains = Float64Array;

export class ViewField {
  readonly #camera: CameraCone;
  readonly #gains = new Float64Array(HEADINGS);
  readonly #rays = new Float64Array(RAYS);
  #frame: GridFrame | null = null;
  /** Weights with a border of one opaque cell, so that rays need no bounds check. */
  #weights: Float32Array = new Float32Array(0);
  #stride = 0;
  /** Index offsets by ray and step, and the area that a step stands for [m²]. */
  #offsets: Int32Array = new Int32Array(0);
  #areas: Float64Array = new Float64Array(0);
  #unknownSteps = 0;

  constructor(camera: CameraCone) {
    this.#camera = camera;
  }

  /** Copies the weights (OPAQUE, 0…, or UNKNOWN_MARK + 0…) by cell. */
  load(frame: GridFrame, weights: Float32Array): void {
    if (frame !== this.#frame) this.#fit(frame);
    for (let y = 0; y < frame.height; y += 1) {
      this.#weights.set(weights.subarray(y * frame.width, (y + 1) * frame.width), (y + 1) * this.#stride + 1);
    }
  }

  /** Gains by heading for a camera in the middle of `cell`; valid until the next call. */
  gainsFrom(cell: number): HeadingGains {
    const frame = this.#frame as GridFrame;
    const steps = this.#areas.length;
    const base = (Math.floor(cell / frame.width) + 1) * this.#stride + (cell % frame.width) + 1;
    for (let ray = 0; ray < RAYS; ray += 1) this.#rays[ray] = this.#castRay(base, ray * steps, steps);
    const window = Math.min(RAYS, Math.round((this.#camera.fovRad / (2 * Math.PI)) * RAYS));
    for (let heading = 0; heading < HEADINGS; heading += 1) {
      const first = Math.round((heading * RAYS) / HEADINGS - window / 2) + RAYS;
      let sum = 0;
      for (let i = 0; i < window; i += 1) sum += this.#rays[(first + i) % RAYS] as number;
      this.#gains[heading] = sum;
    }
    return this.#gains;
  }

  #castRay(base: number, offset: number, steps: number): number {
    const weights = this.#weights;
    const offsets = this.#offsets;
    const areas = this.#areas;
    let unknown = 0;
    let gain = 0;
    for (let k = 0; k < steps; k += 1) {
      let weight = weights[base + (offsets[offset + k] as number)] as number;
      if (weight < 0) break;
      if (weight >= UNKNOWN_MARK) {
        unknown += 1;
        if (unknown > this.#unknownSteps) break;
        weight -= UNKNOWN_MARK;
      }
      gain += weight * (areas[k] as number);
    }
    return gain;
  }

  #fit(frame: GridFrame): void {
    this.#frame = frame;
    this.#stride = frame.width + 2;
    this.#weights = new Float32Array(this.#stride * (frame.height + 2)).fill(OPAQUE);
    const { maxRangeM, minRangeM } = this.#camera;
    const steps = Math.floor(maxRangeM / frame.resolutionM);
    this.#unknownSteps = Math.round(UNKNOWN_DEPTH_M / frame.resolutionM);
    this.#areas = Float64Array.from({ length: steps }, (_, k) => {
      const r = (k + 1) * frame.resolutionM;
      return r < minRangeM ? 0 : r * frame.resolutionM * ((2 * Math.PI) / RAYS);
    });
    this.#offsets = new Int32Array(RAYS * steps);
    for (let ray = 0; ray < RAYS; ray += 1) {
      const angle = ((ray + 0.5) * 2 * Math.PI) / RAYS;
      for (let k = 0; k < steps; k += 1) {
        const x = Math.round(Math.cos(angle) * (k + 1));
        const y = Math.round(Math.sin(angle) * (k + 1));
        this.#offsets[ray * steps + k] = y * this.#stride + x;
      }
    }
  }
}
