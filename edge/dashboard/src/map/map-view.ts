// The map on its canvas: layers from the ground up, drawn when something changed or moves, at the screen's own resolution.
import { shownMission, type FleetState } from '../state/fleet-state.ts';
import type { Store } from '../state/store.ts';
import { attachGestures } from './gestures.ts';
import { findings } from './layers/findings.ts';
import { bounds, grid, tiles } from './layers/ground.ts';
import { rovers } from './layers/rovers.ts';
import type { Layer } from './layers/scene.ts';
import { plans, trails } from './layers/ways.ts';
import { readPalette, type Palette } from './palette.ts';
import { TileRaster } from './tile-raster.ts';
import { Viewport, type Bounds, type Padding } from './viewport.ts';

/** Beyond this resolution nobody sees a difference, but every frame costs more. */
const MAX_PIXEL_RATIO = 3;
const FINDING_SCALE = 60;

export class MapView {
  readonly viewport = new Viewport();
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #store: Store;
  readonly #raster: TileRaster;
  readonly #layers: readonly Layer[];
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #onView: () => void;
  #palette: Palette = readPalette();
  #pixelRatio = 1;
  #following = true;
  #fitted: Bounds | null = null;
  #highlighted: string | null = null;
  #frameAsked = false;
  #lastFrameMs = 0;
  #frames = 0;

  /** `onView` is called whenever the visible part may have changed, for scale bar and buttons. */
  constructor(canvas: HTMLCanvasElement, store: Store, onView: () => void) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser has no 2D canvas');
    this.#canvas = canvas;
    this.#context = context;
    this.#store = store;
    this.#onView = onView;
    this.#raster = new TileRaster(this.#palette, {
      nowMs: () => performance.now(),
      onChange: () => this.#askFrame(),
      onBadTile: (reason) => store.dispatch({ kind: 'dropped', reason }),
    });
    this.#layers = [grid, tiles(this.#raster), bounds, trails, plans, findings(), rovers];
    attachGestures(canvas, this.viewport, { onMove: () => this.#takenOver(), onFit: () => this.fit() });
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#palette = readPalette();
      this.#raster.recolour(this.#palette);
    });
    store.show(['map'], (state) => this.#raster.update(state));
    store.show(['mission', 'map', 'rovers', 'objects'], (state) => this.#changed(state));
  }

  /** Frames drawn so far. */
  get frames(): number {
    return this.#frames;
  }

  /** True while the view keeps the whole area in sight by itself. */
  get following(): boolean {
    return this.#following;
  }

  /** Shows the whole area, and keeps showing it as it grows. */
  fit(): void {
    this.#following = true;
    this.#fitted = null;
    this.#changed(this.#store.state);
  }

  zoom(factor: number): void {
    this.viewport.zoomAt(this.viewport.width / 2, this.viewport.height / 2, factor);
    this.#takenOver();
  }

  /** Marks a finding, or none. */
  highlight(object: string | null): void {
    this.#highlighted = object;
    this.#askFrame();
  }

  /** Brings a point [m] into the middle, close up. */
  goTo(x: number, y: number): void {
    this.viewport.centerOn(x, y, FINDING_SCALE, !this.#calm.matches);
    this.#takenOver();
  }

  #takenOver(): void {
    this.#following = false;
    this.#askFrame();
  }

  #changed(state: FleetState): void {
    const area = areaOf(state);
    if (this.#following && area !== null && !sameBounds(area, this.#fitted)) {
      this.viewport.fit(area, paddingFor(this.viewport.width), this.#fitted !== null && !this.#calm.matches);
      this.#fitted = area;
    }
    this.#askFrame();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#pixelRatio = Math.min(devicePixelRatio, MAX_PIXEL_RATIO);
    this.viewport.width = clientWidth;
    this.viewport.height = clientHeight;
    this.#canvas.width = Math.round(clientWidth * this.#pixelRatio);
    this.#canvas.height = Math.round(clientHeight * this.#pixelRatio);
    this.#fitted = null;
    this.#changed(this.#store.state);
    // At once: a resized canvas is blank until it is drawn.
    this.#draw(performance.now());
  }

  #askFrame(): void {
    if (this.#frameAsked) return;
    this.#frameAsked = true;
    requestAnimationFrame((nowMs) => {
      this.#frameAsked = false;
      this.#draw(nowMs);
    });
  }

  #draw(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastFrameMs;
    this.#lastFrameMs = nowMs;
    this.#frames += 1;
    let moving = this.viewport.step(elapsedMs);
    const context = this.#context;
    context.setTransform(this.#pixelRatio, 0, 0, this.#pixelRatio, 0, 0);
    context.fillStyle = `rgb(${this.#palette.unknown.join(' ')})`;
    context.fillRect(0, 0, this.viewport.width, this.viewport.height);
    const scene = {
      context,
      viewport: this.viewport,
      palette: this.#palette,
      state: this.#store.state,
      nowMs,
      pixelRatio: this.#pixelRatio,
      highlighted: this.#highlighted,
      calm: this.#calm.matches,
    };
    for (const layer of this.#layers) if (layer(scene)) moving = true;
    this.#onView();
    if (moving) this.#askFrame();
  }
}

/** The search area, or what the merged map covers so far; null before either is known. */
function areaOf(state: FleetState): Bounds | null {
  const named = shownMission(state)?.status.bounds ?? null;
  if (named !== null) return named;
  const { metadata } = state;
  if (metadata === null || metadata.tileMaxX < metadata.tileMinX) return null;
  const edgeM = metadata.tileSize * metadata.resolutionM;
  return {
    minX: metadata.tileMinX * edgeM,
    minY: metadata.tileMinY * edgeM,
    maxX: (metadata.tileMaxX + 1) * edgeM,
    maxY: (metadata.tileMaxY + 1) * edgeM,
  };
}

/** Room for the controls that lie over the map. */
function paddingFor(width: number): Padding {
  return width < 600 ? { top: 14, right: 14, bottom: 58, left: 14 } : { top: 28, right: 28, bottom: 60, left: 28 };
}

function sameBounds(a: Bounds, b: Bounds | null): boolean {
  return b !== null && a.minX === b.minX && a.minY === b.minY && a.maxX === b.maxX && a.maxY === b.maxY;
}
