// Health of an NVIDIA Jetson: its GPU's load, its hottest sensor and the INA3221 on its input rail, as NVIDIA's kernels (L4T) and mainline show them.
import type { Clock } from '../../shared/ports/clock.ts';
import { HostMetrics, hottestZoneC } from '../linux/host-metrics.ts';
import { SystemFiles } from '../linux/system-files.ts';

/** CPU, GPU and junction sensors. `PMIC-Die` always says 100 °C, and `thermal-fan-est` is a weighted mean. */
const ZONES = /^(cpu|gpu|soc\d?|tj|ao|aux|cv\d)[-_]?therm/i;
/** GPUs by their generation: `gpu` (Nano, Orin), `gp10b` (TX2), `gv11b` (Xavier), `ga10b` (Orin), with or without a bus address. */
const GPU = /(^|\.)(gpu(\.0)?|gp10b|gv11b|ga10b)$/;
/** The rail into the module by its names on the Nano, TX2, Xavier and Orin. */
const INPUT_RAIL = /^(POM_5V_IN|VDD_IN|VIN_SYS_5V0|5V_IN)$/i;

/** Whether this computer says that it is a Jetson. */
export function isJetson(files = new SystemFiles()): boolean {
  return /jetson|orin|tegra/i.test(files.text('proc/device-tree/model') ?? '') || files.text('etc/nv_tegra_release') !== null;
}

export function jetsonMetrics(clock: Clock, files = new SystemFiles()): HostMetrics {
  return new HostMetrics({
    clock,
    files,
    board: {
      temperatureC: () => hottestZoneC(files, ZONES),
      gpuFraction: () => gpuFraction(files),
      boardPowerW: () => l4tPowerW(files) ?? hwmonPowerW(files),
    },
  });
}

/** Load in thousandths, in a folder that moved with every generation. */
function gpuFraction(files: SystemFiles): number | null {
  const folders = [
    ...files.list('sys/devices', GPU),
    ...files.list('sys/devices/platform', GPU),
    ...files.list('sys/devices/platform/bus@0', GPU),
    ...files.list('sys/class/devfreq', GPU).map((path) => `${path}/device`),
  ];
  for (const folder of folders) {
    const load = files.number(`${folder}/load`);
    if (load !== null) return Math.max(0, Math.min(1, load / 1000));
  }
  return null;
}

/** NVIDIA's driver: `ina3221x` with rail names and power [mW]. */
function l4tPowerW(files: SystemFiles): number | null {
  for (const chip of files.list('sys/bus/i2c/drivers/ina3221x', /^\d+-[0-9a-f]{4}$/)) {
    for (const folder of files.list(chip, /^iio:device\d+$/)) {
      const rail = [0, 1, 2].find((index) => INPUT_RAIL.test(files.text(`${folder}/rail_name_${index}`) ?? ''));
      const milliwatts = rail === undefined ? null : files.number(`${folder}/in_power${rail}_input`);
      if (milliwatts !== null) return milliwatts / 1000;
    }
  }
  return null;
}

/** Mainline (Documentation/hwmon/ina3221.rst): labels, volts [mV] and currents [mA] of channels 1 to 3. */
function hwmonPowerW(files: SystemFiles): number | null {
  for (const chip of files.list('sys/class/hwmon', /^hwmon\d+$/)) {
    if (files.text(`${chip}/name`) !== 'ina3221') continue;
    const channel = [1, 2, 3].find((index) => INPUT_RAIL.test(files.text(`${chip}/in${index}_label`) ?? ''));
    if (channel === undefined) continue;
    const millivolts = files.number(`${chip}/in${channel}_input`);
    const milliamperes = files.number(`${chip}/curr${channel}_input`);
    if (millivolts !== null && milliamperes !== null) return (millivolts * milliamperes) / 1e6;
  }
  return null;
}
