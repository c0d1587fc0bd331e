// What one host process may take of its machine, and which means of the operating system enforces each limit. Why RLIMIT_DATA and not
// RLIMIT_AS or the resident set: docs/adr/0006-what-bounds-a-host-process.md.
import { z } from 'zod';
import type { LimitMeans } from './limit-means.ts';

const MIB = 1024 ** 2;

export const processLimitsSchema = z.strictObject({
  memoryBytes: z
    .number()
    .int()
    .min(512 * MIB)
    .optional()
    .describe(
      'Memory of the whole process, modules included [bytes]. An idle host takes 370 MiB of it, an instance 15 MiB beside its own.',
    ),
  cores: z.number().positive().max(1024).optional().describe('Processor time, in cores; fractions need cgroup v2.'),
  tasks: z.number().int().min(64).optional().describe('Threads and processes; needs cgroup v2.'),
  openFiles: z.number().int().min(256).optional().describe('Files and connections that are open at once.'),
  niceness: z.number().int().min(1).max(19).optional().describe('How far it stands back behind others who want the processor.'),
  required: z.boolean().default(false).describe('Refuse to start where this machine cannot enforce each of them.'),
});

export type ProcessLimits = z.infer<typeof processLimitsSchema>;

export type LimitMechanism = 'cgroup' | 'rlimit' | 'affinity' | 'nice';

export interface EnforcedLimit {
  readonly resource: 'memoryBytes' | 'cores' | 'tasks' | 'openFiles' | 'niceness';
  readonly value: number;
  readonly mechanism: LimitMechanism;
}

export interface LimitPlan {
  readonly enforced: readonly EnforcedLimit[];
  /** What nothing on this machine enforces, and why. */
  readonly unenforced: readonly { readonly resource: EnforcedLimit['resource']; readonly why: string }[];
}

/** Chooses for each limit what enforces it on a machine with these means: a control group before anything else. */
export function planLimits(limits: ProcessLimits, means: LimitMeans): LimitPlan {
  const enforced: EnforcedLimit[] = [];
  const unenforced: { resource: EnforcedLimit['resource']; why: string }[] = [];
  for (const resource of ['memoryBytes', 'cores', 'tasks', 'openFiles', 'niceness'] as const) {
    const value = limits[resource];
    if (value === undefined) continue;
    const chosen = mechanismOf(resource, value, means);
    if ('why' in chosen) unenforced.push({ resource, why: chosen.why });
    else enforced.push({ resource, ...chosen });
  }
  return { enforced, unenforced };
}

function mechanismOf(
  resource: EnforcedLimit['resource'],
  value: number,
  { cgroup, rlimits, affinity, cpus }: LimitMeans,
): Pick<EnforcedLimit, 'value' | 'mechanism'> | { readonly why: string } {
  const noCgroup = 'why' in cgroup ? cgroup.why : null;
  switch (resource) {
    case 'memoryBytes':
      if (noCgroup === null) return { value, mechanism: 'cgroup' };
      return rlimits.data ? { value, mechanism: 'rlimit' } : { why: `${noCgroup}, and RLIMIT_DATA bounds no mappings on this system` };
    case 'cores':
      if (noCgroup === null) return { value, mechanism: 'cgroup' };
      if (value >= cpus.length) return { why: `${noCgroup}, and this machine has no more than ${cpus.length} cores` };
      if (value < 1) return { why: `${noCgroup}, and less than one core needs it` };
      return affinity ? { value: Math.floor(value), mechanism: 'affinity' } : { why: `${noCgroup}, and there is no taskset (util-linux)` };
    case 'tasks':
      return noCgroup === null ? { value, mechanism: 'cgroup' } : { why: `${noCgroup}; RLIMIT_NPROC counts all processes of a user` };
    case 'openFiles':
      return rlimits.files ? { value, mechanism: 'rlimit' } : { why: 'there is no POSIX shell to set RLIMIT_NOFILE' };
    case 'niceness':
      return rlimits.files ? { value, mechanism: 'nice' } : { why: 'there is no POSIX shell to call nice' };
  }
}

/** One line for logs: `memoryBytes 1073741824 by cgroup, cores 1 by affinity`. */
export const limitsText = ({ enforced, unenforced }: LimitPlan): string =>
  [
    ...enforced.map(({ resource, value, mechanism }) => `${resource} ${value} by ${mechanism}`),
    ...unenforced.map(({ resource, why }) => `${resource} not enforced (${why})`),
  ].join(', ');
