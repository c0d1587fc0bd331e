// The page stays small and alone: a size budget, and nothing fetched from anywhere else. Uses the built page (`npm run build`).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';

const PAGE = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));
/** All that the browser loads, compressed [bytes]. mqtt.js alone is about 100 kB of it. */
const BUDGET_BYTES = 200_000;
/** Our own styles and markup [bytes]. */
const STYLE_BUDGET_BYTES = 10_000;

function gzipped(extension: string): number {
  return readdirSync(PAGE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .reduce((sum, file) => sum + gzipSync(readFileSync(PAGE + file)).byteLength, 0);
}

describe('the built dashboard', () => {
  beforeAll(() => {
    if (!existsSync(`${PAGE}index.html`)) throw new Error('dist/dashboard is missing: run `npm run build` first');
  });

  it('weighs at most 200 kB compressed', () => {
    const total = gzipped('.js') + gzipped('.css') + gzipped('.html');
    expect(total).toBeGreaterThan(20_000);
    expect(total).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it('keeps markup and styles below 10 kB compressed', () => {
    expect(gzipped('.css') + gzipped('.html')).toBeLessThanOrEqual(STYLE_BUDGET_BYTES);
  });

  it('loads nothing from other origins and forbids it by policy', () => {
    const html = readFileSync(`${PAGE}index.html`, 'utf8');
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(loaded.filter((address) => /^(?:https?:)?\/\//.test(address))).toEqual([]);
    expect(html).toMatch(/Content-Security-Policy/);
    expect(html).not.toMatch(/unsafe-(?:inline|eval)/);
  });

  it('works below any path of a proxy', () => {
    const html = readFileSync(`${PAGE}index.html`, 'utf8');
    expect([...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)]).toEqual([]);
  });
});
