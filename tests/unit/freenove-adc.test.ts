import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADC_ADDRESS, ads7830Command, identifyAdc, pcf8591Control, readAdc } from '../../hardware/freenove-4wd/adc.ts';
import { Battery, batteryVolts } from '../../hardware/freenove-4wd/battery.ts';
import { lithiumChargeFraction } from '../../hardware/sensors/lithium-battery.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Ads7830Model, Pcf8591Model } from '../support/chips/adc-models.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';

function board(version: 1 | 2, chipName: 'ads7830' | 'pcf8591', batteryV: number, lightV: readonly [number, number] = [1.1, 1.4]) {
  const bus = new FakeI2c();
  const referenceV = version === 1 ? 3.3 : 5.2;
  const chip = chipName === 'ads7830' ? new Ads7830Model(referenceV) : new Pcf8591Model(referenceV);
  chip.pinsV[0] = lightV[0];
  chip.pinsV[1] = lightV[1];
  chip.pinsV[2] = batteryV / (version === 1 ? 3 : 2);
  bus.devices.set(ADC_ADDRESS, chip);
  return { bus, chip };
}

describe('ADS7830 (SBAS302C, tables 1 and 2)', () => {
  it('selects channels single-ended with the converter on', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(ads7830Command)).toEqual([0x84, 0xc4, 0x94, 0xd4, 0xa4, 0xe4, 0xb4, 0xf4]);
  });

  it('reads every channel as its own pin', () => {
    const { bus, chip } = board(2, 'ads7830', 0);
    chip.pinsV.splice(0, 8, 0.1, 0.7, 1.3, 1.9, 2.5, 3.1, 3.7, 4.3);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((channel) => readAdc(bus, 'ads7830', channel))).toEqual([4, 34, 64, 93, 123, 152, 182, 211]);
  });
});

describe('PCF8591 (rev. 7)', () => {
  it('§8.2: selects channels single-ended with the oscillator running', () => {
    expect([0, 1, 2, 3].map(pcf8591Control)).toEqual([0x40, 0x41, 0x42, 0x43]);
  });

  it('§8.4: takes the second byte, since the first is the conversion before', () => {
    const { bus } = board(1, 'pcf8591', 7.5, [3, 0.5]);
    expect(readAdc(bus, 'pcf8591', 0)).toBe(Math.floor((3 / 3.3) * 256));
    expect(readAdc(bus, 'pcf8591', 1)).toBe(Math.floor((0.5 / 3.3) * 256));
  });
});

describe('finding the converter', () => {
  const volts = fc.double({ min: 0, max: 3.2, noNaN: true });

  it.each(['ads7830', 'pcf8591'] as const)('tells an %s by what it does, on either board, in any light', (name) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1 as const, 2 as const),
        fc.double({ min: 6, max: 8.4, noNaN: true }),
        volts,
        volts,
        (version, batteryV, left, right) => {
          const { bus } = board(version, name, batteryV, [left, right]);
          const found = identifyAdc(bus);
          const pin = batteryV / (version === 1 ? 3 : 2);
          // Where light and battery give (nearly) one voltage it may be unknown, but never wrong.
          const isFlat = Math.abs(left - pin) < 0.2 && Math.abs(right - pin) < 0.2;
          expect(isFlat ? [name, null] : [name]).toContain(found);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('says nothing when all inputs have one voltage', () => {
    for (const name of ['ads7830', 'pcf8591'] as const) expect(identifyAdc(board(1, name, 6, [2, 2]).bus)).toBe(null);
  });
});

describe('battery', () => {
  it('turns counts into volts for both boards: 3.3 V ×3, 5.2 V ×2, over 256 counts', () => {
    expect(batteryVolts(1, 199)).toBeCloseTo((199 * 3.3 * 3) / 256, 9);
    expect(batteryVolts(2, 199)).toBeCloseTo((199 * 5.2 * 2) / 256, 9);
  });

  it.each([
    [1, 'ads7830'],
    [1, 'pcf8591'],
    [2, 'ads7830'],
  ] as const)('board v%i with an %s shows the volts at its terminals within one count', (version, name) => {
    for (const batteryV of [6.1, 7.0, 7.4, 8.2]) {
      const { bus } = board(version, name, batteryV);
      const battery = new Battery({ bus, clock: new VirtualClock(), board: version, adc: 'auto' });
      const inputs = battery.update();
      expect(inputs).toMatchObject({ connected: true, powerW: null });
      expect(inputs.batteryFraction).toBeCloseTo(lithiumChargeFraction({ cells: 2 }, inputs.voltageV), 9);
      expect(battery.chip).toBe(name);
      const count = ((version === 1 ? 3.3 : 5.2) * (version === 1 ? 3 : 2)) / 256;
      expect(batteryV - inputs.voltageV).toBeGreaterThanOrEqual(-1e-9);
      expect(batteryV - inputs.voltageV).toBeLessThan(count + 1e-9);
    }
  });

  it('a start of the motors dents the voltage, not the charge', async () => {
    const { bus, chip } = board(2, 'ads7830', 8);
    const clock = new VirtualClock();
    const battery = new Battery({ bus, clock, board: 2, adc: 'ads7830' });
    const before = battery.update();
    chip.pinsV[2] = 7 / 2;
    await clock.run({ untilSec: 0.2 });
    const dented = battery.update();
    expect(dented.voltageV).toBeLessThan(7.01);
    expect(before.batteryFraction - dented.batteryFraction).toBeLessThan(0.05);
  });

  it('an unplugged converter is data, and is found again', () => {
    const { bus } = board(1, 'pcf8591', 7.4);
    const battery = new Battery({ bus, clock: new VirtualClock(), board: 1, adc: 'auto' });
    const before = battery.update();
    bus.setPlugged(ADC_ADDRESS, false);
    expect(battery.update()).toEqual({ ...before, connected: false });
    bus.setPlugged(ADC_ADDRESS, true);
    expect(battery.update()).toMatchObject({ connected: true, voltageV: before.voltageV });
  });
});
