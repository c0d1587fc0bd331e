// `outrider/toolchain`: building modules from a program or a test. Needs the compilers, which running modules does not.
export { buildModule, writeBundle, type BuildOptions, type ModuleBuild } from './build/build-module.ts';
