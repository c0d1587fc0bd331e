// Which detector searches a rover's frames, as mission files and rover files say it. To be spread into their schemas.
import { z } from 'zod';

interface DetectorChoice {
  readonly detector: 'network' | 'classical';
  readonly offload: { readonly inference: 'whole' | 'incremental'; readonly minLayersOnboard: number };
}

/** `usual`: what is taken where a file says nothing. */
/** For \`superRefine\`: what of the choice does not fit together. */
export function checkDetectorChoice({ detector, offload }: DetectorChoice, context: z.core.$RefinementCtx): void {
  const { inference, minLayersOnboard } = offload;
  const issue = (path: string[], message: string): void => context.addIssue({ code: 'custom', path: ['offload', ...path], message });
  if (inference === 'incremental' && detector !== 'network')
    issue(['inference'], 'only a network is offloaded layer by layer: add `detector: network`');
  if (inference === 'whole' && minLayersOnboard > 0)
    issue(['minLayersOnboard'], 'the whole detector takes frames with it: add `inference: incremental`');
}

export function detectorChoiceFields(usual: 'network' | 'classical') {
  return {
    detector: z.enum(['network', 'classical']).default(usual).describe('A trained network, or colour and shape.'),
    model: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
      .default('hazards')
      .describe('Name of the network: `<name>.onnx` with `<name>.json`.'),
    offload: z
      .strictObject({
        inference: z
          .enum(['whole', 'incremental'])
          .default('whole')
          .describe('What leaves the rover: the whole detector and its frames, or layers of the network one after the other (IONN).'),
        minLayersOnboard: z
          .int()
          .min(0)
          .max(10_000)
          .default(0)
          .describe('First layers that never leave the rover; with 1 or more no raw frame does.'),
        k: z.number().gt(0).max(0.9999).default(0.8).describe('K of IONN: near 1, many small uploads; small, few large ones.'),
      })
      .prefault({})
      .describe('How the network is offloaded.'),
    models: z.array(z.string().min(1)).default([]).describe('Folders with networks of your own.'),
  };
}
