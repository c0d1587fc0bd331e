// Grey pictures as floats: made from any picture file, shrunk and smoothed, and read between the pixels.

/** Row-major from the top left, 0 black to 255 white. The centre of the first pixel is (0, 0). */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** Mean of blocks of `factor` × `factor` pixels. */
export function shrink(image: GrayImage, factor: number): GrayImage {
  if (factor === 1) return image;
  const [width, height] = [Math.floor(image.width / factor), Math.floor(image.height / factor)];
  const pixels = new Float32Array(width * height);
  for (let y = 0; y < height * factor; y += 1) {
    const [from, to] = [y * image.width, Math.floor(y / factor) * width];
    for (let x = 0; x < width * factor; x += 1) {
      const at = to + Math.floor(x / factor);
      pixels[at] = (pixels[at] as number) + (image.pixels[from + x] as number) / (factor * factor);
    }
  }
  return { width, height, pixels };
}

/** Smoothed by a Gaussian of this standard deviation [px]; edges are continued. */
export function smooth({ width, height, pixels }: GrayImage, sigmaPx: number): GrayImage {
  const reach = Math.ceil(3 * sigmaPx);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigmaPx * sigmaPx)));
  const sum = weights.reduce((a, b) => a + b, 0);
  const kernel = Float32Array.from(weights, (weight) => weight / sum);
  const pass = (from: Float32Array, step: number, across: number, lines: number, length: number): Float32Array => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line += 1) {
      for (let at = 0; at < length; at += 1) {
        const first = line * across + at * step;
        const inside = at >= reach && at < length - reach;
        let value = 0;
        for (let k = -reach; k <= reach; k += 1) {
          const near = inside ? k : Math.min(length - 1, Math.max(0, at + k)) - at;
          value += (kernel[k + reach] as number) * (from[first + near * step] as number);
        }
        to[first] = value;
      }
    }
    return to;
  };
  const rows = pass(pixels, 1, width, height, width);
  return { width, height, pixels: pass(rows, width, 1, width, height) };
}

/** Between the pixels by bilinear interpolation; outside, the nearest edge. */
export function sample({ width, height, pixels }: GrayImage, x: number, y: number): number {
  const inX = Math.min(width - 1.001, Math.max(0, x));
  const inY = Math.min(height - 1.001, Math.max(0, y));
  const [left, top] = [Math.floor(inX), Math.floor(inY)];
  const [fx, fy] = [inX - left, inY - top];
  const at = top * width + left;
  const above = (pixels[at] as number) * (1 - fx) + (pixels[at + 1] as number) * fx;
  const below = (pixels[at + width] as number) * (1 - fx) + (pixels[at + width + 1] as number) * fx;
  return above * (1 - fy) + below * fy;
}
