// Which Offload Manager of a site acts: its sign of life, and the term that fences its predecessors.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

const session = idSchema.describe('New with each start of a manager.');

/** Terms count the managers that have acted at a site; a host obeys only the newest that it knows. */
export const termSchema = z.number().int().nonnegative();

export const managerStatus = defineMessage({
  name: 'manager status',
  description: 'The acting Offload Manager says every second that it acts; its last will says that it is lost. Retained.',
  topic: 'outrider/{site}/manager/status',
  retain: true,
  qos: 1,
  schema: z.discriminatedUnion('status', [
    z.strictObject({ status: z.literal('active'), session, term: termSchema, stampSec: z.number() }),
    z.strictObject({ status: z.enum(['offline', 'lost']), session }),
  ]),
});

export const managerTerm = defineMessage({
  name: 'manager term',
  description: 'A manager that begins to act says under which term. Retained, and never taken back: the next one takes a higher term.',
  topic: 'outrider/{site}/manager/term',
  retain: true,
  qos: 1,
  schema: z.strictObject({ session, term: termSchema }),
});

export type ManagerStatus = z.infer<typeof managerStatus.schema>;
