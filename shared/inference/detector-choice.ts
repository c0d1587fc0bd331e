// Which detector searches a rover's frames, as mission files and rover files say it. To be spread into their schemas.
import { z } from 'zod';

/** `usual`: what is taken where a file says nothing. */
export function detectorChoiceFields(usual: 'network' | 'classical') {
  return {
    detector: z.enum(['network', 'classical']).default(usual).describe('A trained network, or colour and shape.'),
    model: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
      .default('hazards')
      .describe('Name of the network: `<name>.onnx` with `<name>.json`.'),
    models: z.array(z.string().min(1)).default([]).describe('Folders with networks of your own.'),
  };
}
