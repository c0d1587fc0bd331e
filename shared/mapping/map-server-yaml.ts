// Nav2's map_server format: a YAML file beside a greyscale picture, in the modes trinary, scale and raw
// (nav2_map_server/map_io; occupancy as in nav_msgs/OccupancyGrid).
import { stringify } from 'yaml';
import { z } from 'zod';
import { parseYaml } from '../config/load-yaml.ts';
import { encodePgm, type GreyImage } from './map-image.ts';
import { FREE, OCCUPIED, type OccupancyMap, UNKNOWN } from './occupancy-map.ts';

const probability = z.number().min(0).max(1);

const mapServerSchema = z
  .object({
    image: z.string().min(1),
    resolution: z.number().positive(),
    origin: z.tuple([z.number(), z.number(), z.number()]),
    negate: z.union([z.literal(0), z.literal(1), z.boolean()]).default(0),
    occupied_thresh: probability.default(0.65),
    free_thresh: probability.default(0.196),
    mode: z.enum(['trinary', 'scale', 'raw']).default('trinary'),
  })
  .refine((value) => value.free_thresh < value.occupied_thresh, { path: ['free_thresh'], message: 'must lie below occupied_thresh' });

export type MapServerMode = 'trinary' | 'scale' | 'raw';

/** The YAML part, checked. `origin` is the pose of the lower-left pixel's corner: x, y [m], yaw [rad]. */
export interface MapServerInfo {
  readonly image: string;
  readonly resolutionM: number;
  readonly origin: readonly [number, number, number];
  readonly negate: boolean;
  readonly occupiedThreshold: number;
  readonly freeThreshold: number;
  readonly mode: MapServerMode;
}

/** What to assume of a picture without YAML. */
export function defaultMapServerInfo(image: string, resolutionM: number): MapServerInfo {
  return { image, resolutionM, origin: [0, 0, 0], negate: false, occupiedThreshold: 0.65, freeThreshold: 0.196, mode: 'trinary' };
}

/** Throws OUT_CONFIG_UNREADABLE or OUT_CONFIG_INVALID. */
export function parseMapServerYaml(text: string, source: string): MapServerInfo {
  const parsed = parseYaml(text, source, mapServerSchema);
  return {
    image: parsed.image,
    resolutionM: parsed.resolution,
    origin: parsed.origin,
    negate: parsed.negate === 1 || parsed.negate === true,
    occupiedThreshold: parsed.occupied_thresh,
    freeThreshold: parsed.free_thresh,
    mode: parsed.mode,
  };
}

/** The map that a picture stands for. The yaw of the origin is not applied: maps are axis-aligned in their own frame. */
export function toOccupancyMap(image: GreyImage, info: MapServerInfo): OccupancyMap {
  const cells = new Int8Array(image.width * image.height);
  const cellOf = Int8Array.from({ length: 256 }, (_, shade) => cellFromShade(shade, info));
  for (let row = 0; row < image.height; row += 1) {
    for (let column = 0; column < image.width; column += 1) {
      cells[(image.height - 1 - row) * image.width + column] = cellOf[image.pixels[row * image.width + column] as number] as number;
    }
  }
  return {
    width: image.width,
    height: image.height,
    resolutionM: info.resolutionM,
    originX: info.origin[0],
    originY: info.origin[1],
    cells,
  };
}

function cellFromShade(shade: number, info: MapServerInfo): number {
  if (info.mode === 'raw') return shade <= 100 ? shade : UNKNOWN;
  const occupancy = (info.negate ? shade : 255 - shade) / 255;
  if (occupancy >= info.occupiedThreshold) return OCCUPIED;
  if (occupancy <= info.freeThreshold) return FREE;
  if (info.mode === 'trinary') return UNKNOWN;
  return Math.round(((occupancy - info.freeThreshold) / (info.occupiedThreshold - info.freeThreshold)) * 98) + 1;
}

export interface MapServerFiles {
  readonly yaml: string;
  readonly pgm: Uint8Array;
}

/** Shades of map_saver's trinary mode. */
const SHADE_FREE = 254;
const SHADE_OCCUPIED = 0;
const SHADE_UNKNOWN = 205;

/** Writes a map as map_saver does, but with the free threshold below the shade of unknown, so that unknown comes back as unknown. `scale` keeps probabilities in grey, `raw` the cell values themselves. */
export function encodeMapServerMap(map: OccupancyMap, options: { readonly image: string; readonly mode?: MapServerMode }): MapServerFiles {
  const mode = options.mode ?? 'trinary';
  const pixels = new Uint8Array(map.width * map.height);
  for (let row = 0; row < map.height; row += 1) {
    for (let column = 0; column < map.width; column += 1) {
      pixels[row * map.width + column] = shadeFromCell(map.cells[(map.height - 1 - row) * map.width + column] as number, mode);
    }
  }
  const thresholds = mode === 'trinary' ? { occupied_thresh: 0.65, free_thresh: 0.196 } : { occupied_thresh: 0.996, free_thresh: 0.004 };
  const yaml = stringify({
    image: options.image,
    mode,
    resolution: map.resolutionM,
    origin: [map.originX, map.originY, 0],
    negate: 0,
    ...thresholds,
  });
  return { yaml, pgm: encodePgm({ width: map.width, height: map.height, pixels }, `Outrider ${map.resolutionM} m/cell`) };
}

function shadeFromCell(cell: number, mode: MapServerMode): number {
  if (mode === 'raw') return cell === UNKNOWN ? 255 : cell;
  if (cell === UNKNOWN) return mode === 'trinary' ? SHADE_UNKNOWN : SHADE_MID;
  if (mode === 'trinary') return cell >= 65 ? SHADE_OCCUPIED : cell <= 25 ? SHADE_FREE : SHADE_UNKNOWN;
  return Math.round(255 - (cell / 100) * 255);
}

/** In scale mode there is no shade for unknown without an alpha channel; even odds is the honest one. */
const SHADE_MID = 127;
