// The common view of a mission: metadata, tiles and fused objects, all retained, so that a late subscriber gets everything.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

export const mapMetadata = defineMessage({
  name: 'map metadata',
  description: 'Geometry of the merged map. Retained; sent when the Map Server starts and when the map grows.',
  topic: 'outrider/{site}/mission/{mission}/map/metadata',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    resolutionM: z.number().positive().describe('Edge of a cell [m].'),
    tileSize: z.number().int().positive().describe('Cells along the edge of a tile.'),
    tileMinX: z.number().int(),
    tileMinY: z.number().int(),
    tileMaxX: z.number().int(),
    tileMaxY: z.number().int(),
    rovers: z.array(idSchema).describe('Rovers whose partial maps are merged.'),
    revision: z.number().int().nonnegative(),
    stampSec: z.number(),
  }),
});

export const mapTile = defineMessage({
  name: 'map tile',
  description: 'One square of the merged map. Tile (x, y) spans cells [x·tileSize, (x+1)·tileSize) from the map origin. Retained.',
  topic: 'outrider/{site}/mission/{mission}/map/tile/{tile}',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    x: z.number().int(),
    y: z.number().int(),
    revision: z.number().int().nonnegative().describe('Grows with every change of this tile; older revisions are to be ignored.'),
    stampSec: z.number(),
    cells: z
      .string()
      .max(16_384)
      .describe('Base64 of raw-deflated tileSize² int8 cells: −1 unknown, 0 free … 100 occupied; row-major from the lower left.'),
  }),
});

export const mapObject = defineMessage({
  name: 'map object',
  description: 'One object fused from sightings. Retained. Objects with `status: candidate` were seen too seldom to be findings.',
  topic: 'outrider/{site}/mission/{mission}/object/{object}',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    object: idSchema,
    class: z.string().max(64),
    status: z.enum(['candidate', 'confirmed', 'withdrawn']),
    x: z.number().describe('Map frame [m].'),
    y: z.number(),
    covariance: z.tuple([z.number(), z.number(), z.number()]).describe('xx, xy, yy [m²].'),
    sightings: z.number().int().nonnegative(),
    rovers: z.array(idSchema).max(64),
    score: z.number().min(0).max(1).describe('Fused confidence in the class.'),
    firstSeenSec: z.number(),
    lastSeenSec: z.number(),
  }),
});

/** The `{tile}` place of a tile: signed coordinates with `m` for minus, e.g. `3_m2`. */
export function tileId(x: number, y: number): string {
  const level = (value: number): string => (value < 0 ? `m${-value}` : `${value}`);
  return `${level(x)}_${level(y)}`;
}

export type MapMetadata = z.infer<typeof mapMetadata.schema>;
export type MapTile = z.infer<typeof mapTile.schema>;
export type MapObject = z.infer<typeof mapObject.schema>;
