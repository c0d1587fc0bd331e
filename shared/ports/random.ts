// Randomness as a port: seeded, splittable, so that a simulated run is a function of its scenario and seed.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Standard normal deviate. */
  gaussian(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** An independent stream that depends only on this stream's seed and `label`, not on how much was drawn. */
  fork(label: string): Random;
}
