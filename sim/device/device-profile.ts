// Figures of the devices that rovers carry and of an edge host: compute times, power and heat.
// Pi 3B and Jetson Nano: Yadhav et al. (CLOSER 2024) for detection times and watts; heat fitted to their and Espindola's curves.

/** What one run of a task costs on a device. */
export interface TaskCost {
  /** Time of one run on the idle, cool device [s]. */
  readonly seconds: number;
  /** Share of all CPU cores that it keeps busy meanwhile, 0 to 1. */
  readonly cpuFraction: number;
  /** Share of the GPU, 0 to 1. */
  readonly gpuFraction: number;
}

export interface DeviceProfile {
  readonly name: string;
  readonly hasGpu: boolean;
  readonly memoryTotalBytes: number;
  readonly memoryUsedBytes: number;
  /** CPU share of the operating system and the rover's own navigation, always there. */
  readonly baseCpuFraction: number;
  /** Board power when idle, and at full CPU and full GPU load [W]. */
  readonly idleW: number;
  readonly cpuFullW: number;
  readonly gpuFullW: number;
  /** Heat: steady rise over ambient per watt [K/W], and the time constant [s]. */
  readonly kelvinPerW: number;
  readonly thermalTimeSec: number;
  readonly ambientC: number;
  /** Above this the clock is reduced (below it less 3 K it recovers), and tasks take this much longer. */
  readonly throttleC: number;
  readonly throttleSlowdown: number;
  /** By task name; `*` is for all others. */
  readonly tasks: Readonly<Record<string, TaskCost>>;
}

const MEBIBYTE = 1024 * 1024;

export const DEVICE_PROFILES = {
  'raspberry-pi-3b': {
    name: 'Raspberry Pi 3B',
    hasGpu: false,
    memoryTotalBytes: 1024 * MEBIBYTE,
    memoryUsedBytes: 310 * MEBIBYTE,
    baseCpuFraction: 0.06,
    idleW: 2,
    cpuFullW: 5.3,
    gpuFullW: 0,
    kelvinPerW: 9.5,
    thermalTimeSec: 30,
    ambientC: 25,
    throttleC: 80,
    throttleSlowdown: 1.6,
    tasks: {
      'object-detection.detect': { seconds: 1.3, cpuFraction: 0.84, gpuFraction: 0 },
      'neural-detection.detect': { seconds: 1.3, cpuFraction: 0.84, gpuFraction: 0 },
      'map-server.update': { seconds: 0.03, cpuFraction: 0.25, gpuFraction: 0 },
      '*': { seconds: 0.002, cpuFraction: 0.25, gpuFraction: 0 },
    },
  },
  'jetson-nano': {
    name: 'Jetson Nano',
    hasGpu: true,
    memoryTotalBytes: 4096 * MEBIBYTE,
    memoryUsedBytes: 1150 * MEBIBYTE,
    baseCpuFraction: 0.05,
    idleW: 2,
    cpuFullW: 4,
    gpuFullW: 5.5,
    kelvinPerW: 7.5,
    thermalTimeSec: 60,
    ambientC: 25,
    throttleC: 97,
    throttleSlowdown: 1.5,
    tasks: {
      'object-detection.detect': { seconds: 0.06, cpuFraction: 0.25, gpuFraction: 0.95 },
      'neural-detection.detect': { seconds: 0.06, cpuFraction: 0.25, gpuFraction: 0.95 },
      'map-server.update': { seconds: 0.012, cpuFraction: 0.25, gpuFraction: 0 },
      '*': { seconds: 0.001, cpuFraction: 0.25, gpuFraction: 0 },
    },
  },
  'edge-server': {
    name: 'edge server',
    hasGpu: true,
    memoryTotalBytes: 32 * 1024 * MEBIBYTE,
    memoryUsedBytes: 2048 * MEBIBYTE,
    baseCpuFraction: 0.03,
    idleW: 45,
    cpuFullW: 160,
    gpuFullW: 120,
    kelvinPerW: 0.18,
    thermalTimeSec: 120,
    ambientC: 25,
    throttleC: 95,
    throttleSlowdown: 1.3,
    tasks: {
      'object-detection.detect': { seconds: 0.045, cpuFraction: 0.06, gpuFraction: 0.3 },
      'neural-detection.detect': { seconds: 0.045, cpuFraction: 0.06, gpuFraction: 0.3 },
      'map-server.update': { seconds: 0.001, cpuFraction: 0.06, gpuFraction: 0 },
      '*': { seconds: 0.0002, cpuFraction: 0.06, gpuFraction: 0 },
    },
  },
} as const satisfies Record<string, DeviceProfile>;

export type DeviceName = keyof typeof DEVICE_PROFILES;

export const DEVICE_NAMES = Object.keys(DEVICE_PROFILES) as DeviceName[];
