// Compressed pictures to pixels, by sharp (libvips).
import sharp from 'sharp';
import type { DecodePicture } from './ros-body.ts';

/** A picture is at most so large: 32 megapixels. Threat: a small file that unfolds into gigabytes. */
const MAX_PIXELS = 1 << 25;

export const decodePicture: DecodePicture = async (bytes) => {
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
};
