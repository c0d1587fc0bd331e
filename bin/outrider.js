#!/usr/bin/env node
// The `outrider` command: hands over to the built command line.
import { existsSync } from 'node:fs';

const built = new URL('../dist/bin/cli.js', import.meta.url);
if (!existsSync(built)) {
  console.error('outrider is not built yet: run `npm run build` (or `npm ci`, which does it) in the folder of the package');
  process.exit(1);
}
await import(built.href);
