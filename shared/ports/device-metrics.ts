// The boundary to the on-board computer: its health, and (in simulation) the time that work takes on it.

export interface DeviceMetricsInputs {
  readonly connected: boolean;
  readonly stampSec: number;
  /** Busy share of all cores, 0 to 1, averaged over about one second. */
  readonly cpuFraction: number;
  /** Busy share of the GPU, or null where there is none. */
  readonly gpuFraction: number | null;
  /** Temperature of the processor [°C], or null where there is no sensor. */
  readonly temperatureC: number | null;
  /** True while the device reduces its clock because of heat or voltage. */
  readonly throttled: boolean;
  /** Why, as the firmware tells it; absent where it does not. */
  readonly throttlingFlags?: readonly ThrottlingFlag[];
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  /** Bytes over all real network interfaces since the device started; absent where not measured. */
  readonly network?: { readonly receivedBytes: number; readonly sentBytes: number };
  /** Electrical power that the board draws [W], where it measures that itself. */
  readonly boardPowerW?: number;
}

export type ThrottlingFlag = 'under-voltage' | 'frequency-capped' | 'throttled' | 'soft-temperature-limit';

export interface DeviceMetricsIo {
  update(): DeviceMetricsInputs;
}

/**
 * What a piece of work costs on this device. Real devices answer 0 (the work itself takes its time);
 * a device model books the load and answers how long the result is to be held back.
 */
export interface DeviceCompute {
  /** Books one run of `task` (e.g. `object-detection.detect`), or a share of one, and returns the modelled extra time [s]. */
  book(task: string, share?: number): number;
}
