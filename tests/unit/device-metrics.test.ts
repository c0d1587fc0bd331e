// Device metrics on trees of /proc and /sys as a Raspberry Pi 4, a Pi 5, a Jetson Nano (L4T) and an Orin (mainline hwmon) have them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isJetson, jetsonMetrics } from '../../hardware/jetson/metrics.ts';
import { HostMetrics } from '../../hardware/linux/host-metrics.ts';
import { SystemFiles } from '../../hardware/linux/system-files.ts';
import { isRaspberryPi, raspberryPiMetrics } from '../../hardware/raspberry-pi/metrics.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true, force: true })));

type Tree = Readonly<Record<string, string>>;

class FakeTree {
  readonly root = mkdtempSync(join(tmpdir(), 'outrider-tree-'));
  readonly files = new SystemFiles(this.root);

  constructor(tree: Tree) {
    roots.push(this.root);
    this.set(tree);
  }

  set(tree: Tree): void {
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), `${text}\n`);
    }
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }
}

const cpuLine = (busy: number, idle: number): string => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 ${busy} 0 0 ${idle} 0 0 0 0 0 0`;

const PROC: Tree = {
  'proc/stat': cpuLine(1000, 9000),
  'proc/meminfo': 'MemTotal:        1000000 kB\nMemFree:          100000 kB\nMemAvailable:     750000 kB',
  'proc/net/dev': [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 999999     100    0    0    0     0          0         0   999999     100    0    0    0     0       0          0',
    ' wlan0:   5000      10    0    0    0     0          0         0     7000      20    0    0    0     0       0          0',
    '  eth0:    100       1    0    0    0     0          0         0       30       2    0    0    0     0       0          0',
    'docker0: 12345       1    0    0    0     0          0         0    12345       2    0    0    0     0       0          0',
  ].join('\n'),
};

const PI4: Tree = {
  ...PROC,
  'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
  'sys/class/thermal/thermal_zone0/temp': '48312',
  'sys/devices/platform/soc/soc:firmware/get_throttled': '0',
};

const NANO: Tree = {
  ...PROC,
  'proc/device-tree/model': 'NVIDIA Jetson Nano Developer Kit',
  'sys/class/thermal/thermal_zone0/type': 'AO-therm',
  'sys/class/thermal/thermal_zone0/temp': '40500',
  'sys/class/thermal/thermal_zone1/type': 'CPU-therm',
  'sys/class/thermal/thermal_zone1/temp': '51000',
  'sys/class/thermal/thermal_zone2/type': 'PMIC-Die',
  'sys/class/thermal/thermal_zone2/temp': '100000',
  'sys/devices/gpu.0/load': '345',
  'sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0': 'POM_5V_IN',
  'sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_1': 'POM_5V_GPU',
  'sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input': '5210',
  'sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input': '1200',
};

const ORIN: Tree = {
  ...PROC,
  'proc/device-tree/model': 'NVIDIA Jetson Orin Nano Developer Kit',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
  'sys/class/thermal/thermal_zone0/temp': '55125',
  'sys/class/thermal/thermal_zone8/type': 'tj-thermal',
  'sys/class/thermal/thermal_zone8/temp': '56000',
  'sys/class/devfreq/17000000.gpu/device/load': '800',
  'sys/class/hwmon/hwmon0/name': 'pwmfan',
  'sys/class/hwmon/hwmon2/name': 'ina3221',
  'sys/class/hwmon/hwmon2/in1_label': 'VDD_IN',
  'sys/class/hwmon/hwmon2/in1_input': '5000',
  'sys/class/hwmon/hwmon2/curr1_input': '1480',
  'sys/class/hwmon/hwmon2/in2_label': 'VDD_CPU_GPU_CV',
  'sys/class/hwmon/hwmon2/in2_input': '5000',
  'sys/class/hwmon/hwmon2/curr2_input': '400',
};

describe('metrics of a Raspberry Pi', () => {
  it('gives the busy share over the last second, temperature, memory and network', async () => {
    const tree = new FakeTree(PI4);
    const clock = new VirtualClock();
    const metrics = raspberryPiMetrics(clock, tree.files);
    metrics.update();
    tree.set({ 'proc/stat': cpuLine(1150, 9250) });
    expect(metrics.update().cpuFraction).toBe(0); // not read again within a second
    await clock.run({ untilSec: 1.1 });
    expect(metrics.update()).toEqual({
      connected: true,
      stampSec: 1.1,
      cpuFraction: 150 / 400,
      gpuFraction: null,
      temperatureC: 48.312,
      throttled: false,
      throttlingFlags: [],
      memoryTotalBytes: 1_024_000_000,
      memoryUsedBytes: 256_000_000,
      network: { receivedBytes: 5100, sentBytes: 7030 },
    });
  });

  it.each([
    ['50005', ['under-voltage', 'throttled'], true],
    ['50000', [], false],
    ['1', ['under-voltage'], false],
    ['2', ['frequency-capped'], true],
    ['80008', ['soft-temperature-limit'], true],
  ] as const)('reads the firmware’s word 0x%s: only bits 0 to 3 are now', (word, flags, throttled) => {
    const tree = new FakeTree({ ...PI4, 'sys/devices/platform/soc/soc:firmware/get_throttled': word });
    expect(raspberryPiMetrics(new VirtualClock(), tree.files).update()).toMatchObject({ throttlingFlags: flags, throttled });
  });

  it('finds the firmware where a Pi 5 has it', () => {
    const tree = new FakeTree(PI4);
    tree.remove('sys/devices/platform/soc');
    tree.set({ 'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': '4' });
    expect(raspberryPiMetrics(new VirtualClock(), tree.files).update().throttlingFlags).toEqual(['throttled']);
  });

  it('without its temperature is not connected, and is again when the file is back', async () => {
    const tree = new FakeTree(PI4);
    const clock = new VirtualClock();
    const metrics = raspberryPiMetrics(clock, tree.files);
    expect(metrics.update().connected).toBe(true);
    tree.remove('sys/class/thermal');
    await clock.run({ untilSec: 1.1 });
    expect(metrics.update()).toMatchObject({ connected: false, temperatureC: 48.312, stampSec: 1.1 });
    tree.set(PI4);
    await clock.run({ untilSec: 2.2 });
    expect(metrics.update().connected).toBe(true);
  });

  it('is known by its device tree', () => {
    expect(isRaspberryPi(new FakeTree(PI4).files)).toBe(true);
    expect(isRaspberryPi(new FakeTree(NANO).files)).toBe(false);
  });
});

describe('metrics of a Jetson', () => {
  it('with NVIDIA’s kernel: GPU load, hottest sensor but PMIC-Die, power of the input rail', () => {
    expect(jetsonMetrics(new VirtualClock(), new FakeTree(NANO).files).update()).toMatchObject({
      connected: true,
      gpuFraction: 0.345,
      temperatureC: 51,
      boardPowerW: 5.21,
      throttled: false,
    });
  });

  it('with the mainline kernel’s hwmon and devfreq', () => {
    const inputs = jetsonMetrics(new VirtualClock(), new FakeTree(ORIN).files).update();
    expect(inputs).toMatchObject({ connected: true, gpuFraction: 0.8, temperatureC: 56 });
    expect(inputs.boardPowerW).toBeCloseTo(7.4, 9);
  });

  it.each([
    'sys/devices/57000000.gpu',
    'sys/devices/platform/17000000.ga10b',
    'sys/devices/17000000.gv11b',
    'sys/devices/platform/bus@0/17000000.gpu',
  ])('finds the GPU at %s', (folder) => {
    const tree = new FakeTree({ ...NANO, [`${folder}/load`]: '1000' });
    tree.remove('sys/devices/gpu.0');
    expect(jetsonMetrics(new VirtualClock(), tree.files).update().gpuFraction).toBe(1);
  });

  it('is throttled while a cooling device slows it down; a fan does not', async () => {
    const tree = new FakeTree({
      ...NANO,
      'sys/class/thermal/cooling_device0/type': 'pwm-fan',
      'sys/class/thermal/cooling_device0/cur_state': '3',
      'sys/class/thermal/cooling_device1/type': 'thermal-cpufreq-0',
      'sys/class/thermal/cooling_device1/cur_state': '0',
    });
    const clock = new VirtualClock();
    const metrics = jetsonMetrics(clock, tree.files);
    expect(metrics.update().throttled).toBe(false);
    tree.set({ 'sys/class/thermal/cooling_device1/cur_state': '2' });
    await clock.run({ untilSec: 1.1 });
    expect(metrics.update().throttled).toBe(true);
  });

  it('without its power monitor and GPU load gives the rest', () => {
    const tree = new FakeTree(NANO);
    tree.remove('sys/bus');
    tree.remove('sys/devices');
    const inputs = jetsonMetrics(new VirtualClock(), tree.files).update();
    expect(inputs).toMatchObject({ connected: true, gpuFraction: null, temperatureC: 51 });
    expect(inputs).not.toHaveProperty('boardPowerW');
  });

  it('is known by its device tree', () => {
    expect(isJetson(new FakeTree(NANO).files)).toBe(true);
    expect(isJetson(new FakeTree(PI4).files)).toBe(false);
  });
});

describe('metrics of any Linux computer', () => {
  it('without a temperature sensor says so and is connected', () => {
    expect(new HostMetrics({ clock: new VirtualClock(), files: new FakeTree(PROC).files }).update()).toMatchObject({
      connected: true,
      temperatureC: null,
    });
  });

  it.each(['proc/stat', 'proc/meminfo'])('without %s is not connected', (path) => {
    const tree = new FakeTree(PROC);
    tree.remove(path);
    expect(new HostMetrics({ clock: new VirtualClock(), files: tree.files }).update().connected).toBe(false);
  });

  it.runIf(process.platform === 'linux')('gives figures of this computer that hang together', () => {
    const inputs = new HostMetrics({ clock: new SystemClock() }).update();
    expect(inputs.connected).toBe(true);
    expect(inputs.memoryUsedBytes).toBeGreaterThan(0);
    expect(inputs.memoryUsedBytes).toBeLessThan(inputs.memoryTotalBytes);
    expect(inputs.cpuFraction).toBeGreaterThanOrEqual(0);
    expect(inputs.cpuFraction).toBeLessThanOrEqual(1);
  });
});
