// The part of the WebAssembly JavaScript API that Outrider uses; Node's types have it only together with the whole DOM.
// https://webassembly.github.io/spec/js-api/
declare namespace WebAssembly {
  type ImportValue = ((...args: never[]) => unknown) | Memory | Global;
  type Imports = Record<string, Record<string, ImportValue>>;
  type Exports = Readonly<Record<string, unknown>>;

  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface Global {
    value: unknown;
  }
  interface Instance {
    readonly exports: Exports;
  }

  const Memory: { new (descriptor: { readonly initial: number; readonly maximum?: number }): Memory };
  const Global: { new (descriptor: { readonly value: string; readonly mutable?: boolean }, value?: unknown): Global };
  const Instance: { new (module: Module, imports?: Imports): Instance };
  const Module: {
    new (bytes: Uint8Array<ArrayBuffer>): Module;
    customSections(module: Module, name: string): ArrayBuffer[];
    exports(module: Module): { readonly name: string; readonly kind: string }[];
    imports(module: Module): { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  const CompileError: { new (message?: string): Error };
  const LinkError: { new (message?: string): Error };
  const RuntimeError: { new (message?: string): Error };

  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
