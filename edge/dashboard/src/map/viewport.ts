// Which part of the map is on the canvas: metres of the map frame (y up) to CSS pixels (y down) and back.

export interface Bounds {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** Space kept free of map content when fitting [CSS px]. */
export interface Padding {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

const MIN_SCALE = 2;
const MAX_SCALE = 400;
/** Share of the remaining way that an animated move covers per 16 ms. */
const EASE = 0.18;

export class Viewport {
  /** Map point in the middle of the canvas [m]. */
  centerX = 0;
  centerY = 0;
  /** CSS pixels per metre. */
  scale = 24;
  /** Size of the canvas [CSS px]. */
  width = 1;
  height = 1;
  #target: { readonly centerX: number; readonly centerY: number; readonly scale: number } | null = null;

  screenX(x: number): number {
    return this.width / 2 + (x - this.centerX) * this.scale;
  }

  screenY(y: number): number {
    return this.height / 2 - (y - this.centerY) * this.scale;
  }

  mapX(screenX: number): number {
    return this.centerX + (screenX - this.width / 2) / this.scale;
  }

  mapY(screenY: number): number {
    return this.centerY - (screenY - this.height / 2) / this.scale;
  }

  /** The part of the map on show [m]. */
  get visible(): Bounds {
    return { minX: this.mapX(0), maxX: this.mapX(this.width), minY: this.mapY(this.height), maxY: this.mapY(0) };
  }

  /** Moves the content by a drag [CSS px]. */
  panBy(dx: number, dy: number): void {
    this.#target = null;
    this.centerX -= dx / this.scale;
    this.centerY += dy / this.scale;
  }

  /** Scales by `factor`; the map point under the given screen point stays where it is. */
  zoomAt(screenX: number, screenY: number, factor: number): void {
    this.#target = null;
    const x = this.mapX(screenX);
    const y = this.mapY(screenY);
    this.scale = clampScale(this.scale * factor);
    this.centerX = x - (screenX - this.width / 2) / this.scale;
    this.centerY = y + (screenY - this.height / 2) / this.scale;
  }

  /** Heads for a view that shows all of `bounds`; `glide` moves there over the next frames. */
  fit(bounds: Bounds, padding: Padding, glide: boolean): void {
    const innerWidth = Math.max(this.width - padding.left - padding.right, 40);
    const innerHeight = Math.max(this.height - padding.top - padding.bottom, 40);
    const scale = clampScale(
      Math.min(innerWidth / Math.max(bounds.maxX - bounds.minX, 1), innerHeight / Math.max(bounds.maxY - bounds.minY, 1)),
    );
    this.#head(
      {
        centerX: (bounds.minX + bounds.maxX) / 2 + (padding.right - padding.left) / 2 / scale,
        centerY: (bounds.minY + bounds.maxY) / 2 + (padding.top - padding.bottom) / 2 / scale,
        scale,
      },
      glide,
    );
  }

  /** Heads for a point [m] in the middle, at least as close as `scale`. */
  centerOn(x: number, y: number, scale: number, glide: boolean): void {
    this.#head({ centerX: x, centerY: y, scale: Math.max(clampScale(scale), this.scale) }, glide);
  }

  /** One frame of an animated move; true while it goes on. */
  step(elapsedMs: number): boolean {
    const target = this.#target;
    if (target === null) return false;
    const share = 1 - (1 - EASE) ** (Math.min(elapsedMs, 100) / 16);
    this.scale *= (target.scale / this.scale) ** share;
    this.centerX += share * (target.centerX - this.centerX);
    this.centerY += share * (target.centerY - this.centerY);
    const offPx = Math.hypot(target.centerX - this.centerX, target.centerY - this.centerY) * this.scale;
    if (offPx < 0.25 && Math.abs(Math.log(target.scale / this.scale)) < 5e-4) this.#head(target, false);
    return true;
  }

  #head(target: { readonly centerX: number; readonly centerY: number; readonly scale: number }, glide: boolean): void {
    this.#target = glide ? target : null;
    if (glide) return;
    this.centerX = target.centerX;
    this.centerY = target.centerY;
    this.scale = target.scale;
  }
}

function clampScale(scale: number): number {
  return Math.min(Math.max(scale, MIN_SCALE), MAX_SCALE);
}
