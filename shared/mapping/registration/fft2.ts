// In-place two-dimensional fast Fourier transform of square complex images whose edge is a power of two (radix 2, Cooley–Tukey).

/** Precomputed twiddle factors and bit reversal for one edge length. */
export class Fft2 {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reverse: Uint32Array;
  readonly #lineRe: Float64Array;
  readonly #lineIm: Float64Array;

  constructor(size: number) {
    if (size < 2 || (size & (size - 1)) !== 0) throw new RangeError(`the edge of a transform must be a power of two, not ${size}`);
    this.size = size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / size));
    const bits = Math.log2(size);
    this.#reverse = Uint32Array.from({ length: size }, (_, k) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit += 1) if ((k & (1 << bit)) !== 0) reversed |= 1 << (bits - 1 - bit);
      return reversed;
    });
    this.#lineRe = new Float64Array(size);
    this.#lineIm = new Float64Array(size);
  }

  /**
   * Transforms size² complex values in place; `inverse` includes the factor 1/size². The spectrum is stored transposed
   * (column-major), which saves two passes: products of two spectra and the way back do not notice.
   */
  transform(re: Float64Array, im: Float64Array, inverse: boolean): void {
    const n = this.size;
    for (let y = 0; y < n; y += 1) if (inverse || !isZeroRow(re, im, y * n, n)) this.#line(re, im, y * n, inverse);
    transpose(re, n);
    transpose(im, n);
    for (let x = 0; x < n; x += 1) this.#line(re, im, x * n, inverse);
    if (!inverse) return;
    const scale = 1 / (n * n);
    for (let index = 0; index < n * n; index += 1) {
      re[index] = (re[index] as number) * scale;
      im[index] = (im[index] as number) * scale;
    }
  }

  #line(re: Float64Array, im: Float64Array, start: number, inverse: boolean): void {
    const n = this.size;
    const a = this.#lineRe;
    const b = this.#lineIm;
    for (let k = 0; k < n; k += 1) {
      const from = start + (this.#reverse[k] as number);
      a[k] = re[from] as number;
      b[k] = im[from] as number;
    }
    for (let half = 1; half < n; half *= 2) {
      const step = n / (2 * half);
      for (let block = 0; block < n; block += 2 * half) {
        for (let k = 0; k < half; k += 1) {
          const c = this.#cos[k * step] as number;
          const s = inverse ? (this.#sin[k * step] as number) : -(this.#sin[k * step] as number);
          const low = block + k;
          const high = low + half;
          const hr = (a[high] as number) * c - (b[high] as number) * s;
          const hi = (a[high] as number) * s + (b[high] as number) * c;
          a[high] = (a[low] as number) - hr;
          b[high] = (b[low] as number) - hi;
          a[low] = (a[low] as number) + hr;
          b[low] = (b[low] as number) + hi;
        }
      }
    }
    for (let k = 0; k < n; k += 1) {
      re[start + k] = a[k] as number;
      im[start + k] = b[k] as number;
    }
  }
}

/** In place, in blocks that fit the cache. */
function transpose(image: Float64Array, n: number): void {
  const block = 16;
  for (let y0 = 0; y0 < n; y0 += block) {
    for (let x0 = y0; x0 < n; x0 += block) {
      for (let y = y0; y < Math.min(n, y0 + block); y += 1) {
        for (let x = Math.max(x0, y + 1); x < Math.min(n, x0 + block); x += 1) {
          const kept = image[y * n + x] as number;
          image[y * n + x] = image[x * n + y] as number;
          image[x * n + y] = kept;
        }
      }
    }
  }
}

function isZeroRow(re: Float64Array, im: Float64Array, start: number, length: number): boolean {
  for (let index = start; index < start + length; index += 1) if (re[index] !== 0 || im[index] !== 0) return false;
  return true;
}
