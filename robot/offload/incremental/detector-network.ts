// A detector's network cut into layers, with what goes in and comes out of it: frames and boxes. The same code prepares pictures and reads
// boxes as in the module Neural Detection.
import { OutriderError } from '../../../shared/errors.ts';
import { checkDetector } from '../../../shared/inference/check-detector.ts';
import { toProfile } from '../../../shared/inference/inference-service.ts';
import { builtModels, readModelFiles } from '../../../shared/inference/model-library.ts';
import { loadImageHost } from '../../../shared/modules/host-impl/image-sharp.ts';
import type { DetectorProfile, NamedTensor } from '../../../shared/modules/host/nn.ts';
import { toDetections } from '../../../shared/modules/neural-detection/boxes.ts';
import { fillInput, placePicture, type Placement } from '../../../shared/modules/neural-detection/letterbox.ts';
import type { NeuralDetection } from '../../../shared/modules/neural-detection/records.ts';
import type { NetworkChain } from '../../../shared/onnx/chain.ts';
import { openChain } from '../../../shared/onnx/open-chain.ts';
import type { OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import type { NamedTensors } from '../../../shared/onnx/tensor.ts';
import type { CameraFrame } from '../../../shared/ports/camera-io.ts';

export interface DetectorNetwork {
  readonly chain: NetworkChain;
  /** A picture of 8 bits to measure with. */
  readonly sample: NamedTensors;
  /** Lays a frame into the network's input. Rejects with OUT_IMAGE_UNREADABLE. */
  prepare(frame: CameraFrame): Promise<{ readonly inputs: NamedTensors; readonly placement: Placement }>;
  /** Boxes in pixels of the frame, best first. Throws OUT_MODEL_OUTPUT for results that are none of this layout, or no numbers. */
  read(outputs: NamedTensors, placement: Placement, frame: CameraFrame): NeuralDetection[];
}

/** Finds the network by its name, and cuts it. Rejects as `readModelFiles` and `openChain` do, or with OUT_MODEL_SHAPE. */
export async function openDetectorNetwork(name: string, folders: readonly string[], open: OpenNetwork): Promise<DetectorNetwork> {
  const { network, config } = await readModelFiles([...folders, builtModels()], name);
  const chain = await openChain(network, open);
  const specs = (names: readonly string[]) =>
    names.map((item) => ({
      name: item,
      type: chain.specs.get(item)?.type ?? 'unknown',
      dimensions: [...(chain.specs.get(item)?.dims ?? [])],
    }));
  const inputNames = chain.model.inputs.map((input) => input.name);
  checkDetector(name, { inputs: specs(inputNames), outputs: specs(chain.model.outputs) }, config);
  const profile = toProfile(config, inputNames[0] ?? '');
  const dims = [1, 3, profile.inputHeight, profile.inputWidth];
  const asInput = (values: Float32Array): NamedTensors =>
    new Map([[profile.inputName, { type: 'float32', dims, data: new Uint8Array(values.buffer) }]]);
  return {
    chain,
    sample: asInput(Float32Array.from({ length: 3 * profile.inputWidth * profile.inputHeight }, (_, at) => noise(at) * profile.white)),
    prepare: async (frame) => {
      const { width, height } = frame;
      const pixels = frame.encoding === 'jpeg' ? await decoded(frame) : frame.data;
      const placement = placePicture(width, height, profile);
      const input = new Float32Array(3 * profile.inputWidth * profile.inputHeight);
      fillInput(pixels, width, height, placement, profile, input);
      return { inputs: asInput(input), placement };
    },
    read: (outputs, placement, frame) => toDetections(readable(outputs, chain, profile), profile, placement, frame.width, frame.height),
  };
}

/** 0 to 1 in 256 steps, scattered by the golden ratio. */
const noise = (at: number): number => (Math.imul(at, 0x9e37_79b1) >>> 24) / 255;

async function decoded({ data, width, height }: CameraFrame): Promise<Uint8Array> {
  const picture = await (await loadImageHost()).decodeJpeg(data, width * height);
  if (picture.width !== width || picture.height !== height)
    throw new OutriderError('OUT_IMAGE_UNREADABLE', `a JPEG of ${picture.width} × ${picture.height} pixels came as ${width} × ${height}`);
  return picture.pixels;
}

function readable(outputs: NamedTensors, { model }: NetworkChain, { layout }: DetectorProfile): NamedTensor[] {
  return model.outputs.map((name) => {
    const tensor = outputs.get(name);
    if (tensor?.type !== 'float32')
      throw new OutriderError('OUT_MODEL_OUTPUT', `${name} of layout ${layout} is ${tensor?.type ?? 'missing'}`);
    const data = new Float32Array(new Uint8Array(tensor.data).buffer);
    if (!data.every((value) => Number.isFinite(value)))
      throw new OutriderError('OUT_MODEL_OUTPUT', `output ${name} has values that are no numbers (NaN or infinite)`);
    return { name, dimensions: Int32Array.from(tensor.dims), data };
  });
}
