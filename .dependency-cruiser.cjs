// The import rules of ARCHITECTURE.md, enforced: shared imports nothing of the repo, each area imports itself and shared,
// only */main.ts and bin/ compose across, nothing imports tests or bench.
const AREAS = ['robot', 'edge', 'hardware', 'sim', 'missions', 'toolchain'];
const all = [...AREAS, 'bin', 'bench', 'tests'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'shared-imports-nothing-of-the-repo',
      comment: 'shared/ is the ground that everything stands on.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: `^(${all.join('|')})/` },
    },
    ...AREAS.map((area) => ({
      name: `${area}-imports-itself-and-shared`,
      comment: `Only main.ts files of ${area}/ compose across areas.`,
      severity: 'error',
      from: { path: `^${area}/`, pathNot: `^${area}/(main|[a-z]+/main)\\.ts$` },
      to: { path: `^(${all.filter((other) => other !== area).join('|')})/` },
    })),
    {
      name: 'nothing-imports-tests-or-bench',
      severity: 'error',
      from: { pathNot: '^(tests|bench)/' },
      to: { path: '^(tests|bench)/' },
    },
    {
      name: 'build-tools-only-in-toolchain',
      comment: 'Compilers are devDependencies: a rover or an edge host never loads them.',
      severity: 'error',
      from: { pathNot: '^(toolchain|tests|bench)/' },
      to: { path: 'node_modules/(assemblyscript|@bytecodealliance/(jco|componentize-js)|typescript|esbuild)/' },
    },
    {
      name: 'hardware-packages-only-in-hardware',
      severity: 'error',
      from: { pathNot: '^(hardware|robot/bridges|tests)/' },
      to: { path: 'node_modules/(onoff|i2c-bus|rclnodejs)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^(rclnodejs|onoff|i2c-bus)$' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|out|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
