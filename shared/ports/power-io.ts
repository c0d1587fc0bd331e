// The boundary to battery and power measurement.

export interface PowerInputs {
  readonly connected: boolean;
  readonly stampSec: number;
  /** State of charge, 0 (empty) to 1 (full). */
  readonly batteryFraction: number;
  readonly voltageV: number;
  /** Electrical power drawn from the battery [W]; null where no current is measured. */
  readonly powerW: number | null;
}

export interface PowerIo {
  update(): PowerInputs;
}
