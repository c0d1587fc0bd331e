// The boundary to reflective floor sensors in a row under the front of a rover.

export interface LineInputs {
  readonly connected: boolean;
  readonly stampSec: number;
  /** From left to right: whether the sensor sees a dark floor (a line, or no floor at all). */
  readonly dark: readonly boolean[];
}

export interface LineIo {
  update(): LineInputs;
}
