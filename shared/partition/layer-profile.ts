// What the partitioner must know of a network: a chain of layers with sizes and times, after IONN (Jeong et al., SoCC 2018, section 4).
import { z } from 'zod';
import { OutriderError } from '../errors.ts';

/** One layer of the chain, or a group of layers between two places where the network can be cut. */
export interface LayerProfile {
  readonly name: string;
  /** Everything that must cross to run this layer elsewhere: all tensors alive before it [bytes]. */
  readonly inputBytes: number;
  /** All tensors alive after it [bytes]. */
  readonly outputBytes: number;
  readonly weightBytes: number;
  /** Time for one query at the client and at the server [ms]. */
  readonly clientMs: number;
  readonly serverMs: number;
  /** Time in which the server makes arrived weights ready to run, once [ms]. */
  readonly loadMs: number;
}

const amount = z.number().nonnegative();

const layerSchema = z.strictObject({
  name: z.string().min(1).max(256),
  inputBytes: amount,
  outputBytes: amount,
  weightBytes: amount,
  clientMs: amount,
  serverMs: amount,
  loadMs: amount,
});

/** Layers of one network. Threat: a profile that makes planning endless; deep detectors have some hundred places to cut. */
const MAX_LAYERS = 10_000;

const profileSchema = z.array(layerSchema).min(1).max(MAX_LAYERS);

/** Checks a profile from outside. Throws OUT_MODEL_PROFILE with every problem. */
export function toLayerProfiles(value: unknown): readonly LayerProfile[] {
  const parsed = profileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 10).map(({ path, message }) => `${path.join('.') || 'profile'}: ${message}`);
  throw new OutriderError('OUT_MODEL_PROFILE', problems.join('; '));
}
