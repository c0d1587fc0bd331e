// A control group (v2) below our own, with the limits of one host process: Documentation/admin-guide/cgroup-v2.rst of Linux.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnforcedLimit } from '../shared/process-limits/process-limits.ts';

const CPU_PERIOD_US = 100_000;
/** Where this process itself goes. */
const SELF = '/outrider-site';

/** Making one throws what the kernel says where that does not go. */
export class ControlGroup {
  readonly #folder: string;

  /**
   * Controllers are handed down only by a group without processes of its own (the "no internal processes" rule), so this process
   * moves into a group beside its hosts first.
   */
  constructor(own: string, host: string, limits: readonly EnforcedLimit[]) {
    const parent = own.endsWith(SELF) ? join(own, '..') : own;
    const self = join(parent, SELF.slice(1));
    mkdirSync(self, { recursive: true });
    writeFileSync(join(self, 'cgroup.procs'), `${process.pid}`);
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory +cpu +pids');
    this.#folder = join(parent, `outrider-${host}`);
    mkdirSync(this.#folder, { recursive: true });
    const write = (file: string, text: string): void => writeFileSync(join(this.#folder, file), text);
    for (const { resource, value, mechanism } of limits) {
      if (mechanism !== 'cgroup') continue;
      if (resource === 'memoryBytes') {
        write('memory.max', `${value}`);
        // One process: all of it ends, never one thread's share. Without swap a limit is the limit.
        write('memory.oom.group', '1');
        writeOptional(join(this.#folder, 'memory.swap.max'), '0');
      } else if (resource === 'cores') write('cpu.max', `${Math.round(value * CPU_PERIOD_US)} ${CPU_PERIOD_US}`);
      else if (resource === 'tasks') write('pids.max', `${value}`);
    }
  }

  enterCommand(): string {
    return `echo $$ > '${join(this.#folder, 'cgroup.procs').replaceAll("'", `'\\''`)}'`;
  }

  memoryBytes(): number | null {
    const text = read(join(this.#folder, 'memory.current'));
    return text === null ? null : Number(text);
  }

  /** True when the kernel has ended a process of the group for its memory. */
  remove(): boolean {
    const kills = /^oom_kill (\d+)$/m.exec(read(join(this.#folder, 'memory.events')) ?? '')?.[1];
    try {
      rmdirSync(this.#folder);
    } catch {
      // Still busy or not there: the next start uses it again.
    }
    return Number(kills ?? 0) > 0;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Kernels without swap accounting lack the file. */
function writeOptional(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
}
