// The kernels as JavaScript inside StarlingMonkey (componentize-js), run through jco's transpiled output: what a component of
// plain JavaScript costs. Building it takes half a minute, so the outcome is kept in the temporary folder.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface KernelCalls {
  matrixMultiply(a: Float64Array, b: Float64Array, n: number): Float64Array;
  fibonacci(n: number): number;
  insertionSort(values: Int32Array): Int32Array;
}

const WIT = `package bench:kernels;
interface api {
  matrix-multiply: func(a: list<f64>, b: list<f64>, n: s32) -> list<f64>;
  fibonacci: func(n: s32) -> s32;
  insertion-sort: func(values: list<s32>) -> list<s32>;
}
world kernels { export api; }`;

/** Its types ask for a source path even where the source itself is given. */
const OPTIONS = { worldName: 'kernels', disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'] };

type Root = Record<string, KernelCalls>;

/** Builds (or finds) the component and instantiates it. `javascript` defines the three functions. */
export async function startStarlingMonkey(
  javascript: string,
  log: (line: string) => void,
): Promise<{ readonly calls: KernelCalls; readonly componentBytes: number }> {
  const source = `${javascript}\nexport const api = { matrixMultiply, fibonacci, insertionSort };\n`;
  const directory = path.join(tmpdir(), `outrider-bench-${createHash('sha256').update(source).digest('hex').slice(0, 16)}`);
  const componentFile = path.join(directory, 'kernels.wasm');
  if (!existsSync(componentFile)) {
    log('building the StarlingMonkey component (half a minute)');
    const { componentize } = await import('@bytecodealliance/componentize-js');
    const { component } = await componentize(source, WIT, OPTIONS as never);
    await mkdir(directory, { recursive: true });
    await writeFile(componentFile, component);
  }
  const component = await readFile(componentFile);
  const { transpile } = await import('@bytecodealliance/jco');
  const { files } = await transpile(component, { name: 'kernels', instantiation: 'async' });
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(directory, name.replace(/\.js$/, '.mjs'));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  const { instantiate } = (await import(pathToFileURL(path.join(directory, 'kernels.mjs')).href)) as {
    instantiate: (load: (name: string) => Promise<WebAssembly.Module>, imports: object) => Promise<Root>;
  };
  const root = await instantiate(async (name) => WebAssembly.compile(new Uint8Array(await readFile(path.join(directory, name)))), {});
  const calls = root['api'] ?? root['bench:kernels/api'];
  if (calls === undefined) throw new Error('the StarlingMonkey component exports no api');
  return { calls, componentBytes: component.length };
}
