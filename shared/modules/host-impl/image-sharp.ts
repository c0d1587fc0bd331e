// Host functions `image` by libvips (sharp). What arrives is hostile: the header says how many pixels would be made before any is.
import { OutriderError } from '../../errors.ts';
import type { Picture } from '../host/image.ts';

/** The functions that a module with the host interface `image` may call. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature, and host functions are looked up by name
export type ImageHost = {
  readonly decodeJpeg: (jpeg: Uint8Array, maxPixels: number) => Promise<Picture>;
};

/** 8 megapixels: more than a detector looks at; a bomb of 65,500 × 65,500 pixels would be 12 GB. */
const MAX_PIXELS = 1 << 23;
/** A JPEG beyond this is no frame [bytes]. */
const MAX_JPEG_BYTES = 16 * 1024 * 1024;

/** Loads libvips. */
export async function loadImageHost(): Promise<ImageHost> {
  const { default: sharp } = await import('sharp');
  // Frames never come twice, and one thread per picture is best where pictures of many rovers wait.
  sharp.cache(false);
  sharp.concurrency(1);
  return {
    decodeJpeg: async (jpeg, maxPixels) => {
      if (jpeg.byteLength > MAX_JPEG_BYTES || jpeg[0] !== 0xff || jpeg[1] !== 0xd8)
        throw new OutriderError('OUT_IMAGE_UNREADABLE', `${jpeg.byteLength} bytes that are no JPEG of at most ${MAX_JPEG_BYTES} bytes`);
      const limitInputPixels = Math.max(1, Math.min(MAX_PIXELS, maxPixels));
      try {
        const { data, info } = await sharp(jpeg, { limitInputPixels, failOn: 'truncated', autoOrient: false })
          .toColourspace('srgb')
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        if (info.channels !== 3) throw new Error(`${info.channels} channels`);
        return { width: info.width, height: info.height, pixels: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
      } catch (cause) {
        const why = (cause as Error).message.split('\n')[0] ?? 'unknown';
        throw new OutriderError('OUT_IMAGE_UNREADABLE', `a JPEG of ${jpeg.byteLength} bytes (at most ${limitInputPixels} pixels): ${why}`, {
          cause,
        });
      }
    },
  };
}
