// Which floor has been looked at: shared among the rovers so that nobody searches a place twice.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

export const inspectedTile = defineMessage({
  name: 'inspected tile',
  description:
    'Floor of one tile that this rover has looked at with its camera. Retained, one per rover and tile; cells are only ever added.',
  topic: 'outrider/{site}/mission/{mission}/inspected/{rover}/{tile}',
  retain: true,
  qos: 1,
  schema: z.strictObject({
    rover: idSchema,
    x: z.number().int(),
    y: z.number().int(),
    cellM: z.number().positive().describe('Edge of a cell of the mask [m].'),
    bits: z.string().max(16_384).describe('Base64 of the raw-deflated bit mask of the tile, row-major from the lower left.'),
  }),
});

export type InspectedTile = z.infer<typeof inspectedTile.schema>;
