// Pictures of any common format as grey images.
import { OutriderError } from '../../../shared/errors.ts';
import type { CameraFrame } from '../../../shared/ports/camera-io.ts';
import type { GrayImage } from './gray-image.ts';

/** 32 megapixels: more than any camera of a rover gives. */
const MAX_PIXELS = 1 << 25;

/** A JPEG, PNG or WebP file, or its bytes. Throws OUT_IMAGE_UNREADABLE. */
export async function readGray(source: string | Uint8Array): Promise<GrayImage> {
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(source, { limitInputPixels: MAX_PIXELS })
      .flatten({ background: '#fff' })
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = new Float32Array(info.width * info.height);
    for (let at = 0; at < pixels.length; at += 1) pixels[at] = data[at * info.channels] as number;
    return { width: info.width, height: info.height, pixels };
  } catch (error) {
    const name = typeof source === 'string' ? source : 'the frame';
    throw new OutriderError('OUT_IMAGE_UNREADABLE', `${name}: ${(error as Error).message}`);
  }
}

/** A frame of a camera's port. Throws OUT_IMAGE_UNREADABLE for a broken JPEG. */
export async function grayOfFrame({ width, height, encoding, data }: CameraFrame): Promise<GrayImage> {
  if (encoding === 'jpeg') return readGray(data);
  const pixels = new Float32Array(width * height);
  for (let at = 0; at < pixels.length; at += 1) {
    const [red = 0, green = 0, blue = 0] = data.subarray(3 * at, 3 * at + 3);
    pixels[at] = 0.299 * red + 0.587 * green + 0.114 * blue; // ITU-R BT.601
  }
  return { width, height, pixels };
}
