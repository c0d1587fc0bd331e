import { describe, expect, it } from 'vitest';
import { DeviceModel } from '../../sim/device/device-model.ts';
import { DEVICE_PROFILES } from '../../sim/device/device-profile.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

const DT = 0.05;

/** Runs a device; `detecting` books one detection after the other. Returns the time at which `until` first holds. */
function run(device: DeviceModel, fromSec: number, seconds: number, detecting: boolean, until: () => boolean = () => false): number {
  let busyUntil = fromSec;
  for (let now = fromSec; now < fromSec + seconds; now += DT) {
    if (detecting && now >= busyUntil) busyUntil = now + device.book('object-detection.detect', now);
    device.step(DT, now + DT, 0);
    if (until()) return now + DT;
  }
  return Number.POSITIVE_INFINITY;
}

describe('device models', () => {
  it('a Raspberry Pi 3B heats past 65 °C in 25 to 45 s of detection and cools below 55 °C within 40 s without it', () => {
    const device = new DeviceModel(DEVICE_PROFILES['raspberry-pi-3b'], new SeededRandom(1));
    run(device, 0, 60, false);
    expect(device.temperatureC).toBeGreaterThan(42);
    expect(device.temperatureC).toBeLessThan(49);
    const hot = run(device, 60, 120, true, () => device.temperatureC > 65);
    expect(hot - 60).toBeGreaterThan(25);
    expect(hot - 60).toBeLessThan(45);
    run(device, hot, 20, true);
    const from = hot + 20;
    expect(run(device, from, 100, false, () => device.temperatureC < 55) - from).toBeLessThan(40);
  });

  it('a Raspberry Pi 3B takes about 1.3 s, 5 W and 90 % CPU per detection; 7 J a frame', () => {
    const device = new DeviceModel(DEVICE_PROFILES['raspberry-pi-3b'], new SeededRandom(1));
    expect(device.book('object-detection.detect', 0)).toBeCloseTo(1.3, 0);
    run(device, 2, 30, true);
    const joules = device.energyJ;
    const frames = device.bookedTasks;
    run(device, 32, 60, true);
    expect((device.energyJ - joules) / (device.bookedTasks - frames)).toBeGreaterThan(5.5);
    expect((device.energyJ - joules) / (device.bookedTasks - frames)).toBeLessThan(8);
    expect(device.metrics().cpuFraction).toBeGreaterThan(0.85);
    expect(device.power().powerW).toBeGreaterThan(4.7);
    expect(device.power().powerW).toBeLessThan(5.5);
    expect(device.metrics().gpuFraction).toBeNull();
  });

  it('a Jetson Nano takes about 60 ms and draws about 6 W flat out', () => {
    const device = new DeviceModel(DEVICE_PROFILES['jetson-nano'], new SeededRandom(1));
    expect(device.book('object-detection.detect', 0)).toBeCloseTo(0.06, 2);
    let busyUntil = 1;
    for (let now = 1; now < 30; now += 0.01) {
      if (now >= busyUntil) busyUntil = now + device.book('object-detection.detect', now);
      device.step(0.01, now + 0.01, 0);
    }
    expect(device.power().powerW).toBeGreaterThan(5);
    expect(device.power().powerW).toBeLessThan(6.5);
    expect(device.metrics().gpuFraction).toBeGreaterThan(0.8);
  });

  it('queues tasks that are booked while it is busy', () => {
    const device = new DeviceModel(DEVICE_PROFILES['raspberry-pi-3b'], new SeededRandom(1));
    const first = device.book('object-detection.detect', 0);
    const second = device.book('object-detection.detect', 0);
    expect(second).toBeGreaterThan(first + 1);
  });

  it('runs small tasks beside a long one, a little slower when the cores do not suffice', () => {
    const device = new DeviceModel(DEVICE_PROFILES['raspberry-pi-3b'], new SeededRandom(1));
    const alone = device.book('map-server.update', 0);
    device.book('object-detection.detect', 10);
    const beside = device.book('map-server.update', 10.1);
    expect(beside).toBeGreaterThan(alone);
    expect(beside).toBeLessThan(2 * alone);
  });

  it('an edge server takes three detections at once', () => {
    const device = new DeviceModel(DEVICE_PROFILES['edge-server'], new SeededRandom(1));
    const times = [1, 2, 3, 4].map(() => device.book('object-detection.detect', 0));
    expect(Math.max(...times.slice(0, 3))).toBeLessThan(0.06);
    expect(times[3]).toBeGreaterThan(0.07);
  });

  it('slows down when it is too hot and recovers', () => {
    const device = new DeviceModel({ ...DEVICE_PROFILES['raspberry-pi-3b'], ambientC: 45 }, new SeededRandom(1));
    run(device, 0, 200, true);
    expect(device.throttled).toBe(true);
    const slow = device.book('object-detection.detect', 1000);
    run(device, 1010, 200, false);
    expect(device.throttled).toBe(false);
    expect(slow).toBeGreaterThan(1.3 * device.book('object-detection.detect', 2000));
  });
});
