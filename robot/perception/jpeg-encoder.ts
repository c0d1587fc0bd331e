// Frames as JPEG by libvips (sharp), loaded when the first frame leaves the rover.
import type { PictureLevel } from './jpeg-policy.ts';

/** rgb8: width·height·3 bytes. */
export interface RawPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A picture as a JPEG of the level's quality and size. Equal pictures give equal bytes. */
export async function encodeJpeg({ width, height, data }: RawPicture, { quality, scale }: PictureLevel): Promise<RawPicture> {
  const { default: sharp } = await import('sharp');
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  if (scale !== 1) picture.resize({ ...size, fit: 'fill', kernel: 'linear' });
  // Half the colour resolution would blur small signal-coloured objects.
  const jpeg = await picture.jpeg({ quality, chromaSubsampling: quality >= 70 ? '4:4:4' : '4:2:0' }).toBuffer();
  return { ...size, data: new Uint8Array(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength) };
}
