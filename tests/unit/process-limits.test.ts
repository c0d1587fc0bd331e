// Limits of host processes: what is chosen on which machine, and what the kernel then says of a process that was started so.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite, plannedHosts } from '../../edge/config.ts';
import { limitedStart } from '../../edge/limited-start.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type LimitMeans, limitMeans } from '../../shared/process-limits/limit-means.ts';
import { planLimits, processLimitsSchema } from '../../shared/process-limits/process-limits.ts';

const GIB = 1024 ** 3;
const ALL = processLimitsSchema.parse({ memoryBytes: GIB, cores: 1, tasks: 512, openFiles: 1024, niceness: 5 });
const PLAIN: LimitMeans = { cgroup: { why: 'no cgroup' }, rlimits: { data: true, files: true }, affinity: true, cpus: [0, 1, 3] };
const logger = SILENT_LOGGER;

describe('what is chosen', () => {
  test('a control group enforces all but open files and niceness', () => {
    const { enforced, unenforced } = planLimits({ ...ALL, cores: 0.5 }, { ...PLAIN, cgroup: { folder: '/group' } });
    expect(unenforced).toEqual([]);
    expect(enforced.map(({ resource, value, mechanism }) => `${resource} ${value} ${mechanism}`)).toEqual([
      `memoryBytes ${GIB} cgroup`,
      'cores 0.5 cgroup',
      'tasks 512 cgroup',
      'openFiles 1024 rlimit',
      'niceness 5 nice',
    ]);
  });

  test('without one RLIMIT_DATA bounds memory, whole cores are kept by affinity, and what is left over is said', () => {
    const { enforced, unenforced } = planLimits({ ...ALL, cores: 2.5 }, PLAIN);
    expect(enforced).toMatchObject([{ mechanism: 'rlimit' }, { resource: 'cores', value: 2, mechanism: 'affinity' }, {}, {}]);
    expect(unenforced).toEqual([{ resource: 'tasks', why: expect.stringContaining('no cgroup') as string }]);
    for (const [cores, means] of [
      [0.5, PLAIN],
      [3, PLAIN],
      [1, { ...PLAIN, affinity: false }],
    ] as const) {
      expect(planLimits(processLimitsSchema.parse({ cores }), means)).toMatchObject({ enforced: [], unenforced: [{ resource: 'cores' }] });
    }
  });

  test('where the system bounds nothing, nothing is promised', () => {
    const windows = limitMeans('/nowhere', 'win32');
    expect(planLimits(ALL, windows).enforced).toEqual([]);
    const mac = planLimits(ALL, { ...PLAIN, cgroup: { why: 'no control groups' }, rlimits: { data: false, files: true }, affinity: false });
    expect(mac.enforced.map(({ resource }) => resource)).toEqual(['openFiles', 'niceness']);
  });

  test('a required limit that nothing enforces stops the start; one that is not required is left out', () => {
    const options = { logger, means: PLAIN };
    expect(() => limitedStart('h', processLimitsSchema.parse({ tasks: 512, required: true }), [], options)).toThrow(
      expect.objectContaining({ code: 'OUT_EDGE_NO_LIMITS', message: expect.stringContaining('tasks: no cgroup') as string }) as Error,
    );
    expect(limitedStart('h', processLimitsSchema.parse({ tasks: 512 }), [], options).enforced).toEqual([]);
    expect(limitedStart('h', undefined, ['--x'], options)).toMatchObject({ execPath: process.execPath, execArgv: ['--x'] });
  });

  test('the configuration lists every problem, and gives fleets processes of their own', () => {
    const code = 'OUT_CONFIG_INVALID';
    expect(() => defineSite({ host: { limits: { memoryBytes: GIB / 4, niceness: -5 } } })).toThrow(
      expect.objectContaining({ code }) as Error,
    );
    expect(() => defineSite({ hostPrefix: 'e'.repeat(60), tenantHosts: { fleet: {} } })).toThrow(
      expect.objectContaining({ code }) as Error,
    );
    const site = defineSite({
      hosts: 1,
      host: { limits: { niceness: 1 } },
      tenantHosts: { 'fleet-a': { hosts: 2, memoryBytes: GIB / 2 }, 'fleet-b': { limits: { cores: 1 } } },
    });
    const planned = plannedHosts(site).map(({ name, settings, limits }) => [name, settings.tenants, settings.memoryBytes, limits]);
    const nice = { niceness: 1, required: false };
    expect(planned).toEqual([
      ['edge-1', undefined, GIB, nice],
      ['edge-fleet-a-1', ['fleet-a'], GIB / 2, nice],
      ['edge-fleet-a-2', ['fleet-a'], GIB / 2, nice],
      ['edge-fleet-b-1', ['fleet-b'], GIB, { cores: 1, required: false }],
    ]);
  });
});

describe('control groups', () => {
  let root = '';
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const at = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
  const OWN = 'sys/fs/cgroup/system.slice/edge.service';

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'outrider-cgroup-'));
    await put('sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory pids\n');
    await put('proc/self/cgroup', '0::/system.slice/edge.service\n');
    await put('proc/self/status', 'Name:\tnode\nCpus_allowed_list:\t0-1,4\n');
    await put(`${OWN}/cgroup.controllers`, 'cpu memory pids\n');
    for (const file of ['cgroup.procs', 'cgroup.subtree_control']) await put(`${OWN}/${file}`, '');
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  test('a delegated group is found; one that lacks a controller, another’s and the root group are not', async () => {
    expect(limitMeans(root, 'linux')).toMatchObject({ cgroup: { folder: join(root, OWN) }, cpus: [0, 1, 4] });
    await put(`${OWN}/cgroup.controllers`, 'memory pids\n');
    expect(limitMeans(root, 'linux').cgroup).toEqual({ why: 'the control group /system.slice/edge.service lacks cpu' });
    await put(`${OWN}/cgroup.controllers`, 'cpu memory pids\n');
    await put('proc/self/cgroup', '0::/\n');
    expect(limitMeans(root, 'linux').cgroup).toMatchObject({ why: expect.stringContaining('root control group') as string });
    await put('proc/self/cgroup', '5:memory:/x\n');
    expect(limitMeans(root, 'linux').cgroup).toMatchObject({ why: expect.stringContaining('no cgroup v2') as string });
    await put('proc/self/cgroup', '0::/system.slice/edge.service\n');
  });

  test('the site moves aside, hands controllers down, and the host enters its group before it becomes Node', async () => {
    const means = { ...PLAIN, cgroup: limitMeans(root, 'linux').cgroup };
    const { execPath, execArgv, ended } = limitedStart('fleet-1', { ...ALL, cores: 1.5 }, ['--flag'], { logger, means });
    expect(await at(`${OWN}/outrider-site/cgroup.procs`)).toBe(`${process.pid}`);
    expect(await at(`${OWN}/cgroup.subtree_control`)).toBe('+memory +cpu +pids');
    const group = `${OWN}/outrider-fleet-1`;
    const written = ['memory.max', 'memory.oom.group', 'memory.swap.max', 'cpu.max', 'pids.max'].map((file) => at(`${group}/${file}`));
    expect(await Promise.all(written)).toEqual([`${GIB}`, '1', '0', '150000 100000', '512']);
    expect([execPath, ...execArgv]).toEqual([
      '/bin/sh',
      '-c',
      `echo $$ > '${join(root, group, 'cgroup.procs')}' && ulimit -n 1024 && exec nice -n 5 "$0" "$@"`,
      process.execPath,
      '--flag',
      '--max-old-space-size=256',
    ]);
    await put(`${group}/memory.events`, 'low 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n');
    expect(ended()).toEqual({ outOfMemory: true });

    // The next start finds this process in the group that it moved to.
    const moved = { ...PLAIN, cgroup: { folder: join(root, OWN, 'outrider-site') } };
    limitedStart('fleet-2', ALL, [], { logger, means: moved });
    expect(await at(`${OWN}/outrider-fleet-2/cpu.max`)).toBe('100000 100000');
  });

  test('a group that the kernel refuses is not promised: limits fall to what is left', () => {
    const means = { ...PLAIN, cgroup: { folder: join(root, 'proc/self/status') } };
    const { enforced } = limitedStart('fleet-3', ALL, [], { logger, means });
    expect(enforced.map(({ mechanism }) => mechanism)).toEqual(['rlimit', 'affinity', 'rlimit', 'nice']);
    expect(() => limitedStart('fleet-3', { ...ALL, required: true }, [], { logger, means })).toThrow('the control group cannot be used');
  });
});

describe.skipIf(process.platform !== 'linux' || !existsSync('/usr/bin/taskset'))('on this machine', () => {
  /** Runs a script under limits; resolves with what it printed and how it ended. */
  const run = async (script: string, limits: object): Promise<{ out: string; code: number | null; signal: string | null }> => {
    const means = { ...limitMeans(), cgroup: { why: 'not tried' } };
    const { execPath, execArgv } = limitedStart('h', processLimitsSchema.parse(limits), ['-e', script], { logger, means, turn: 1 });
    const child = spawn(execPath, execArgv, { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    return new Promise((resolve) => child.once('close', (code, signal) => resolve({ out, code, signal })));
  };

  test('the kernel shows the limits, hard ones, from the first instruction', async () => {
    const script = `const fs = require('fs'), os = require('os');
      const limit = (name) => fs.readFileSync('/proc/self/limits', 'utf8').match(new RegExp(name + ' +(\\\\S+) +(\\\\S+)')).slice(1);
      const cpus = fs.readFileSync('/proc/self/status', 'utf8').match(/Cpus_allowed_list:\\s*(\\S+)/)[1];
      console.log(JSON.stringify({ data: limit('Max data size'), files: limit('Max open files'), cpus, nice: os.getPriority() }));`;
    const cores = limitMeans().cpus.length > 1 ? { cores: 1 } : {};
    const { out } = await run(script, { memoryBytes: GIB, openFiles: 300, niceness: 7, ...cores });
    const seen = JSON.parse(out) as { data: string[]; files: string[]; cpus: string; nice: number };
    expect(seen).toMatchObject({ data: [`${GIB}`, `${GIB}`], files: ['300', '300'], nice: 7 });
    if ('cores' in cores) expect(seen.cpus).toBe(`${limitMeans().cpus[1]}`);
  });

  test('memory of WebAssembly, of buffers and of the heap ends at the limit, however much address space is reserved', async () => {
    // Each says how much it has, at once: at the limit V8 refuses the next piece or ends the process.
    const said = `const say = (mib) => require('fs').writeSync(1, mib + ' ');`;
    const greedy = {
      wasm: `const memory = new WebAssembly.Memory({ initial: 0, maximum: 32768 });
        for (let mib = 16; mib <= 2048; mib += 16) { memory.grow(256); new Uint8Array(memory.buffer, (mib - 16) * 2 ** 20).fill(1); say(mib); }`,
      buffers: `const held = []; for (let mib = 16; mib <= 2048; mib += 16) { held.push(Buffer.alloc(2 ** 24, 1)); say(mib); }`,
      heap: `const held = []; const v8 = require('v8');
        for (let n = 0; n < 1e8; n++) { held.push({ n, more: [n] }); if (n % 1e5 === 0) say(Math.round(v8.getHeapStatistics().used_heap_size / 2 ** 20)); }`,
    };
    for (const [name, script] of Object.entries(greedy)) {
      const { out, code, signal } = await run(`${said}\n${script}`, { memoryBytes: GIB / 2 });
      const most = Number(out.trim().split(' ').at(-1));
      expect({ name, ended: signal ?? code }).not.toEqual({ name, ended: 0 });
      expect(most, name).toBeGreaterThan(name === 'heap' ? 64 : 256);
      expect(most, name).toBeLessThan(512);
    }
  }, 60_000);
});
