// Reading /proc and /sys: small files that may not be there. The root folder can be another one, so that tests can bring a tree of their own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export class SystemFiles {
  readonly #root: string;

  constructor(root = '/') {
    this.#root = root;
  }

  /** The trimmed text, or null when it cannot be read. */
  text(path: string): string | null {
    try {
      return readFileSync(join(this.#root, path), 'utf8').trim();
    } catch {
      return null;
    }
  }

  /** A number written in `base`, or null. */
  number(path: string, base: 10 | 16 = 10): number | null {
    const text = this.text(path);
    if (text === null || text === '') return null;
    const value = base === 16 ? Number.parseInt(text, 16) : Number(text);
    return Number.isFinite(value) ? value : null;
  }

  /** Paths of a folder's entries whose names match, sorted; none when the folder is not there. */
  list(folder: string, pattern: RegExp): string[] {
    try {
      return readdirSync(join(this.#root, folder))
        .filter((name) => pattern.test(name))
        .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .map((name) => `${folder}/${name}`);
    } catch {
      return [];
    }
  }
}
