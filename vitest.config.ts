import { defineConfig } from 'vitest/config';

// Tests that start workers or processes use the built files in dist/, so `npm test` builds first.
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Tests wait for events; these bounds only end what hangs, and leave room for a machine that is busy with other work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
