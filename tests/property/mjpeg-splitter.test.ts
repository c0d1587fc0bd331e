// Frames out of a stream of JPEGs that is chunked, cut and mixed with other bytes.
import fc from 'fast-check';
import sharp, { type JpegOptions } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type JpegImage, MjpegSplitter } from '../../hardware/cameras/mjpeg-splitter.ts';

let images: Uint8Array[] = [];

beforeAll(async () => {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const make = (width: number, height: number, options: JpegOptions): Promise<Uint8Array> =>
    sharp({ create: { width, height, channels: 3, background: 'grey', noise } })
      .jpeg(options)
      .toBuffer()
      .then((buffer) => Uint8Array.from(buffer));
  images = await Promise.all([
    make(64, 48, { quality: 80 }),
    make(33, 17, { quality: 30, progressive: true }),
    make(120, 90, { quality: 95, optimiseCoding: true }),
    make(16, 16, { quality: 60 }),
  ]);
  const thumbnail = images[3] as Uint8Array;
  images[3] = withThumbnail(images[0] as Uint8Array, thumbnail);
});

/** T.81 B.2.4.6: an application segment holds whatever it likes, as Exif does with a small JPEG. */
function withThumbnail(image: Uint8Array, thumbnail: Uint8Array): Uint8Array {
  const bytes = thumbnail.length + 2;
  return Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, bytes >> 8, bytes & 0xff, ...thumbnail, ...image.subarray(2)]);
}

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function split(bytes: Uint8Array, chunk: number, maxBytes = 2 ** 20): { given: JpegImage[]; dropped: number } {
  const given: JpegImage[] = [];
  let held = 0;
  const splitter = new MjpegSplitter({ onImage: (image) => given.push(image), maxBytes });
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    splitter.feed(bytes.subarray(offset, offset + chunk));
    held = Math.max(held, splitter.stats.heldBytes);
  }
  expect(held).toBeLessThanOrEqual(maxBytes);
  return { given, dropped: splitter.stats.dropped };
}

const order = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 });
const chunk = fc.integer({ min: 1, max: 3000 });
const expectSame = (given: readonly JpegImage[], sent: readonly Uint8Array[]): void => {
  expect(given).toHaveLength(sent.length);
  expect(given.every(({ bytes }, index) => Buffer.compare(bytes, sent[index] as Uint8Array) === 0)).toBe(true);
};
const isOneOf = (given: JpegImage): boolean => images.some((image) => Buffer.compare(image, given.bytes) === 0);

describe('a stream of JPEGs', () => {
  it('gives every frame as it was, with its size, however the stream is chunked', () => {
    fc.assert(
      fc.property(order, chunk, (frames, size) => {
        const sent = frames.map((index) => images[index] as Uint8Array);
        const { given, dropped } = split(join(sent), size);
        expectSame(given, sent);
        const sizes = [
          [64, 48],
          [33, 17],
          [120, 90],
          [64, 48],
        ];
        expect(given.map(({ width, height }) => [width, height])).toEqual(frames.map((index) => sizes[index]));
        expect(dropped).toBe(0);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('cut off in the middle of a frame gives the frames before and after it', () => {
    fc.assert(
      fc.property(
        order,
        order,
        fc.integer({ min: 0, max: 3 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        chunk,
        (a, b, cut, at, size) => {
          const before = a.map((index) => images[index] as Uint8Array);
          const after = b.map((index) => images[index] as Uint8Array);
          const broken = images[cut] as Uint8Array;
          const { given } = split(join([...before, broken.subarray(0, Math.floor(at * broken.length)), ...after]), size);
          expectSame(given.slice(0, before.length), before);
          expectSame(given.slice(-after.length), after);
        },
      ),
      { seed: 2, numRuns: 150 },
    );
  });

  it('cut off at any of its first bytes, a length’s among them, hides no frame after it', () => {
    const [broken, whole] = [images[2] as Uint8Array, images[0] as Uint8Array];
    for (let cut = 1; cut <= 24; cut += 1) expectSame(split(join([broken.subarray(0, cut), whole, whole]), 7).given, [whole, whole]);
  });

  it('with a broken segment that ends where one of the next frame begins hides nothing of that frame', () => {
    const whole = images[0] as Uint8Array;
    const tables = Buffer.from(whole).indexOf(Buffer.of(0xff, 0xc4));
    expect(tables).toBeGreaterThan(0);
    const bytes = tables + 2;
    const broken = Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, bytes >> 8, bytes & 0xff]);
    for (const size of [1, 7, 4000]) expectSame(split(join([broken, whole, whole]), size).given, [whole, whole]);
  });

  it('with other bytes between its frames loses none that is whole', () => {
    fc.assert(
      fc.property(order, fc.uint8Array({ maxLength: 300 }), chunk, (frames, noise, size) => {
        const sent = frames.map((index) => images[index] as Uint8Array);
        const { given } = split(join(sent.flatMap((image) => [noise, image])), size);
        expectSame(given.filter(isOneOf), sent);
      }),
      { seed: 3, numRuns: 150 },
    );
  });

  it('of nothing but noise, or of a frame that never ends, is held only up to the limit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3000, maxLength: 9000 }), chunk, (noise, size) => {
        split(noise, size, 2048);
      }),
      { seed: 4, numRuns: 50 },
    );
    const image = images[0] as Uint8Array;
    const endless = join([image.subarray(0, image.length - 2), new Uint8Array(500_000).fill(7), image, image]);
    const { given, dropped } = split(endless, 1000, 50_000);
    expectSame(given, [image, image]);
    expect(dropped).toBeGreaterThanOrEqual(1);
  });
});
