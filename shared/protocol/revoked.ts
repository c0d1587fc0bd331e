// Who was put out of a site: hosts hold to it although older tokens of theirs are still valid.
import { z } from 'zod';
import { defineMessage, idSchema } from './message.ts';

export const revokedMembers = defineMessage({
  name: 'revoked members',
  description:
    'The site says which rovers and operators were revoked: hosts end what is theirs and turn them away. Retained; each replaces the one before.',
  topic: 'outrider/{site}/revoked',
  retain: true,
  qos: 1,
  maxBytes: 512 * 1024,
  schema: z.strictObject({ rovers: z.array(idSchema).max(4096), operators: z.array(idSchema).max(1024) }),
});
