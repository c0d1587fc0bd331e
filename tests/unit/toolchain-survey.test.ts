// An ordinary program surveyed: what could be offloaded, what not and why, what it costs, and the tags applied.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModuleConfig } from '../../toolchain/build/module-config.ts';
import { candidatesOf } from '../../toolchain/survey/candidates.ts';
import { analyze } from '../../toolchain/survey/command.ts';
import { estimatedGainMs } from '../../toolchain/survey/profile.ts';
import { surveyProgram, tagSource } from '../../toolchain/survey/survey.ts';

const MATHS = `export function square(x: number): number {
  return x * x;
}
`;
const PROGRAM = `import { hostname } from 'node:os';
import { square } from './maths.ts';

/** Sum of squares. */
export function sumOfSquares(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += square(value);
  return sum;
}

export function greet(): string {
  return hostname();
}

export function apply(run: (x: number) => number): number {
  return run(1);
}

/**
 * Takes its time.
 */
export async function later(x: number): Promise<number> {
  return x;
}

export const twice = (x: number): number => 2 * x;

export class Meter {
  total = 0;
  add(x: number): number {
    return (this.total += x);
  }
  private reset(): void {
    this.total = 0;
  }
}
`;
const SCRIPT = `import { sumOfSquares, greet } from './program.ts';
for (let i = 0; i < 5; i += 1) if (sumOfSquares(new Float64Array(100).fill(2)) !== 400) process.exit(3);
greet();
`;
const LINK = { rttMs: 10, mbitPerSec: 50, speedup: 4 };

describe('a survey of an ordinary program', () => {
  let directory: string;
  const at = (name: string): string => path.join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'outrider-survey-'));
    await Promise.all([writeFile(at('maths.ts'), MATHS), writeFile(at('program.ts'), PROGRAM), writeFile(at('main.ts'), SCRIPT)]);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('tells those that can cross from those that cannot, each with place and reason', async () => {
    const found = new Map((await surveyProgram(at('program.ts'))).map((item) => [item.name, item]));
    expect([...found].map(([name, item]) => [name, item.offloadable])).toEqual([
      ['sumOfSquares', true],
      ['greet', false],
      ['apply', false],
      ['later', false],
      ['twice', false],
      ['Meter.add', false],
    ]);
    expect(found.get('twice')?.findings[0]?.message).toContain('export function twice(…)');
    expect(found.get('Meter.add')?.findings[0]?.message).toContain('give `Meter` a module of its own');
    expect(found.get('greet')?.findings).toMatchObject([{ file: at('program.ts'), line: 12, message: expect.stringContaining('node:os') }]);
    expect(found.get('apply')?.findings[0]).toMatchObject({ line: 15, message: expect.stringContaining('a function cannot cross') });
    expect(found.get('later')?.findings[0]?.line).toBe(22);
  });

  it('measures calls and bytes of a run, tags those that can, and does so once', async () => {
    const first = await analyze(directory, { profile: at('main.ts'), apply: true, link: LINK });
    const sum = first.functions.find((item) => item.name === 'sumOfSquares');
    expect(sum?.profile).toMatchObject({ calls: 5, bytesIn: 5 * 804, bytesOut: 5 * 8 });
    expect(first.functions.find((item) => item.name === 'square')?.profile?.calls).toBe(500);
    expect(first.functions.find((item) => item.name === 'apply')?.profile?.calls).toBe(0);
    expect(first.tagged).toEqual([`${at('maths.ts')}#square`, `${at('program.ts')}#sumOfSquares`]);
    const text = await readFile(at('program.ts'), 'utf8');
    expect(text).toBe(PROGRAM.replace('/** Sum of squares. */', '/** Sum of squares. @offloadable */'));
    expect(await readFile(at('maths.ts'), 'utf8')).toBe(`/** @offloadable */\n${MATHS}`);
    const second = await analyze(directory, { apply: true, link: LINK });
    expect(second.tagged).toEqual([]);
    expect(second.functions.filter((item) => item.tagged)).toHaveLength(2);
  });

  it('puts the tag on a line of its own in a longer comment', () => {
    const source = '/**\n * Doubles.\n */\nexport function twice(x: number): number {\n  return 2 * x;\n}\n';
    const file = ts.createSourceFile('a.ts', source, ts.ScriptTarget.ES2023, true);
    expect(tagSource(source, candidatesOf(file))).toBe(source.replace('Doubles.\n', 'Doubles.\n * @offloadable\n'));
  });

  it('says when the profiled script fails', async () => {
    await writeFile(at('bad.ts'), 'process.exit(7);');
    await expect(analyze(at('maths.ts'), { profile: at('bad.ts'), link: LINK })).rejects.toMatchObject({ code: 'OUT_MODULE_BUILD' });
  });

  it('estimates what the edge saves and what the link costs', () => {
    const profile = { calls: 10, totalMs: 1000, meanMs: 100, bytesIn: 600_000, bytesOut: 25_000 };
    // 750 ms less computing, 100 ms of round trips, 5 Mbit at 50 Mbit/s.
    expect(estimatedGainMs(profile, LINK)).toBeCloseTo(550, 9);
  });

  it('refuses an engine that it does not know, with those that it does', async () => {
    const config = {
      name: 'a',
      version: '1.0.0',
      description: 'a',
      entry: 'a.ts',
      sharing: 'shared',
      stateVersion: 1,
      memoryMaxBytes: 65_536,
    };
    await writeFile(at('module.json'), JSON.stringify({ ...config, onboard: 'native', engine: 'quickjs' }));
    await expect(readModuleConfig(directory)).rejects.toMatchObject({
      code: 'OUT_MODULE_BUILD',
      message: expect.stringContaining('starlingmonkey') as string,
    });
  });
});
