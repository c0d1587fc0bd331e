// Health of a Raspberry Pi: the SoC's thermal zone and the firmware's throttling word (bits as `vcgencmd get_throttled` documents them).
import type { Clock } from '../../shared/ports/clock.ts';
import type { ThrottlingFlag } from '../../shared/ports/device-metrics.ts';
import { HostMetrics, hottestZoneC } from '../linux/host-metrics.ts';
import { SystemFiles } from '../linux/system-files.ts';

/** Bits 0 to 3 tell what is so now; bits 16 to 19 what has been since the start, which is no reason to act. */
const FLAGS: readonly ThrottlingFlag[] = ['under-voltage', 'frequency-capped', 'throttled', 'soft-temperature-limit'];

/** Whether this computer says that it is a Raspberry Pi. */
export function isRaspberryPi(files = new SystemFiles()): boolean {
  return (files.text('proc/device-tree/model') ?? '').startsWith('Raspberry Pi');
}

export function raspberryPiMetrics(clock: Clock, files = new SystemFiles()): HostMetrics {
  return new HostMetrics({
    clock,
    files,
    board: { temperatureC: () => hottestZoneC(files, /cpu|soc/i), throttlingFlags: () => throttlingFlags(files) },
  });
}

/** The flags that are up now, or null where no firmware tells. */
function throttlingFlags(files: SystemFiles): ThrottlingFlag[] | null {
  const word = files.number(`${firmwareFolder(files)}/get_throttled`, 16);
  return word === null ? null : FLAGS.filter((_, bit) => (word & (1 << bit)) !== 0);
}

/** `soc/soc:firmware` up to the Pi 4; on a Pi 5 both carry the bus address. */
function firmwareFolder(files: SystemFiles): string {
  const folders = files.list('sys/devices/platform', /^soc(@[0-9a-f]+)?$/).flatMap((soc) => files.list(soc, /:firmware$/));
  return folders[0] ?? 'sys/devices/platform/soc/soc:firmware';
}
