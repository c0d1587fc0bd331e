// Exact Euclidean distance transform of a grid in linear time (Felzenszwalb & Huttenlocher, Theory of Computing 8, 2012).

/**
 * Distance [cells] from each cell's centre to the nearest cell with `isSource` set, row-major; +Infinity everywhere without a source.
 */
export function distanceField(width: number, height: number, isSource: (index: number) => boolean): Float32Array {
  const squared = new Float64Array(width * height);
  for (let index = 0; index < squared.length; index += 1) squared[index] = isSource(index) ? 0 : FAR;
  const longest = Math.max(width, height);
  const scratch = { line: new Float64Array(longest), vertex: new Int32Array(longest), border: new Float64Array(longest + 1) };
  for (let x = 0; x < width; x += 1) transformLine(squared, x, width, height, scratch);
  for (let y = 0; y < height; y += 1) transformLine(squared, y * width, 1, width, scratch);
  const distances = new Float32Array(squared.length);
  for (let index = 0; index < squared.length; index += 1) {
    const value = squared[index] as number;
    distances[index] = value >= FAR ? Number.POSITIVE_INFINITY : Math.sqrt(value);
  }
  return distances;
}

/** Larger than any squared distance in a grid, small enough that differences stay exact in double precision. */
const FAR = 1e12;

interface Scratch {
  readonly line: Float64Array;
  readonly vertex: Int32Array;
  readonly border: Float64Array;
}

/** Lower envelope of parabolas along one row or column: f(p) = min over q of (p − q)² + f(q). */
function transformLine(values: Float64Array, start: number, stride: number, length: number, scratch: Scratch): void {
  const { line, vertex, border } = scratch;
  for (let i = 0; i < length; i += 1) line[i] = values[start + i * stride] as number;
  let last = 0;
  vertex[0] = 0;
  border[0] = Number.NEGATIVE_INFINITY;
  border[1] = Number.POSITIVE_INFINITY;
  for (let q = 1; q < length; q += 1) {
    const height = (line[q] as number) + q * q;
    let crossing: number;
    for (;;) {
      const v = vertex[last] as number;
      crossing = (height - (line[v] as number) - v * v) / (2 * (q - v));
      if (crossing > (border[last] as number)) break;
      last -= 1;
    }
    last += 1;
    vertex[last] = q;
    border[last] = crossing;
    border[last + 1] = Number.POSITIVE_INFINITY;
  }
  let parabola = 0;
  for (let p = 0; p < length; p += 1) {
    while ((border[parabola + 1] as number) < p) parabola += 1;
    const v = vertex[parabola] as number;
    values[start + p * stride] = Math.min(FAR, (p - v) * (p - v) + (line[v] as number));
  }
}
