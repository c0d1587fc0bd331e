// A host process under limits: how it is started so that they hold before its first instruction, and what it takes of them.
// POSIX sh: ulimit, exec; taskset(1), nice(1); control-group.ts.
import { readFileSync } from 'node:fs';
import { OutriderError } from '../shared/errors.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { limitMeans, type LimitMeans } from '../shared/process-limits/limit-means.ts';
import { type EnforcedLimit, limitsText, planLimits, type ProcessLimits } from '../shared/process-limits/process-limits.ts';
import { ControlGroup } from './control-group.ts';

export interface LimitedStart {
  readonly enforced: readonly EnforcedLimit[];
  /** What `fork` starts: Node itself, or a shell that limits itself and becomes Node. */
  readonly execPath: string;
  readonly execArgv: readonly string[];
  /** What counts against the memory limit of this process now [bytes]; null where nothing does or it has ended. */
  memoryBytes(pid: number): number | null;
  /** The process has ended: whether the kernel ended it for its memory (only a control group tells). Takes the group away. */
  ended(): { readonly outOfMemory: boolean };
}

/** Of the limit, for the host's own JavaScript: its collector works harder before the limit ends the process. */
const HEAP_SHARE = 1 / 4;

/**
 * Throws OUT_EDGE_NO_LIMITS when one is required that this machine cannot enforce; says in the log what is enforced by what.
 * `turn` spreads processes over the cores.
 */
export function limitedStart(
  host: string,
  limits: ProcessLimits | undefined,
  nodeArgs: readonly string[],
  { logger, turn = 0, means = limitMeans() }: { readonly logger: Logger; readonly turn?: number; readonly means?: LimitMeans },
): LimitedStart {
  if (limits === undefined) return unlimited(nodeArgs);
  let plan = planLimits(limits, means);
  let group: ControlGroup | null = null;
  if ('folder' in means.cgroup && plan.enforced.some(({ mechanism }) => mechanism === 'cgroup')) {
    try {
      group = new ControlGroup(means.cgroup.folder, host, plan.enforced);
    } catch (error) {
      plan = planLimits(limits, { ...means, cgroup: { why: `the control group cannot be used: ${(error as Error).message}` } });
    }
  }
  const { enforced, unenforced } = plan;
  if (unenforced.length > 0 && limits.required) {
    group?.remove();
    throw new OutriderError('OUT_EDGE_NO_LIMITS', `${host}: ${unenforced.map(({ resource, why }) => `${resource}: ${why}`).join('; ')}`);
  }
  logger[unenforced.length > 0 ? 'warn' : 'info']({ host, limits: limitsText(plan) }, 'limits of the edge host process');
  const heap = limits.memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.floor((limits.memoryBytes * HEAP_SHARE) / 2 ** 20)}`];
  const { execPath, execArgv } = startCommand(enforced, group, coresFor(turn, means.cpus), [...nodeArgs, ...heap]);
  return {
    enforced,
    execPath,
    execArgv,
    memoryBytes: (pid) => group?.memoryBytes() ?? dataBytes(pid),
    ended: () => ({ outOfMemory: group?.remove() ?? false }),
  };
}

const unlimited = (nodeArgs: readonly string[]): LimitedStart => ({
  ...{ enforced: [], execPath: process.execPath, execArgv: nodeArgs },
  memoryBytes: dataBytes,
  ended: () => ({ outOfMemory: false }),
});

/** The shell's limits are its own, and Node's once it has become Node; hard ones, so that nothing in the process can raise them. */
function startCommand(
  enforced: readonly EnforcedLimit[],
  group: ControlGroup | null,
  cores: (count: number) => string,
  nodeArgs: readonly string[],
): Pick<LimitedStart, 'execPath' | 'execArgv'> {
  const by = (mechanism: EnforcedLimit['mechanism'], resource: EnforcedLimit['resource']): number | undefined =>
    enforced.find((limit) => limit.mechanism === mechanism && limit.resource === resource)?.value;
  const data = by('rlimit', 'memoryBytes');
  const files = by('rlimit', 'openFiles');
  const cpus = by('affinity', 'cores');
  const nice = by('nice', 'niceness');
  const steps = [
    ...(group === null ? [] : [group.enterCommand()]),
    ...(data === undefined ? [] : [`ulimit -d ${Math.floor(data / 1024)}`]),
    ...(files === undefined ? [] : [`ulimit -n ${files}`]),
    [
      'exec',
      ...(cpus === undefined ? [] : [`taskset -c ${cores(cpus)}`]),
      ...(nice === undefined ? [] : [`nice -n ${nice}`]),
      '"$0" "$@"',
    ].join(' '),
  ];
  return { execPath: '/bin/sh', execArgv: ['-c', steps.join(' && '), process.execPath, ...nodeArgs] };
}

/** `count` of these cores; another turn takes others, as far as there are any. */
function coresFor(turn: number, cpus: readonly number[]): (count: number) => string {
  return (count) => Array.from({ length: count }, (_, index) => cpus[(turn * count + index) % cpus.length]).join(',');
}

/** What RLIMIT_DATA counts: VmData of proc(5). */
function dataBytes(pid: number): number | null {
  try {
    const kibibytes = /^VmData:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}
