// A camera that gives JPEGs as one that gives pixels: pictures are decoded beside the control loop, one at a time, and the newest wins.
import type { Picture } from '../../shared/modules/host/image.ts';
import type { CameraFrame, CameraInputs, CameraIntrinsics, CameraIo, CameraMount } from '../../shared/ports/camera-io.ts';

export type DecodeJpeg = (jpeg: Uint8Array, maxPixels: number) => Promise<Picture>;

/** A little more than full HD: what a small rover's camera gives at most. */
const MAX_PIXELS = 1 << 22;

/** Frames keep stamp and sequence of the JPEG that they come from; one that cannot be decoded is reported and left out. rgb8 frames pass as they are. */
export class DecodedCamera implements CameraIo {
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  readonly #camera: CameraIo;
  readonly #decode: DecodeJpeg;
  readonly #onError: (error: Error) => void;
  #frame: CameraFrame | null = null;
  #taken: number | null = null;
  #busy = false;

  constructor(camera: CameraIo, decode: DecodeJpeg, onError: (error: Error) => void) {
    this.intrinsics = camera.intrinsics;
    this.mount = camera.mount;
    this.#camera = camera;
    this.#decode = decode;
    this.#onError = onError;
  }

  update(): CameraInputs {
    const { connected, frame } = this.#camera.update();
    if (frame !== null && frame.sequence !== this.#taken && !this.#busy) this.#take(frame);
    return { connected, frame: this.#frame };
  }

  #take(frame: CameraFrame): void {
    this.#taken = frame.sequence;
    if (frame.encoding === 'rgb8') {
      this.#frame = frame;
      return;
    }
    this.#busy = true;
    this.#decode(frame.data, MAX_PIXELS)
      .then(({ width, height, pixels }) => {
        this.#frame = { stampSec: frame.stampSec, sequence: frame.sequence, width, height, encoding: 'rgb8', data: pixels };
      })
      .catch((error: unknown) => this.#onError(error as Error))
      .finally(() => (this.#busy = false));
  }
}
