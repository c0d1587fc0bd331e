// What a process of this machine uses, from proc(5).
import { readFile } from 'node:fs/promises';

/** Memory of a process that lies in RAM and is its own or shared [bytes]. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Processor time that it has used so far, user and system [s]: fields 14 and 15 of its stat, in ticks of 10 ms. */
export async function processorSec(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
