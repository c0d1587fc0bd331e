// State of charge of a lithium-ion pack from its voltage: good to about a tenth at a rover's currents, which is what a trigger needs.

export interface LithiumBattery {
  /** Cells in series: 2 for a pair of 18650 cells. */
  readonly cells: number;
  /** Resistance of cells, holder and wires [Ω]: gives the open voltage back under load. Default 0.1 per cell. */
  readonly resistanceOhm?: number;
}

/** Open-circuit voltage of a 18650 cell (NMC/NCA) over its charge, as discharge curves at 0.2 C show it; 3.0 V counts as empty. */
const OPEN_VOLTAGE: readonly (readonly [volts: number, fraction: number])[] = [
  [3.0, 0],
  [3.3, 0.05],
  [3.5, 0.15],
  [3.6, 0.3],
  [3.7, 0.5],
  [3.8, 0.63],
  [3.9, 0.75],
  [4.0, 0.86],
  [4.1, 0.95],
  [4.2, 1],
];

/** Charge, 0 to 1, of a pack that shows `voltageV` while `currentA` flows out of it. */
export function lithiumChargeFraction({ cells, resistanceOhm = 0.1 * cells }: LithiumBattery, voltageV: number, currentA = 0): number {
  const cellV = (voltageV + currentA * resistanceOhm) / cells;
  const above = OPEN_VOLTAGE.findIndex(([volts]) => volts >= cellV);
  if (above === -1) return 1;
  const [upperV, upper] = OPEN_VOLTAGE[above] as readonly [number, number];
  if (above === 0) return 0;
  const [lowerV, lower] = OPEN_VOLTAGE[above - 1] as readonly [number, number];
  return lower + ((upper - lower) * (cellV - lowerV)) / (upperV - lowerV);
}
