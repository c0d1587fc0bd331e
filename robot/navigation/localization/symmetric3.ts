// Symmetric 3×3 matrices (covariance and information over x, y, theta) as nine row-major numbers.

/** Row-major 3×3; units m², m·rad, rad² for covariances. */
export type Matrix3 = readonly [number, number, number, number, number, number, number, number, number];

export const ZERO3: Matrix3 = [0, 0, 0, 0, 0, 0, 0, 0, 0];

export function diagonal3(x: number, y: number, theta: number): Matrix3 {
  return [x, 0, 0, 0, y, 0, 0, 0, theta];
}

export function add3(a: Matrix3, b: Matrix3): Matrix3 {
  return a.map((value, i) => value + (b[i] as number)) as unknown as Matrix3;
}

export function scale3(a: Matrix3, factor: number): Matrix3 {
  return a.map((value) => value * factor) as unknown as Matrix3;
}

/** J·A·Jᵀ. */
export function congruence3(j: Matrix3, a: Matrix3): Matrix3 {
  return multiply3(multiply3(j, a), transpose3(j));
}

export function multiply3(a: Matrix3, b: Matrix3): Matrix3 {
  const [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a;
  const [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b;
  return [
    a0 * b0 + a1 * b3 + a2 * b6,
    a0 * b1 + a1 * b4 + a2 * b7,
    a0 * b2 + a1 * b5 + a2 * b8,
    a3 * b0 + a4 * b3 + a5 * b6,
    a3 * b1 + a4 * b4 + a5 * b7,
    a3 * b2 + a4 * b5 + a5 * b8,
    a6 * b0 + a7 * b3 + a8 * b6,
    a6 * b1 + a7 * b4 + a8 * b7,
    a6 * b2 + a7 * b5 + a8 * b8,
  ];
}

export function transpose3(a: Matrix3): Matrix3 {
  return [a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]];
}

/** Inverse of a symmetric positive definite matrix, or null when it is singular to working precision. */
export function inverse3(a: Matrix3): Matrix3 | null {
  const [a0, a1, a2, , a4, a5, , , a8] = a;
  const c0 = a4 * a8 - a5 * a5;
  const c1 = a2 * a5 - a1 * a8;
  const c2 = a1 * a5 - a2 * a4;
  const det = a0 * c0 + a1 * c1 + a2 * c2;
  if (!(det > 1e-14 * Math.abs(a0 * a4 * a8))) return null;
  const i = 1 / det;
  const m4 = (a0 * a8 - a2 * a2) * i;
  const m5 = (a1 * a2 - a0 * a5) * i;
  const m8 = (a0 * a4 - a1 * a1) * i;
  return [c0 * i, c1 * i, c2 * i, c1 * i, m4, m5, c2 * i, m5, m8];
}

/** xᵀ·A·x. */
export function quadratic3(a: Matrix3, x: number, y: number, z: number): number {
  return a[0] * x * x + a[4] * y * y + a[8] * z * z + 2 * (a[1] * x * y + a[2] * x * z + a[5] * y * z);
}

/** Solves A·x = b for a symmetric positive definite A; null when singular. */
export function solve3(a: Matrix3, b0: number, b1: number, b2: number): readonly [number, number, number] | null {
  const m = inverse3(a);
  if (m === null) return null;
  return [m[0] * b0 + m[1] * b1 + m[2] * b2, m[3] * b0 + m[4] * b1 + m[5] * b2, m[6] * b0 + m[7] * b1 + m[8] * b2];
}

/** Standard deviation of the worst direction in the plane [m]. */
export function planarDeviation(covariance: Matrix3): number {
  const half = (covariance[0] + covariance[4]) / 2;
  const spread = Math.hypot((covariance[0] - covariance[4]) / 2, covariance[1]);
  return Math.sqrt(Math.max(0, half + spread));
}
