// What the surveyed functions cost in a run of the program: calls, time and bytes, by a generated copy whose exports are wrapped.
import type { Plugin } from 'esbuild';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OutriderError } from '../../shared/errors.ts';
import { loadEsbuild } from '../build/tools.ts';
import type { SurveyedFunction } from './survey.ts';

export interface FunctionProfile {
  readonly calls: number;
  readonly totalMs: number;
  readonly meanMs: number;
  /** Of all calls together, as the wire would carry them without its frame. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface LinkModel {
  readonly rttMs: number;
  readonly mbitPerSec: number;
  /** How many times as fast as here the edge computes. */
  readonly speedup: number;
}

/** Time saved by running all calls at the edge [ms]: calls·(t − t/speedup − rtt) − 8·bytes/rate. Negative: stay on board. */
export function estimatedGainMs(profile: FunctionProfile, link: LinkModel): number {
  const computing = profile.totalMs * (1 - 1 / link.speedup);
  const transferMs = (8 * (profile.bytesIn + profile.bytesOut)) / (link.mbitPerSec * 1000);
  return computing - profile.calls * link.rttMs - transferMs;
}

export const profileKey = (item: Pick<SurveyedFunction, 'file' | 'name'>): string => `${item.file}#${item.name}`;

/** Counts and times in the program under measurement; the wrapper is a global, so that all share one table. */
const RECORDER = `
import { writeFileSync as __write } from 'node:fs';
const __table = new Map();
const __size = (v) => {
  switch (typeof v) {
    case 'number': case 'bigint': return 8;
    case 'boolean': return 1;
    case 'string': return 4 + Buffer.byteLength(v);
    case 'object':
      if (v === null) return 1;
      if (ArrayBuffer.isView(v)) return 4 + v.byteLength;
      if (Array.isArray(v)) return v.reduce((sum, item) => sum + __size(item), 4);
      return Object.values(v).reduce((sum, item) => sum + __size(item), 0);
    default: return 0;
  }
};
globalThis.__outriderWrap = (key, f) => function (...args) {
  let row = __table.get(key);
  if (row === undefined) __table.set(key, (row = { calls: 0, totalMs: 0, bytesIn: 0, bytesOut: 0 }));
  row.calls += 1;
  for (const item of args) row.bytesIn += __size(item);
  const start = performance.now();
  try {
    const result = f.apply(this, args);
    row.totalMs += performance.now() - start;
    row.bytesOut += __size(result);
    return result;
  } catch (error) {
    row.totalMs += performance.now() - start;
    throw error;
  }
};
process.on('exit', () => __write(process.env.OUTRIDER_PROFILE_OUT, JSON.stringify([...__table])));
`;

/** Runs `script` with the exports of the surveyed files wrapped. Throws OUT_MODULE_BUILD where it cannot be bundled or fails. */
export async function profileRun(script: string, surveyed: readonly SurveyedFunction[]): Promise<ReadonlyMap<string, FunctionProfile>> {
  const entry = path.resolve(script);
  // Beside the script, so that the packages it imports are found.
  const bundle = path.join(path.dirname(entry), `.outrider-profile-${randomUUID()}.mjs`);
  const out = path.join(tmpdir(), `outrider-profile-${randomUUID()}.json`);
  try {
    await bundleWrapped(entry, bundle, surveyed);
    await runScript(bundle, out);
    const rows = JSON.parse(await readFile(out, 'utf8')) as [string, Omit<FunctionProfile, 'meanMs'>][];
    return new Map(rows.map(([key, row]) => [key, { ...row, meanMs: row.totalMs / row.calls }]));
  } finally {
    await Promise.all([rm(bundle, { force: true }), rm(out, { force: true })]);
  }
}

async function bundleWrapped(entry: string, outfile: string, surveyed: readonly SurveyedFunction[]): Promise<void> {
  const byFile = new Map<string, SurveyedFunction[]>();
  for (const item of surveyed) byFile.set(item.file, [...(byFile.get(item.file) ?? []), item]);
  const esbuild = await loadEsbuild();
  const plugin: Plugin = {
    name: 'wrap',
    setup(build) {
      build.onResolve({ filter: /^wrapped-original:/ }, ({ path: specifier }) => ({ path: specifier.slice('wrapped-original:'.length) }));
      build.onResolve({ filter: /^\.{0,2}\// }, ({ path: specifier, resolveDir, kind }) => {
        const plain = path.resolve(resolveDir, specifier);
        const file = [plain, `${plain}.ts`, plain.replace(/\.js$/, '.ts')].find((item) => byFile.has(item));
        return file === undefined || kind === 'entry-point' ? null : { path: file, namespace: 'wrapped' };
      });
      build.onLoad({ filter: /.*/, namespace: 'wrapped' }, ({ path: file }) => {
        const from = JSON.stringify(`wrapped-original:${file}`);
        const wrappers = (byFile.get(file) ?? []).map(
          (item) => `export const ${item.name} = globalThis.__outriderWrap(${JSON.stringify(profileKey(item))}, m.${item.name});`,
        );
        return {
          contents: [`import * as m from ${from};`, `export * from ${from};`, ...wrappers].join('\n'),
          resolveDir: path.dirname(file),
        };
      });
    },
  };
  try {
    await esbuild.build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      banner: { js: RECORDER },
      logLevel: 'silent',
      plugins: [plugin],
    });
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_BUILD', `${entry} cannot be bundled for the profile: ${(cause as Error).message}`, { cause });
  }
}

/** What the script prints goes to standard error: standard output is the report's. */
function runScript(bundle: string, out: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle], { stdio: ['ignore', 2, 2], env: { ...process.env, OUTRIDER_PROFILE_OUT: out } });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new OutriderError('OUT_MODULE_BUILD', `the profiled script ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
