// The inference of an edge host, as its operator sets it.
import { z } from 'zod';
import { DEFAULT_INFERENCE } from '../../shared/inference/inference-settings.ts';

export const inferenceConfigSchema = z
  .strictObject({
    models: z.array(z.string().min(1)).default([]).describe('Folders with `<name>.onnx` and `<name>.json`, before the models of Outrider.'),
    provider: z.enum(['auto', 'cpu', 'cuda', 'tensorrt']).default(DEFAULT_INFERENCE.provider),
    threads: z.int().min(0).max(256).default(DEFAULT_INFERENCE.threads).describe('Of one run; 0: the engine chooses.'),
    maxBatch: z.int().min(1).max(64).default(DEFAULT_INFERENCE.maxBatch).describe('Requests computed at once at most.'),
    deadlineMs: z.number().positive().default(DEFAULT_INFERENCE.deadlineMs).describe('A frame that waits longer is dropped [ms].'),
  })
  .prefault({});
