// Step 5 of the offload sequence on the data plane: a bundle travels from a rover to a host, or does not, where the host has it.
import { z } from 'zod';
import { OutriderError } from '../errors.ts';
import { idSchema } from './message.ts';
import { traceparentSchema } from './trace-context.ts';

/** Largest bundle that a host takes [bytes]: modules with an embedded JavaScript engine have about 12 MB. */
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
/** Bundles travel in pieces of this size, so that neither side buffers a whole one twice. */
export const CHUNK_BYTES = 256 * 1024;
/** Bound on the small frames. */
const MAX_CONTROL_BYTES = 16 * 1024;

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);

const schemas = {
  /** Rover → host: this ticket, this bundle. */
  open: z.strictObject({
    kind: z.literal('open'),
    ticket: z.string().min(1).max(256),
    digest: digestSchema,
    bytes: z.number().int().positive().max(MAX_BUNDLE_BYTES),
    traceparent: traceparentSchema,
  }),
  /** Rover → host: this ticket, for a network that is shared while its weights go up; frames of incremental offloading follow. */
  share: z.strictObject({ kind: z.literal('share'), ticket: z.string().min(1).max(256), traceparent: traceparentSchema }),
  /** Host → rover: bytes that are here already; all of them where it is warm, some after a cut. */
  have: z.strictObject({ kind: z.literal('have'), bytes: z.number().int().nonnegative().max(MAX_BUNDLE_BYTES) }),
  /** Host → rover: the instance waits for its state. */
  ready: z.strictObject({
    kind: z.literal('ready'),
    instance: idSchema,
    epoch: z.number().int().nonnegative(),
    addresses: z.array(z.string().min(1).max(256)).min(1).max(4),
  }),
  /** Host → rover: the answer to `share`. */
  serving: z.strictObject({ kind: z.literal('serving'), instance: idSchema, epoch: z.number().int().nonnegative() }),
  failed: z.strictObject({ kind: z.literal('failed'), code: z.string().max(64), reason: z.string().max(500) }),
};

const controlSchema = z.discriminatedUnion('kind', [
  schemas.open,
  schemas.share,
  schemas.have,
  schemas.ready,
  schemas.serving,
  schemas.failed,
]);

export type TransferControl = z.infer<typeof controlSchema>;
export type TransferFrame = TransferControl | { readonly kind: 'chunk'; readonly bytes: Uint8Array };

const CONTROL = Uint8Array.of(1);
const CHUNK = Uint8Array.of(2);

/** The parts of a frame. */
export function encodeTransfer(frame: TransferFrame): readonly Uint8Array[] {
  if (frame.kind === 'chunk') return [CHUNK, frame.bytes];
  return [CONTROL, new TextEncoder().encode(JSON.stringify(frame))];
}

/** Checks a frame from the other side; a chunk's bytes are a view of the frame. Throws OUT_EDGE_TRANSFER. */
export function decodeTransfer(frame: Uint8Array): TransferFrame {
  if (frame[0] === CHUNK[0]) return { kind: 'chunk', bytes: frame.subarray(1) };
  if (frame[0] !== CONTROL[0] || frame.byteLength > MAX_CONTROL_BYTES) {
    throw new OutriderError('OUT_EDGE_TRANSFER', `a frame of ${frame.byteLength} bytes is neither a chunk nor a control frame`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(1)));
  } catch (cause) {
    throw new OutriderError('OUT_EDGE_TRANSFER', 'a control frame is not UTF-8 JSON', { cause });
  }
  const parsed = controlSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OutriderError('OUT_EDGE_TRANSFER', `a control frame: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return parsed.data;
}
