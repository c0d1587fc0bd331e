// What this machine has and how busy it is.
import { availableParallelism, loadavg } from 'node:os';
import type { HostResources } from './host-ports.ts';

export function machineResources(options: {
  readonly memoryBytes: number;
  readonly instancesMax: number;
  readonly accelerator: string | null;
}): HostResources {
  const cores = availableParallelism();
  let before = process.cpuUsage();
  let beforeMs = performance.now();
  return {
    cores,
    memoryTotalBytes: options.memoryBytes,
    instancesMax: options.instancesMax,
    accelerator: options.accelerator,
    loadFraction: () => {
      // This process's share since the last look is exact and quick; the machine's load average knows of everybody else, late.
      const used = process.cpuUsage(before);
      const nowMs = performance.now();
      const own = (used.user + used.system) / 1000 / Math.max(1, nowMs - beforeMs) / cores;
      before = process.cpuUsage();
      beforeMs = nowMs;
      return Math.max(own, (loadavg()[0] ?? 0) / cores);
    },
  };
}
