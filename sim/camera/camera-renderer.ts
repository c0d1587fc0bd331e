// Renders rgb8 frames of a site: depth-buffered triangles, then colour, light, haze, blur and noise per pixel.
import type { Random } from '../../shared/ports/random.ts';
import type { World } from '../world/world.ts';
import { type Appearance, DEFAULT_APPEARANCE } from './appearance.ts';
import type { CameraView } from './camera-view.ts';
import { type LightMap, makeLightMap } from './light-map.ts';
import { developFrame } from './develop.ts';
import { Rasterizer } from './rasterizer.ts';
import { type Chunk, Scene } from './scene.ts';
import { Shader } from './shader.ts';

/** Bodies that move. */
export interface MovingBodies {
  readonly rovers: readonly { readonly x: number; readonly y: number; readonly theta: number }[];
  readonly movers: readonly { readonly x: number; readonly y: number; readonly headingRad: number }[];
}

const NOBODY: MovingBodies = { rovers: [], movers: [] };

export class CameraRenderer {
  readonly #world: World;
  readonly #scene: Scene;
  readonly #appearance: Appearance;
  readonly #shader: Shader;
  #rasterizer: Rasterizer | null = null;
  #floats: Float32Array = new Float32Array(0);
  #lightMap: LightMap;

  /** The default appearance is the site's own. */
  constructor(world: World, appearance: Appearance = { ...DEFAULT_APPEARANCE, ...world.site.appearance }) {
    this.#world = world;
    this.#appearance = appearance;
    this.#scene = new Scene(world, appearance);
    this.#lightMap = makeLightMap(world);
    this.#shader = new Shader(this.#scene, this.#lightMap, appearance, world.site.ceilingM);
  }

  /** One frame, width·height·3 bytes; `random` makes its noise. */
  render(view: CameraView, random: Random, bodies: MovingBodies = NOBODY): Uint8Array {
    const rasterizer = this.rasterize(view, bodies);
    if (this.#floats.length !== view.width * view.height * 3) this.#floats = new Float32Array(view.width * view.height * 3);
    this.#shader.shade(rasterizer, view, this.#floats);
    return developFrame(this.#floats, view.width, view.height, this.#appearance, random);
  }

  /** The visible triangles of a view, without colours; `only` restricts it to one hazard, seen through everything else. */
  rasterize(view: CameraView, bodies: MovingBodies = NOBODY, only: number | null = null): Rasterizer {
    let rasterizer = this.#rasterizer;
    if (rasterizer === null || rasterizer.width !== view.width || rasterizer.height !== view.height) {
      rasterizer = new Rasterizer(view.width, view.height);
      this.#rasterizer = rasterizer;
    }
    rasterizer.clear();
    const visible = this.#scene.chunks.filter((chunk) => (only === null ? true : chunk.hazard === only) && isInView(chunk, view));
    if (only === null) {
      for (const { x, y, theta } of bodies.rovers) if (isNear(x, y, view)) visible.push(this.#scene.rover(x, y, theta));
      for (const { x, y, headingRad } of bodies.movers) if (isNear(x, y, view)) visible.push(this.#scene.walker(x, y, headingRad));
    }
    // Near things first: what lies behind them then fails the depth test early.
    const order = visible.map((chunk) => ({ chunk, away: Math.hypot(chunk.x - view.x, chunk.y - view.y) - chunk.reachM }));
    order.sort((a, b) => a.away - b.away);
    for (const { chunk } of order) rasterizer.draw(chunk, view);
    return rasterizer;
  }

  get world(): World {
    return this.#world;
  }
}

const SIGHT_M = 60;

function isNear(x: number, y: number, view: CameraView): boolean {
  return Math.hypot(x - view.x, y - view.y) < 25;
}

/** Whether a chunk may show: in front of the camera and within the picture's left and right edges. */
function isInView(chunk: Chunk, view: CameraView): boolean {
  const dx = chunk.x - view.x;
  const dy = chunk.y - view.y;
  const ahead = dx * view.forwardX + dy * view.forwardY;
  if (ahead < -chunk.reachM || ahead > SIGHT_M + chunk.reachM) return false;
  const across = Math.abs(dx * view.rightX + dy * view.rightY);
  const { cx, fx } = view.intrinsics;
  const slope = Math.max(cx, view.width - cx) / fx;
  return across - slope * Math.max(0, ahead) <= chunk.reachM * Math.sqrt(1 + slope * slope) + 0.2;
}
