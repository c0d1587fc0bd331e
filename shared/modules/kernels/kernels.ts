// The three programs by which LAWOW compares offloading (matrix multiplication, recursive Fibonacci, insertion sort that finds its
// place by linear search): plain loops, as an application's author would write them.
import { unchecked, type f64, type i32 } from '../portable.ts';

/** The product of two n × n matrices, row-major; throws where their sizes are not n². @offloadable */
export function matrixMultiply(a: Float64Array, b: Float64Array, n: i32): Float64Array {
  if (a.length !== n * n || b.length !== n * n)
    throw new RangeError(`matrices of ${a.length} and ${b.length} elements are not ${n} x ${n}`);
  const product = new Float64Array(n * n);
  for (let row = 0; row < n; row += 1) {
    for (let inner = 0; inner < n; inner += 1) {
      const factor: f64 = unchecked(a[row * n + inner]);
      const from = inner * n;
      const to = row * n;
      for (let column = 0; column < n; column += 1) {
        unchecked((product[to + column] = unchecked(product[to + column]) + factor * unchecked(b[from + column])));
      }
    }
  }
  return product;
}

/** The n-th Fibonacci number by plain recursion. @offloadable */
export function fibonacci(n: i32): i32 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/** The values in ascending order, by insertion at the place that a linear search from the left finds. @offloadable */
export function insertionSort(values: Int32Array): Int32Array {
  const sorted = new Int32Array(values.length);
  for (let count = 0; count < values.length; count += 1) {
    const value = unchecked(values[count]);
    let place = 0;
    while (place < count && unchecked(sorted[place]) <= value) place += 1;
    for (let at = count; at > place; at -= 1) unchecked((sorted[at] = unchecked(sorted[at - 1])));
    unchecked((sorted[place] = value));
  }
  return sorted;
}
