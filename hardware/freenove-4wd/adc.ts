// The car's analogue-to-digital converter at I2C 0x48: a TI ADS7830 or an NXP PCF8591, depending on when the board was made.
import type { I2cBus } from '../buses/i2c.ts';

export const ADC_ADDRESS = 0x48;

export type AdcName = 'ads7830' | 'pcf8591';

/** Command byte of the ADS7830 (data sheet SBAS302C, tables 1 and 2): single-ended, reference off, converter on. Channel 0 to 7. */
export function ads7830Command(channel: number): number {
  // SD C2 C1 C0 PD1 PD0: odd channels have C2 set, C1 C0 count the pairs.
  return 0x84 | ((channel & 1) << 6) | ((channel >> 1) << 4);
}

/** Control byte of the PCF8591 (data sheet rev. 7, section 8.2): four single-ended inputs, oscillator kept running. Channel 0 to 3. */
export function pcf8591Control(channel: number): number {
  return 0x40 | channel;
}

/** One conversion, 0 to 255. Throws when the chip does not acknowledge. */
export function readAdc(bus: I2cBus, chip: AdcName, channel: number): number {
  if (chip === 'ads7830') return bus.writeRead(ADC_ADDRESS, ads7830Command(channel), 1)[0] as number;
  // Section 8.4: the first byte of a read is the conversion before; the second one belongs to this read.
  return bus.writeRead(ADC_ADDRESS, pcf8591Control(channel), 2)[1] as number;
}

/** Readings of one steady voltage differ by less than this [counts]. */
const SAME_COUNTS = 4;
/** Connected inputs of the car: two photoresistors and the battery. */
const CHANNELS = [2, 0, 1];

/**
 * Which chip it is, or null when that cannot be told yet (all inputs at one voltage). Both answer at the same address, but the PCF8591 delivers each
 * conversion one read later: after a change of channel its first answer still is the old channel's. Throws when nothing acknowledges.
 */
export function identifyAdc(bus: I2cBus): AdcName | null {
  const read = (command: number): number => bus.writeRead(ADC_ADDRESS, command, 1)[0] as number;
  for (const from of CHANNELS) {
    for (const to of CHANNELS) {
      if (from === to) continue;
      const steps = (command: (channel: number) => number): number[] =>
        [command(from), command(from), command(to), command(to)].map((byte) => read(byte)).slice(1);
      const [before, atOnce, after] = steps(ads7830Command) as [number, number, number];
      if (same(atOnce, after) && !same(before, atOnce)) return 'ads7830';
      const [old, late, now] = steps(pcf8591Control) as [number, number, number];
      if (same(old, late) && !same(late, now)) return 'pcf8591';
    }
  }
  return null;
}

function same(a: number, b: number): boolean {
  return Math.abs(a - b) < SAME_COUNTS;
}
