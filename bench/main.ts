// `npm run bench [-- NAME] [--json]`: runs one or all benchmarks; a table for people, one JSON object last on stdout for machines.
import { readdir } from 'node:fs/promises';
import { describeMachine, type Bench, type BenchResult } from './bench-result.ts';

const NOT_A_BENCH = new Set(['main', 'bench-result']);

/** Every file `bench/<name>.js` that exports `bench`, by name. */
async function findBenches(): Promise<Map<string, string>> {
  const directory = new URL('.', import.meta.url);
  const names = (await readdir(directory))
    .map((file) => /^([a-z0-9-]+)\.[jt]s$/.exec(file)?.[1])
    .filter((name): name is string => name !== undefined && !NOT_A_BENCH.has(name));
  return new Map(names.toSorted().map((name) => [name, new URL(`./${name}${import.meta.url.slice(-3)}`, directory).href]));
}

function printSection(value: unknown, indent: string): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  const width = Math.max(...entries.map(([key]) => key.length));
  for (const [key, item] of entries) {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      console.log(`${indent}${key}`);
      printSection(item, `${indent}  `);
    } else {
      const text =
        typeof item === 'number' ? String(Number(item.toPrecision(5))) : Array.isArray(item) ? JSON.stringify(item) : String(item);
      console.log(`${indent}${key.padEnd(width)}  ${text}`);
    }
  }
}

function print(name: string, result: BenchResult): void {
  console.log(`\n${name}`);
  printSection(result.results, '  ');
  for (const [target, { value, target: wanted, better, met }] of Object.entries(result.targets)) {
    const sign = better === 'lower' ? '≤' : '≥';
    console.log(
      `  ${met ? '✓' : '✗'} ${target}: ${value === null ? 'not measured' : Number(value.toPrecision(4))} (target ${sign} ${wanted})`,
    );
  }
}

const args = process.argv.slice(2);
const json = args.includes('--json');
const wanted = args.filter((arg) => !arg.startsWith('-'));
const benches = await findBenches();
const unknown = wanted.filter((name) => !benches.has(name));
if (unknown.length > 0) {
  console.error(`no benchmark named ${unknown.join(', ')}; there are: ${[...benches.keys()].join(', ')}`);
  process.exit(2);
}

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const outcomes: Record<string, unknown>[] = [];
for (const [name, href] of benches) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { bench } = (await import(href)) as { bench?: Bench };
  if (bench === undefined) continue;
  log(`${bench.name}: ${bench.description}`);
  const result = await bench.run({ log });
  if (!json) print(bench.name, result);
  const met = Object.values(result.targets).every((target) => target.met);
  outcomes.push({ bench: bench.name, machine: describeMachine(), ...result, targets_met: met });
}
if (json) console.log(JSON.stringify(outcomes.length === 1 ? outcomes[0] : outcomes));
process.exit(0);
