// Health of any Linux computer from /proc and /sys (proc(5), Documentation/driver-api/thermal/sysfs-api.rst); boards add what they know better.
import type { Clock } from '../../shared/ports/clock.ts';
import type { DeviceMetricsInputs, DeviceMetricsIo, ThrottlingFlag } from '../../shared/ports/device-metrics.ts';
import { SystemFiles } from './system-files.ts';

/** What a board measures in its own way; absent parts are read as on any Linux. All are called once per second at most. */
export interface BoardSensors {
  /** Processor temperature [°C]; null: its sensor cannot be read, so the device counts as not connected. */
  readonly temperatureC?: () => number | null;
  readonly throttlingFlags?: () => readonly ThrottlingFlag[] | null;
  /** Busy share of the GPU, or null. */
  readonly gpuFraction?: () => number | null;
  readonly boardPowerW?: () => number | null;
}

export interface HostMetricsOptions {
  readonly clock: Clock;
  readonly files?: SystemFiles;
  readonly board?: BoardSensors;
}

/** Files are read at most so often: the rover asks five times a second. */
const PERIOD_SEC = 1;
/** Flags of a device that runs slower now; under-voltage alone only warns. */
const SLOWER: readonly ThrottlingFlag[] = ['frequency-capped', 'throttled', 'soft-temperature-limit'];
const COOLING_BY_SLOWNESS = /cpufreq|devfreq|processor|balanced|throttle|heavy/i;
const VIRTUAL_INTERFACE = /^(lo|veth|docker|br-|virbr|tun|tap|ifb|dummy)/;

interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** Never throws: when `/proc` (or the board's own temperature) cannot be read, `connected` is false and the last values stay. */
export class HostMetrics implements DeviceMetricsIo {
  readonly #clock: Clock;
  readonly #files: SystemFiles;
  readonly #board: BoardSensors;
  #cpu: CpuTimes | null;
  #inputs: DeviceMetricsInputs | null = null;

  constructor({ clock, files = new SystemFiles(), board = {} }: HostMetricsOptions) {
    this.#clock = clock;
    this.#files = files;
    this.#board = board;
    this.#cpu = this.#cpuTimes();
  }

  update(): DeviceMetricsInputs {
    const nowSec = this.#clock.nowSec();
    if (this.#inputs !== null && nowSec - this.#inputs.stampSec < PERIOD_SEC) return this.#inputs;
    this.#inputs = this.#read(nowSec) ?? { ...(this.#inputs ?? NOTHING), connected: false, stampSec: nowSec };
    return this.#inputs;
  }

  #read(nowSec: number): DeviceMetricsInputs | null {
    const board = this.#board;
    const cpuFraction = this.#cpuFraction();
    const memory = this.#memory();
    const temperatureC = board.temperatureC === undefined ? hottestZoneC(this.#files) : board.temperatureC();
    if (cpuFraction === null || memory === null || (board.temperatureC !== undefined && temperatureC === null)) return null;
    const flags = board.throttlingFlags?.() ?? null;
    const network = this.#network();
    const boardPowerW = board.boardPowerW?.() ?? null;
    return {
      connected: true,
      stampSec: nowSec,
      cpuFraction,
      gpuFraction: board.gpuFraction?.() ?? null,
      temperatureC,
      throttled: flags === null ? this.#isCooledBySlowness() : flags.some((flag) => SLOWER.includes(flag)),
      ...(flags === null ? {} : { throttlingFlags: flags }),
      ...memory,
      ...(network === null ? {} : { network }),
      ...(boardPowerW === null ? {} : { boardPowerW }),
    };
  }

  /** Busy share since the last reading; the first is since construction, or 0 if that was just now. */
  #cpuFraction(): number | null {
    const before = this.#cpu;
    const now = this.#cpuTimes();
    this.#cpu = now;
    if (now === null) return null;
    const elapsed = before === null ? 0 : now.total - before.total;
    return elapsed <= 0 || before === null ? 0 : Math.max(0, Math.min(1, (now.busy - before.busy) / elapsed));
  }

  /** First line of /proc/stat: user nice system idle iowait irq softirq steal (guest times are within user and nice). */
  #cpuTimes(): CpuTimes | null {
    const fields = /^cpu\s+([\d ]+)/.exec(this.#files.text('proc/stat') ?? '')?.[1];
    if (fields === undefined) return null;
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields.split(' ').map(Number);
    const busy = user + nice + system + irq + softirq + steal;
    return { busy, total: busy + idle + iowait };
  }

  #memory(): Pick<DeviceMetricsInputs, 'memoryUsedBytes' | 'memoryTotalBytes'> | null {
    const text = this.#files.text('proc/meminfo') ?? '';
    const kib = (name: string): number | null => {
      const digits = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
      return digits === undefined ? null : Number(digits);
    };
    const total = kib('MemTotal');
    const available = kib('MemAvailable');
    return total === null || available === null ? null : { memoryTotalBytes: total * 1024, memoryUsedBytes: (total - available) * 1024 };
  }

  /** /proc/net/dev: received bytes in the first column after the name, sent ones in the ninth. */
  #network(): NonNullable<DeviceMetricsInputs['network']> | null {
    const text = this.#files.text('proc/net/dev');
    if (text === null) return null;
    let receivedBytes = 0;
    let sentBytes = 0;
    for (const [, name = '', columns = ''] of text.matchAll(/^\s*([^\s:]+):\s*([\d ]+)$/gm)) {
      if (VIRTUAL_INTERFACE.test(name)) continue;
      const numbers = columns.trim().split(/ +/).map(Number);
      receivedBytes += numbers[0] ?? 0;
      sentBytes += numbers[8] ?? 0;
    }
    return { receivedBytes, sentBytes };
  }

  #isCooledBySlowness(): boolean {
    return this.#files
      .list('sys/class/thermal', /^cooling_device\d+$/)
      .some(
        (path) => COOLING_BY_SLOWNESS.test(this.#files.text(`${path}/type`) ?? '') && (this.#files.number(`${path}/cur_state`) ?? 0) > 0,
      );
  }
}

/**
 * The hottest of the thermal zones whose type matches [°C], or null. A zone that fails to read is left out; so is one at or above 200 °C
 * or below −40 °C, which no processor survives: unconnected sensors say such things.
 */
export function hottestZoneC(files: SystemFiles, type = /cpu|soc|x86_pkg|acpitz|tj|ap-therm/i): number | null {
  const zones = files
    .list('sys/class/thermal', /^thermal_zone\d+$/)
    .filter((path) => type.test(files.text(`${path}/type`) ?? ''))
    .map((path) => files.number(`${path}/temp`))
    .filter((milliC) => milliC !== null)
    .map((milliC) => milliC / 1000)
    .filter((celsius) => celsius > -40 && celsius < 200);
  return zones.length === 0 ? null : Math.max(...zones);
}

const NOTHING: DeviceMetricsInputs = {
  connected: false,
  stampSec: 0,
  cpuFraction: 0,
  gpuFraction: null,
  temperatureC: null,
  throttled: false,
  memoryUsedBytes: 0,
  memoryTotalBytes: 0,
};
