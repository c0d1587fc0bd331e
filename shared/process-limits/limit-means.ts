// What this machine has to limit a process with. Nothing is changed here; every file is read below `root`, so that tests can bring a tree.
// Linux: Documentation/admin-guide/cgroup-v2.rst (delegation), setrlimit(2), taskset(1).
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LimitMeans {
  /** This process's own delegated control group (v2), or why there is none. */
  readonly cgroup: { readonly folder: string } | { readonly why: string };
  readonly rlimits: {
    /** RLIMIT_DATA counts private writable mappings, V8's and WebAssembly's included (Linux since 4.7). */
    readonly data: boolean;
    /** `ulimit -n` and `nice` of a POSIX shell. */
    readonly files: boolean;
  };
  /** taskset(1). */
  readonly affinity: boolean;
  /** Cores that this process may use, by number. */
  readonly cpus: readonly number[];
}

const CONTROLLERS = ['memory', 'cpu', 'pids'] as const;

export function limitMeans(root = '/', platform: NodeJS.Platform = process.platform): LimitMeans {
  const linux = platform === 'linux';
  return {
    cgroup: linux ? delegatedGroup(root) : { why: `${platform} has no control groups` },
    rlimits: { data: linux && existsSync(join(root, 'bin/sh')), files: platform !== 'win32' && existsSync(join(root, 'bin/sh')) },
    affinity: linux && ['usr/bin/taskset', 'bin/taskset'].some((path) => existsSync(join(root, path))),
    cpus: cpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(textOf(join(root, 'proc/self/status')) ?? '')?.[1] ?? ''),
  };
}

/** A group of its own for this process, with the three controllers and write access, is what systemd's `Delegate=yes` gives. */
function delegatedGroup(root: string): LimitMeans['cgroup'] {
  const mount = join(root, 'sys/fs/cgroup');
  if (textOf(join(mount, 'cgroup.controllers')) === null) return { why: 'there is no cgroup v2 at /sys/fs/cgroup' };
  const path = /^0::(\/.*)$/m.exec(textOf(join(root, 'proc/self/cgroup')) ?? '')?.[1];
  if (path === undefined) return { why: 'this process is in no cgroup v2' };
  if (path === '/') return { why: 'this process is in the root control group, which takes no limits' };
  const folder = join(mount, path);
  const offered = (textOf(join(folder, 'cgroup.controllers')) ?? '').split(' ');
  const lacking = CONTROLLERS.filter((name) => !offered.includes(name));
  if (lacking.length > 0) return { why: `the control group ${path} lacks ${lacking.join(', ')}` };
  const mayWrite = ['.', 'cgroup.procs', 'cgroup.subtree_control'].every((name) => isWritable(join(folder, name)));
  return mayWrite ? { folder } : { why: `the control group ${path} is not delegated to this user` };
}

/** `0-2,5` of /proc: 0, 1, 2, 5. */
function cpuList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    if (part === '' || first === undefined || last === undefined || !(last >= first)) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
