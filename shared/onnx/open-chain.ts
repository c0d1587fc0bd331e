// From a model file to its chain of layers: read, find the cuts, measure the tensors, keep the cuts worth having.
import { chainAt, usefulCuts, type NetworkChain } from './chain.ts';
import { legalCuts, type CutOptions } from './cut-points.ts';
import { measureTensors, type MeasureOptions } from './measure-tensors.ts';
import type { OpenNetwork } from './ort-session.ts';
import { readModel } from './read-model.ts';

/** Rejects with OUT_MODEL_ONNX, OUT_MODEL_LIMIT or OUT_MODEL_TENSOR. `file` must not change afterwards. */
export async function openChain(file: Uint8Array, open: OpenNetwork, options: CutOptions & MeasureOptions = {}): Promise<NetworkChain> {
  const model = readModel(file);
  const crossing = legalCuts(model, options).flatMap((cut) => cut.tensors);
  const specs = await measureTensors(model, crossing, open, options);
  const cuts = usefulCuts(model, specs, options);
  return chainAt(
    model,
    cuts.map((cut) => cut.position),
    specs,
    options,
  );
}
