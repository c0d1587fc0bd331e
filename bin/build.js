// `npm run build`: TypeScript, module bundles, dashboard. Runs on `npm ci` too, and steps aside in a production install,
// where the compilers are absent and the packed dist/ is used as it is.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// Looked up as folders: some of these packages export nothing that could be resolved.
const compilersPresent = ['typescript', 'esbuild', 'assemblyscript', 'vite', '@bytecodealliance/jco'].every((name) =>
  existsSync(`${root}/node_modules/${name}`),
);

if (!compilersPresent) {
  if (existsSync(`${root}/dist/bin/cli.js`)) process.exit(0);
  console.error(
    'the compilers are devDependencies and not installed here: build with `npm ci && npm run build`, or install the packed release',
  );
  process.exit(process.argv.includes('--prepare') ? 0 : 1);
}

const steps = [
  { what: 'types and JavaScript', script: 'node_modules/typescript/bin/tsc', args: ['-p', 'tsconfig.build.json'] },
  { what: 'sandbox worker', script: 'dist/toolchain/bundle-worker.js', args: [] },
  { what: 'elastic modules', script: 'dist/toolchain/build-all.js', args: [] },
  { what: 'dashboard', script: 'node_modules/vite/bin/vite.js', args: ['build', 'edge/dashboard', '--logLevel', 'warn'] },
];
for (const { what, script, args } of steps) {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [`${root}/${script}`, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`build: ${what} failed`);
    process.exit(status ?? 1);
  }
  console.log(`build: ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
