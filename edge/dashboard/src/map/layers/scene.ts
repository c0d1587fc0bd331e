// What a layer gets to draw one frame.
import type { FleetState } from '../../state/fleet-state.ts';
import type { Palette } from '../palette.ts';
import type { Viewport } from '../viewport.ts';

export interface Scene {
  readonly context: CanvasRenderingContext2D;
  readonly viewport: Viewport;
  readonly palette: Palette;
  readonly state: FleetState;
  /** Page time [ms]. */
  readonly nowMs: number;
  /** Device pixels per CSS pixel. */
  readonly pixelRatio: number;
  /** The finding that a person points at, or null. */
  readonly highlighted: string | null;
  /** True when the person asked the system for less motion. */
  readonly calm: boolean;
}

/** Draws onto the scene; true when it wants another frame because something still moves. */
export type Layer = (scene: Scene) => boolean;
