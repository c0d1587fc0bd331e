// The import rules hold on the whole tree, and the checker does see a violation when one is planted.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const AREAS = ['shared', 'robot', 'edge', 'hardware', 'sim', 'missions', 'toolchain', 'bench', 'bin'];
const LIMIT_MS = 120_000;

interface CruiseSummary {
  readonly totalCruised: number;
  readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[];
}

function cruise(paths: readonly string[]): CruiseSummary {
  const args = ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--output-type', 'json', ...paths];
  const run = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  if (!run.stdout.startsWith('{')) throw new Error(`the checker did not answer: ${run.stderr}`);
  return (JSON.parse(run.stdout) as { summary: CruiseSummary }).summary;
}

/** What the checker says of a file that imports across a border; the file is gone afterwards. */
function violationsOf(path: string, source: string): string[] {
  try {
    writeFileSync(`${ROOT}${path}`, source, { flag: 'wx' });
    return cruise([path])
      .violations.filter(({ from }) => from === path)
      .map(({ rule }) => rule.name);
  } finally {
    rmSync(`${ROOT}${path}`, { force: true });
  }
}

describe('import rules', () => {
  it(
    'hold on the tree',
    () => {
      const { totalCruised, violations } = cruise(AREAS);
      expect(totalCruised).toBeGreaterThan(200);
      expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'catch shared importing a rover',
    () => {
      const source = "export { assembleRover } from '../../robot/assemble-rover.ts';\n";
      expect(violationsOf('shared/geometry/planted-violation.ts', source)).toContain('shared-imports-nothing-of-the-repo');
    },
    LIMIT_MS,
  );

  it(
    'catch a rover importing the edge',
    () => {
      const source = "export { createEdgeSite } from '../edge/site.ts';\n";
      expect(violationsOf('robot/planted-violation.ts', source)).toContain('robot-imports-itself-and-shared');
    },
    LIMIT_MS,
  );
});
