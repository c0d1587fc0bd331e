// What cannot cross a call, or is outside the portable subset, is said at its place with the way out.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOutriderError } from '../../shared/errors.ts';
import { emitAssembly } from '../../toolchain/emit/assembly.ts';
import { analyseModule } from '../../toolchain/build/build-module.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'outrider-source-'));
let count = 0;

/** The findings about a module's source, as `line: message`. */
function findingsOf(source: string): string[] {
  const file = path.join(directory, `module-${(count += 1)}.ts`);
  writeFileSync(file, `import { i32, f64, unchecked } from 'outrider/portable';\n${source}`);
  try {
    const { context } = analyseModule(file);
    emitAssembly(context);
    context.findings.throwIfAny();
    return [];
  } catch (error) {
    if (!isOutriderError(error, 'OUT_MODULE_SOURCE')) throw error;
    return error.message.split('\n').map((line) => line.slice(file.length + 1));
  }
}

const offload = (signature: string, body: string, before = ''): string =>
  `${before}/** @offloadable */ export function f${signature} {\n${body}\n}`;

describe('findings about a module', () => {
  it.each([
    ['a function', offload('(run: (x: i32) => i32): i32', 'return run(1);'), '2: a function cannot cross a call'],
    ['any', offload('(x: any): i32', 'return 1;'), '2: `any`'],
    ['unknown', offload('(x: unknown): i32', 'return 1;'), '2: `unknown` cannot cross'],
    [
      'an instance with behaviour',
      offload('(x: Box): i32', 'return 1;', 'class Box { go(): void {} }\n'),
      '3: an instance of class `Box` cannot cross a call: use an interface',
    ],
    ['a Map', offload('(x: Map<i32, i32>): i32', 'return 1;'), '2: a Map cannot cross a call: use an array of records'],
    ['a promise', offload('(x: Promise<i32>): i32', 'return 1;'), '2: '],
    [
      'an optional field',
      offload('(x: P): i32', 'return 1;', 'export interface P { readonly a?: i32 }\n'),
      '2: optional field `a?` cannot cross a call: write `a: T | null`',
    ],
    ['a union without a name', offload('(x: i32 | string): i32', 'return 1;'), '2: a union crosses a call only as'],
    [
      'a type that contains itself',
      offload('(x: Tree): i32', 'return 1;', 'export interface Tree { readonly children: Tree[] }\n'),
      'contains itself',
    ],
    ['a missing result type', '/** @offloadable */ export function f(x: i32) { return x; }', '2: declare the result type'],
    ['a function that is not exported', '/** @offloadable */ function f(x: i32): i32 { return x; }', '2: export `f`'],
    ['a generic function', offload('<T>(x: T): i32', 'return 1;'), '2: a generic function cannot cross a call'],
    ['nothing tagged', 'export function f(x: i32): i32 { return x; }', 'nothing here is tagged'],
    [
      'two state classes',
      `${['A', 'B'].map((name) => `export class ${name} { n: i32 = 0;\n/** @offloadable */ go${name}(): i32 { return this.n; } }`).join('\n')}`,
      'a module has one state class',
    ],
    [
      'constructor arguments of the state',
      'export class A { n: i32; constructor(n: i32) { this.n = n; }\n/** @offloadable */ go(): i32 { return this.n; } }',
      'no constructor arguments',
    ],
  ])('%s is refused', (_, source, message) => {
    expect(findingsOf(source).join('\n')).toContain(message);
  });

  it.each([
    [
      'a captured variable',
      offload('(xs: i32[], limit: i32): i32', 'return xs.filter((x) => x > limit).length;'),
      '3: an inner function cannot capture `limit`',
    ],
    [
      'a fraction in a whole number',
      offload('(a: i32): i32', 'const half: i32 = a / 2;\nreturn half;'),
      '3: `a / 2` is a f64 where an i32 is needed: write i32(…)',
    ],
    [
      'a fraction as an index',
      offload('(xs: i32[], at: f64): i32', 'return unchecked(xs[at]);'),
      '3: `at` is a fraction where an index is needed',
    ],
    ['try/catch', offload('(a: i32): i32', 'try { return a; } catch { return 0; }'), '3: try/catch is not portable'],
    ['await', '/** @offloadable */ export async function f(a: i32): Promise<i32> { return a; }', '2: '],
    [
      'a regular expression',
      offload('(a: string): boolean', 'const r = /x/;\nreturn a.length > 0;'),
      '3: regular expressions are not portable',
    ],
    [
      'what the portable library lacks',
      offload('(a: i32[]): i32', 'return a.flat().length;'),
      "3: not in the portable subset: Property 'flat' does not exist",
    ],
    ['ambient names', offload('(a: i32): f64', 'return Date.now();'), "3: not in the portable subset: Cannot find name 'Date'"],
    ['chance', offload('(a: i32): f64', 'return Math.random();'), "3: not in the portable subset: Property 'random' does not exist"],
    ['text as a condition', offload('(a: string): i32', 'return a ? 1 : 0;'), "3: a string is not a condition here: compare it with ''"],
  ])('%s is refused inside a function', (_, source, message) => {
    expect(findingsOf(source).join('\n')).toContain(message);
  });

  it('are all listed at once', () => {
    expect(findingsOf(offload('(a: any, b: () => void): i32', 'return 1;')).length).toBe(2);
  });

  it('are absent for a sound module', () => {
    expect(findingsOf(offload('(a: i32, b: f64): f64', 'let sum = 0;\nfor (let i = 0; i < a; i++) sum += i * b;\nreturn sum;'))).toEqual(
      [],
    );
  });
});
