// Compressed pictures as a host decodes them: what a camera sends, and what an attacker would.
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ImageHost, loadImageHost } from '../../shared/modules/host-impl/image-sharp.ts';

let image: ImageHost;
beforeAll(async () => {
  image = await loadImageHost();
});

/** A picture with soft colours, so that JPEG changes little. */
function picture(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    return [60 + (pixel % width) / 2, 90 + Math.floor(pixel / width) / 2, 140][at % 3] ?? 0;
  });
}

const encode = (width: number, height: number, how: (made: Sharp) => Sharp = (made) => made.jpeg({ quality: 90 })): Promise<Buffer> =>
  how(sharp(picture(width, height), { raw: { width, height, channels: 3 } })).toBuffer();

describe('a JPEG', () => {
  it('comes back as its pixels', async () => {
    const decoded = await image.decodeJpeg(await encode(64, 48), 64 * 48);
    expect([decoded.width, decoded.height]).toEqual([64, 48]);
    const sent = picture(64, 48);
    const worst = decoded.pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - (sent[at] ?? 0))), 0);
    expect(decoded.pixels).toHaveLength(sent.length);
    expect(worst).toBeLessThan(12);
  });

  it('is decoded alike each time', async () => {
    const jpeg = await encode(320, 240);
    const [first, second] = await Promise.all([image.decodeJpeg(jpeg, 1e6), image.decodeJpeg(jpeg, 1e6)]);
    expect(Buffer.compare(first.pixels, second.pixels)).toBe(0);
  });

  it('in grey or progressive is one, too', async () => {
    const grey = await image.decodeJpeg(await encode(16, 16, (made) => made.greyscale().jpeg()), 256);
    const progressive = await image.decodeJpeg(await encode(16, 16, (made) => made.jpeg({ progressive: true })), 256);
    expect([grey.pixels.length, progressive.pixels.length]).toEqual([768, 768]);
  });
});

describe('what is no acceptable JPEG', () => {
  const refused = (bytes: Uint8Array, maxPixels = 1e6): Promise<void> =>
    expect(image.decodeJpeg(bytes, maxPixels)).rejects.toMatchObject({ code: 'OUT_IMAGE_UNREADABLE' });

  it('is refused before it is unpacked: a bomb that says 65,500 × 65,500 pixels', async () => {
    const bomb = Buffer.from(await encode(16, 16));
    const frameHeader = bomb.indexOf(Buffer.from([0xff, 0xc0]));
    bomb.writeUInt16BE(65_500, frameHeader + 5);
    bomb.writeUInt16BE(65_500, frameHeader + 7);
    const before = process.memoryUsage().rss;
    await refused(bomb);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  it('is refused where it has one row more than the frame that was announced', async () => {
    const jpeg = await encode(32, 33);
    await refused(jpeg, 32 * 32);
    expect((await image.decodeJpeg(jpeg, 32 * 33)).height).toBe(33);
  });

  it.each(['png', 'webp', 'tiff'] as const)('is refused as %s: only JPEG decoders are exposed', async (format) => {
    await refused(await encode(16, 16, (made) => made.toFormat(format)));
  });

  it('is refused when truncated, empty, noise, or too long', async () => {
    const jpeg = await encode(64, 64);
    await refused(jpeg.subarray(0, jpeg.length / 2));
    await refused(jpeg.subarray(0, 20));
    await refused(new Uint8Array());
    await refused(Uint8Array.from({ length: 5000 }, (_, at) => (at < 2 ? [0xff, 0xd8][at] : (at * 7919) % 256) ?? 0));
    const long = new Uint8Array(17 * 2 ** 20);
    long.set([0xff, 0xd8]);
    await refused(long);
  });
});
