// Object Detection by a trained network: prepares the picture, has the host compute, and reads boxes out of what comes back.
// One instance per rover.
import { decodeJpeg } from '../host/image.ts';
import { compute, describe, type DetectorProfile, type NamedTensor } from '../host/nn.ts';
import type { i32 } from '../portable.ts';
import { toDetections } from './boxes.ts';
import { fillInput, placePicture } from './letterbox.ts';
import type { NeuralDetection, NeuralFrame } from './records.ts';

/** 8 megapixels. */
const MAX_PIXELS: i32 = 8388608;

/** Work space and what the host said of the network, kept between frames; it is no state. */
let input = new Float32Array(0);
let profile: DetectorProfile | null = null;
let profileOf = '';

export class NeuralDetector {
  /** Frames searched so far. */
  frames: i32 = 0;

  /**
   * Finds what the network knows in a frame, best first. Throws for a frame whose size and data do not match.
   * @offloadable
   */
  detect(frame: NeuralFrame): NeuralDetection[] {
    if (frame.width <= 0 || frame.height <= 0 || frame.width > MAX_PIXELS / frame.height)
      throw new RangeError('the frame has an impossible size');
    const pixels = pixelsOf(frame);
    const network = profileFor(frame.model);
    const placement = placePicture(frame.width, frame.height, network);
    const size: i32 = 3 * network.inputWidth * network.inputHeight;
    if (input.length !== size) input = new Float32Array(size);
    fillInput(pixels, frame.width, frame.height, placement, network, input);
    const dimensions = new Int32Array(4);
    dimensions[0] = 1;
    dimensions[1] = 3;
    dimensions[2] = network.inputHeight;
    dimensions[3] = network.inputWidth;
    const tensor: NamedTensor = { name: network.inputName, dimensions: dimensions, data: input };
    const inputs: NamedTensor[] = [tensor];
    const outputs = compute(frame.model, inputs);
    this.frames += 1;
    return toDetections(outputs, network, placement, frame.width, frame.height);
  }
}

function pixelsOf(frame: NeuralFrame): Uint8Array {
  const bytes: i32 = frame.width * frame.height * 3;
  if (frame.encoding === 'rgb8') {
    if (frame.data.length !== bytes)
      throw new RangeError(`a frame of ${frame.width} × ${frame.height} pixels came with ${frame.data.length} bytes`);
    return frame.data;
  }
  const picture = decodeJpeg(frame.data, frame.width * frame.height);
  if (picture.width !== frame.width || picture.height !== frame.height || picture.pixels.length !== bytes)
    throw new RangeError(`a JPEG of ${picture.width} × ${picture.height} pixels came as a frame of ${frame.width} × ${frame.height}`);
  return picture.pixels;
}

function profileFor(model: string): DetectorProfile {
  const known = profile;
  if (known !== null && profileOf === model) return known;
  const asked = describe(model);
  profile = asked;
  profileOf = model;
  return asked;
}
