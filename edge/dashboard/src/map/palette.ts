// Colours of the map, read from the style sheet, so that dark and light stay in one place.

export type Rgb = readonly [number, number, number];

export interface Palette {
  readonly unknown: Rgb;
  readonly free: Rgb;
  readonly wall: Rgb;
  readonly grid: string;
  readonly gridStrong: string;
  readonly text: string;
  readonly muted: string;
  readonly halo: string;
  readonly hazard: string;
  readonly onHazard: string;
  readonly person: string;
  readonly candidate: string;
  readonly bounds: string;
  /** One per rover, repeated when there are more. */
  readonly rovers: readonly string[];
}

export const ROVER_COLOURS = 8;

/** Reads the palette for the colour scheme in force. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  return {
    unknown: toRgb(value('--map-unknown')),
    free: toRgb(value('--map-free')),
    wall: toRgb(value('--map-wall')),
    grid: value('--map-grid'),
    gridStrong: value('--map-grid-strong'),
    text: value('--text'),
    muted: value('--muted'),
    halo: value('--map-halo'),
    hazard: value('--hazard'),
    onHazard: value('--on-hazard'),
    person: value('--person'),
    candidate: value('--candidate'),
    bounds: value('--map-bounds'),
    rovers: Array.from({ length: ROVER_COLOURS }, (_, index) => value(`--rover-${index}`)),
  };
}

/** The colour of the rover at a place of the fleet's order. */
export function roverColour(palette: Palette, index: number): string {
  return palette.rovers[index % palette.rovers.length] ?? palette.text;
}

/** `#rrggbb` to components. */
function toRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
