// Which trace a message belongs to: `traceparent` of W3C Trace Context, version 00 (trace id, span id, flags).
import { z } from 'zod';

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const traceparentSchema = z
  .string()
  .regex(TRACEPARENT, 'a W3C traceparent is 00-<32 hex digits>-<16>-<2>')
  .optional()
  .describe('W3C trace context of the sender’s span; absent unless the rover is traced.');
