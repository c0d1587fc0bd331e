// Every instance has an isolate of its own that loads the sandbox worker: what is imported there, each instance pays in memory and start.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/** What is imported when the file is loaded: no types, nothing on demand. */
const IMPORT = /^(?:import|export)\s+(?!type\b)[^;]*?from '([^']+)';|^import '([^']+)';/gm;

function loaded(entry: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const [, named, bare] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const from = named ?? bare ?? '';
      if (from.startsWith('.')) files.add(join(dirname(file), from));
      else if (!from.startsWith('node:')) packages.add(from);
    }
  }
  return { files, packages };
}

test('a sandbox worker loads the parts of an instance, and no package', () => {
  const { files, packages } = loaded('edge/host/sandbox/worker-main.ts');
  expect([...packages]).toEqual([]);
  expect([...files]).toContain(join('shared', 'elastic', 'instance-shell.ts'));
  expect(files.size).toBeLessThan(60);
});
