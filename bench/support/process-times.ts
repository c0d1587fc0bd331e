// What the kernel says of a process: processor time and resident memory (proc(5)).
import { readFile } from 'node:fs/promises';

/** Linux counts process times in ticks of 1/100 s (sysconf(_SC_CLK_TCK)) on all platforms that Outrider runs on. */
const TICKS_PER_SEC = 100;

export interface ProcessTimes {
  readonly cpuSec: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

export async function processTimes(pid: number): Promise<ProcessTimes> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 on
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  return { cpuSec: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC, rssMb: kib('VmRSS') / 1024, peakMb: kib('VmHWM') / 1024 };
}

/** The processes that this one has started. */
export async function childProcesses(): Promise<number[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
