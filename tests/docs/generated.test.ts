// The generated pages say what the sources say, and the error registry and its users agree.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../shared/error-registry.ts';
import { loadMessages, renderErrors, renderProtocol } from '../../toolchain/docs/generate.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const AREAS = ['shared', 'robot', 'edge', 'sim', 'missions', 'toolchain', 'hardware', 'bin'];
const REGISTRY = 'shared/error-registry.ts';

/** Every code that a source file names, with the files that name it. */
function codesInSources(): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const area of AREAS)
    for (const name of readdirSync(`${ROOT}${area}`, { recursive: true, encoding: 'utf8' })) {
      const path = `${area}/${name}`;
      if (!/\.(ts|js)$/.test(name) || path.includes('node_modules/') || path === REGISTRY) continue;
      for (const [code] of readFileSync(`${ROOT}${path}`, 'utf8').matchAll(/\bOUT_[A-Z]+(?:_[A-Z]+)*\b/g))
        users.set(code, [...(users.get(code) ?? []), path]);
    }
  return users;
}

describe('generated pages', () => {
  it('docs/errors.md is what the registry says', () => {
    expect(readFileSync(`${ROOT}docs/errors.md`, 'utf8')).toBe(renderErrors());
  });

  it('docs/protocol.md is what the schemas say', async () => {
    const messages = await loadMessages();
    expect(messages.length).toBeGreaterThan(5);
    expect(readFileSync(`${ROOT}docs/protocol.md`, 'utf8')).toBe(renderProtocol(messages));
  });
});

describe('the error registry', () => {
  const users = codesInSources();

  it('has no code that nothing raises', () => {
    expect(Object.keys(ERRORS).filter((code) => !users.has(code))).toEqual([]);
  });

  it('knows every code that a source names', () => {
    expect(users.size).toBeGreaterThan(20);
    expect([...users].filter(([code]) => !Object.hasOwn(ERRORS, code))).toEqual([]);
  });
});
