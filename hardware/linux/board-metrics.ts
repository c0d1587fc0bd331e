// Metrics of the board that this process runs on: a Raspberry Pi's, a Jetson's, or those of any Linux.
import type { Clock } from '../../shared/ports/clock.ts';
import type { DeviceMetricsIo } from '../../shared/ports/device-metrics.ts';
import { isJetson, jetsonMetrics } from '../jetson/metrics.ts';
import { isRaspberryPi, raspberryPiMetrics } from '../raspberry-pi/metrics.ts';
import { HostMetrics } from './host-metrics.ts';

export function boardMetrics(clock: Clock): DeviceMetricsIo {
  if (isRaspberryPi()) return raspberryPiMetrics(clock);
  return isJetson() ? jetsonMetrics(clock) : new HostMetrics({ clock });
}
