// The files of a new module project: a small stateful module, and a test that holds its two builds together.
import type { ModuleConfig } from '../build/module-config.ts';

export interface TemplateInput {
  /** Lower-case words joined by -. */
  readonly name: string;
  /** What package.json asks for: a version range, or `file:` and a path for a tarball or a checkout. */
  readonly outrider: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const className = (name: string): string => name.replaceAll(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());

/** File names and texts of the project. */
export function templateFiles({ name, outrider }: TemplateInput): ReadonlyMap<string, string> {
  return new Map([
    ['package.json', packageJson(name, outrider)],
    ['module.json', moduleJson(name)],
    ['tsconfig.json', TSCONFIG],
    ['.gitignore', 'node_modules/\ndist/\n'],
    [`${name}.ts`, moduleSource(className(name))],
    ['main.ts', mainSource(name, className(name))],
    [`${name}.test.ts`, testSource(name, className(name))],
    ['README.md', readme(name)],
  ]);
}

/** The compilers stand here because they are no dependencies of a rover: the toolchain finds them beside the package. */
function packageJson(name: string, outrider: string): string {
  return json({
    name,
    version: '1.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.20' },
    scripts: { build: `outrider module build . --out dist/${name}`, start: 'tsx main.ts', test: 'vitest run', types: 'tsc' },
    devDependencies: {
      '@bytecodealliance/jco': '^1.34.0',
      '@types/node': '^20.19.43',
      assemblyscript: '^0.28.20',
      esbuild: '^0.28.2',
      outrider,
      tsx: '^4.23.15',
      typescript: '^6.0.3',
      vitest: '^4.1.11',
    },
  });
}

function moduleJson(name: string): string {
  const config: Omit<ModuleConfig, 'enable' | 'engine' | 'component'> = {
    name,
    version: '1.0.0',
    description: 'Mean and variance of a stream of readings.',
    entry: `${name}.ts`,
    sharing: 'per-rover',
    stateVersion: 1,
    memoryMaxBytes: 16_777_216,
    onboard: 'native',
  };
  return json(config);
}

const TSCONFIG = json({
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023'],
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['*.ts'],
});

const moduleSource = (
  name: string,
): string => `// Running mean and variance without keeping the readings (Welford, Technometrics 4(3), 1962).
import type { f64, i32 } from 'outrider/portable';

/** What is known of the readings so far. */
export interface Summary {
  readonly count: i32;
  /** 0 before the first reading. */
  readonly mean: f64;
  /** Of the sample; 0 before the second reading. */
  readonly variance: f64;
}

/** The typed fields are the state that moves between rover and edge; the tagged methods are what callers see. */
export class ${name} {
  count: i32 = 0;
  mean: f64 = 0;
  squares: f64 = 0;

  /** Takes readings in; returns how many there were in all. @offloadable */
  record(readings: Float64Array): i32 {
    for (const reading of readings) {
      this.count += 1;
      const before = reading - this.mean;
      this.mean += before / this.count;
      this.squares += before * (reading - this.mean);
    }
    return this.count;
  }

  /** Mean and variance of all readings. @offloadable */
  statistics(): Summary {
    return { count: this.count, mean: this.mean, variance: this.count < 2 ? 0 : this.squares / (this.count - 1) };
  }
}
`;

const mainSource = (
  name: string,
  type: string,
): string => `// A rover with this module: joins a site, calls it on board, moves it to the edge and back. Usage: npm start -- [broker URL] [site]
import { readBundle } from 'outrider/elastic';
import { joinSite } from 'outrider/rover';
import type { ${type}Handle } from './handle.ts';

const [broker = 'mqtt://127.0.0.1:1883', site = 'site'] = process.argv.slice(2);
const bundle = await readBundle(\`\${import.meta.dirname}/dist/${name}\`);
const joined = await joinSite({ broker, site, rover: 'rover-1', bundles: [bundle] });
try {
  const module = await joined.open<${type}Handle>('${name}');
  const readings = Float64Array.from({ length: 1000 }, (_, index) => 20 + Math.sin(index / 50));
  console.log('onboard', await module.handle.record(readings), await module.handle.statistics());
  const there = await module.offload({ reason: 'example' });
  console.log(there.outcome, there.to ?? '', there.error?.message ?? \`pause \${there.pauseMs.toFixed(1)} ms\`);
  console.log(module.placement.kind, await module.handle.record(readings), await module.handle.statistics());
  const back = await module.recall({ reason: 'example' });
  console.log(back.outcome, module.placement.kind, await module.handle.statistics());
  process.exitCode = there.outcome === 'moved' && back.outcome === 'moved' ? 0 : 1;
} finally {
  await joined.close();
}
`;

const testSource = (
  name: string,
  type: string,
): string => `// Both builds of the module agree to the bit, and its state moves between them and back.
import { compileWasm, instantiateNative, type ModuleInstance } from 'outrider/elastic';
import { buildModule, type ModuleBuild } from 'outrider/toolchain';
import { beforeAll, describe, expect, it } from 'vitest';
import { ${type} } from './${name}.ts';

const READINGS = Float64Array.from({ length: 1000 }, (_, index) => 20 + 3 * Math.sin(index / 7) + (index % 13) / 10);

describe('${name}', () => {
  let build: ModuleBuild;
  let native: ModuleInstance;
  let wasm: ModuleInstance;

  beforeAll(async () => {
    build = await buildModule(import.meta.dirname);
    native = await instantiateNative(build.bundle, {});
    wasm = await (await compileWasm(build.bundle)).instantiate({});
  }, 60_000);

  it('is plain TypeScript, with the mean and variance of its readings', () => {
    const plain = new ${type}();
    expect(plain.record(Float64Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toBe(8);
    expect(plain.statistics()).toMatchObject({ count: 8, mean: 5 });
    expect(plain.statistics().variance).toBeCloseTo(32 / 7, 12);
  });

  it('gives equal results and equal snapshots in both builds', () => {
    for (const instance of [native, wasm]) expect(instance.call('record', [READINGS])).toBe(1000);
    expect(wasm.call('statistics', [])).toEqual(native.call('statistics', []));
    expect(Buffer.from(wasm.snapshot())).toEqual(Buffer.from(native.snapshot()));
  });

  it('keeps its state from native to Wasm and back', async () => {
    const there = await (await compileWasm(build.bundle)).instantiate({});
    there.restore(native.snapshot());
    expect(there.call('record', [Float64Array.of(100)])).toBe(1001);
    const back = await instantiateNative(build.bundle, {});
    back.restore(there.snapshot());
    native.call('record', [Float64Array.of(100)]);
    expect(back.call('statistics', [])).toEqual(native.call('statistics', []));
  });
});
`;

const readme = (name: string): string => `# ${name}

An elastic module for [Outrider](https://www.npmjs.com/package/outrider): one TypeScript source that runs natively on the rover and as
WebAssembly at the edge, and moves between them with its state.

\`\`\`sh
npm install
npm run build     # both builds into dist/${name}, and handle.ts, what callers import
npm start         # a rover that offloads it to a site on this machine (npx outrider edge, in another shell) and back
npm test          # both builds agree; the state moves there and back
npm run types
\`\`\`

- \`${name}.ts\`: the module. Methods tagged \`@offloadable\` can be called from outside; the fields of the class are its state.
- \`module.json\`: name, version, memory limit, which build runs on board.
- \`main.ts\`: the smallest rover: it joins a site, calls the module, moves it and calls it by the same line.
- \`handle.ts\` (generated): the interface of the module for its callers, the same wherever it runs.

An author's guide with the types that can cross a call comes with the package: \`node_modules/outrider/docs/modules.md\`.
`;
