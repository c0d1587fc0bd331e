// Bounds that no history of work may break: energy adds up, temperatures stay between ambient and the hottest steady state.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_BATTERY, DeviceModel } from '../../sim/device/device-model.ts';
import { DEVICE_PROFILES } from '../../sim/device/device-profile.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

it('energy, charge and heat stay within physics for any history of work', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('raspberry-pi-3b' as const, 'jetson-nano' as const),
      fc.array(
        fc.record({
          seconds: fc.double({ min: 0.01, max: 20, noNaN: true }),
          tasks: fc.nat(4),
          motorsW: fc.double({ min: 0, max: 8, noNaN: true }),
        }),
        { maxLength: 30 },
      ),
      (name, history) => {
        const profile = DEVICE_PROFILES[name];
        const device = new DeviceModel(profile, new SeededRandom(3));
        const hottest = profile.ambientC + profile.kelvinPerW * (profile.cpuFullW + Math.max(0, profile.gpuFullW - profile.idleW));
        let now = 0;
        let leastJ = 0;
        let mostJ = 0;
        let charge = device.batteryFraction;
        for (const { seconds, tasks, motorsW } of history) {
          for (let k = 0; k < tasks; k += 1) expect(device.book('object-detection.detect', now)).toBeGreaterThan(0);
          const before = device.energyJ;
          now += seconds;
          device.step(seconds, now, motorsW);
          leastJ += (profile.idleW + motorsW) * seconds;
          mostJ += (profile.cpuFullW + Math.max(0, profile.gpuFullW - profile.idleW) + motorsW) * seconds;
          expect(device.energyJ).toBeGreaterThanOrEqual(before);
          expect(device.energyJ).toBeGreaterThanOrEqual(leastJ - 1e-6);
          expect(device.energyJ).toBeLessThanOrEqual(mostJ + 1e-6);
          expect(device.batteryFraction).toBeLessThanOrEqual(charge);
          charge = device.batteryFraction;
          expect(device.temperatureC).toBeGreaterThanOrEqual(profile.ambientC);
          expect(device.temperatureC).toBeLessThanOrEqual(hottest);
          expect(device.metrics().cpuFraction).toBeLessThanOrEqual(1);
        }
        expect(device.batteryFraction).toBeCloseTo(Math.max(0, 1 - device.energyJ / 3600 / DEFAULT_BATTERY.capacityWh), 9);
      },
    ),
    { numRuns: 200 },
  );
});
