// The native build: the module's TypeScript with the number semantics of Wasm, bundled into the body of a factory function.
import path from 'node:path';
import ts from 'typescript';
import { resolveImport } from '../analysis/program.ts';
import { memberOf, typeKey, type PortableType } from '../analysis/portable-type.ts';
import type { ModuleInterface } from '../analysis/scan.ts';
import { loadEsbuild } from '../build/tools.ts';
import { Emitter, type EmitContext, type Handler } from './emitter.ts';
import { NATIVE_HANDLERS, NATIVE_HELPERS } from './native-expressions.ts';

const PORTABLE = 'portable';
const GLUE = 'glue.ts';

/** The contents of native.js: the body of a function of `__host` that returns the module's functions and state access. */
export async function emitNative(context: EmitContext, module: ModuleInterface): Promise<string> {
  const sources = emitSources(context);
  const entry = context.module.entry.fileName;
  const glue = nativeGlue(context, module);
  const esbuild = await loadEsbuild();
  const { outputFiles } = await esbuild.build({
    stdin: { contents: glue, sourcefile: GLUE, resolveDir: path.dirname(entry), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: '__module',
    target: 'es2022',
    treeShaking: true,
    logLevel: 'silent',
    plugins: [
      {
        name: 'portable',
        setup(build) {
          build.onResolve({ filter: /.*/ }, ({ path: specifier, importer }) => {
            if (specifier.startsWith('module:')) return { path: specifier.slice('module:'.length), namespace: 'module' };
            const file = resolveImport(specifier, importer);
            return file === null || sources.has(file)
              ? { path: file ?? specifier, namespace: 'module' }
              : { path: PORTABLE, namespace: 'module' };
          });
          build.onLoad({ filter: /.*/, namespace: 'module' }, ({ path: file }) => ({
            contents: file === PORTABLE ? PORTABLE_SOURCE : (sources.get(file) ?? ''),
            loader: 'ts',
          }));
        },
      },
    ],
  });
  const [output] = outputFiles;
  // esbuild names the modules in comments by path; without them the same source gives the same bytes in every directory.
  const text = (output?.text ?? '').replaceAll(/^ *\/\/ \S+\.ts\n/gm, '');
  return `'use strict';${NATIVE_HELPERS}${text}return __module;\n`;
}

/** Only the types of portable.ts survive; its functions are written out where they are called. */
const PORTABLE_SOURCE =
  ['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32', 'f64'].map((name) => `export const ${name} = (x) => x;`).join('\n') +
  '\nexport const unchecked = (x) => x;\n';

function emitSources(context: EmitContext): ReadonlyMap<string, string> {
  const emitter = new Emitter(
    context,
    new Map<ts.SyntaxKind, Handler>([
      ...NATIVE_HANDLERS,
      [ts.SyntaxKind.FunctionDeclaration, hostFunction],
      [ts.SyntaxKind.ClassDeclaration, exported],
    ]),
  );
  return new Map(context.module.files.map((file) => [file.fileName, file.text.slice(0, file.getStart()) + emitter.splice(file)]));
}

/** A declared host function calls what the instance was given. */
function hostFunction(node: ts.FunctionDeclaration): string | null {
  if (node.body !== undefined || node.name === undefined) return null;
  const interfaceName = ts
    .getJSDocTags(node)
    .find((tag) => tag.tagName.text === 'host')
    ?.comment?.toString()
    .trim();
  const names = node.parameters.map((item) => item.name.getText()).join(', ');
  return `export function ${node.name.text}(${names}): any { return (__host as any)[${JSON.stringify(interfaceName ?? '')}].${node.name.text}(${names}); }`;
}

/** Every top-level class can be reached by the glue, for state that holds instances of it. */
function exported(node: ts.ClassDeclaration, e: Emitter): string | null {
  const isExported = node.modifiers?.some((item) => item.kind === ts.SyntaxKind.ExportKeyword) === true;
  return isExported || !ts.isSourceFile(node.parent) ? null : `export ${e.splice(node)}`;
}

/** Entry of the bundle: elastic functions, and the state's save and load by its declared types. */
function nativeGlue(context: EmitContext, module: ModuleInterface): string {
  const entry = JSON.stringify(`module:${context.module.entry.fileName}`);
  const functions = module.functions.map(
    (item) => `${item.name}: ${item.stateful ? `(...args) => state.${item.name}(...args)` : `m.${item.name}`}`,
  );
  const lines = [`import * as m from ${entry};`];
  const { state } = module;
  if (state === null) return [...lines, `export const functions = { ${functions.join(', ')} };`].join('\n');
  const glue = new StateGlue();
  const save = glue.need('save', state.type);
  const load = glue.need('load', state.type);
  for (const [index, file] of context.module.files.entries())
    lines.push(`import * as f${index} from ${JSON.stringify(`module:${file.fileName}`)};`);
  lines.push(`const classes: any = { ${context.module.files.map((_, index) => `...f${index}`).join(', ')} };`);
  const migrations = module.migrations.map((item) => {
    const read = glue.need('load', item.type);
    return `if (version === ${item.from}) { value = m.${item.symbol.name}(migrated ? value : ${read}(value)); version = ${item.from + 1}; migrated = true; }`;
  });
  lines.push(
    `const state: any = new (m as any).${state.symbol.name}();`,
    `export const functions = { ${functions.join(', ')} };`,
    `export const save = () => ${save}(state);`,
    `export const load = (version: number, value: any) => { let migrated = false; ${migrations.join(' ')} Object.assign(state, migrated ? { ${state.type.fields.map((field) => `${memberOf(field)}: value.${field.name}`).join(', ')} } : ${load}(value)); };`,
    glue.text,
  );
  return lines.join('\n');
}

class StateGlue {
  readonly #functions = new Map<string, string>();

  get text(): string {
    return [...this.#functions.values()].join('\n');
  }

  /** A function that turns state into plain values (`save`) or back (`load`). */
  need(unit: 'save' | 'load', type: PortableType): string {
    const name = `__${unit}_${typeKey(type)}`;
    if (!this.#functions.has(name)) {
      this.#functions.set(name, '');
      this.#functions.set(name, `function ${name}(v: any): any { ${this.#body(unit, type)} }`);
    }
    return name;
  }

  #body(unit: 'save' | 'load', type: PortableType): string {
    switch (type.kind) {
      case 'list':
        return `return v.map(${this.need(unit, type.element)});`;
      case 'option':
        return `return v === null ? null : ${this.need(unit, type.value)}(v);`;
      case 'set':
        return unit === 'save'
          ? `return [...v].map(${this.need(unit, type.value)});`
          : `return new Set(v.map(${this.need(unit, type.value)}));`;
      case 'map': {
        const key = this.need(unit, type.key);
        const value = this.need(unit, type.value);
        return unit === 'save'
          ? `return [...v].map(([key, value]: any) => ({ key: ${key}(key), value: ${value}(value) }));`
          : `return new Map(v.map((item: any) => [${key}(item.key), ${value}(item.value)]));`;
      }
      case 'record': {
        const into = type.form === 'class' ? `Object.create(classes.${type.name}.prototype)` : '{}';
        const from = (field: { name: string; member?: string }): string => (unit === 'save' ? memberOf(field as never) : field.name);
        const to = (field: { name: string; member?: string }): string => (unit === 'save' ? field.name : memberOf(field as never));
        return `const o: any = ${unit === 'save' ? '{}' : into}; ${type.fields.map((field) => `o.${to(field)} = ${this.need(unit, field.type)}(v.${from(field)});`).join(' ')} return o;`;
      }
      case 'variant':
        return `const o: any = { ${type.discriminant}: v.${type.discriminant} }; ${type.cases.map((item) => `if (v.${type.discriminant} === ${JSON.stringify(item.name)}) { ${item.fields.map((field) => `o.${field.name} = ${this.need(unit, field.type)}(v.${field.name});`).join(' ')} }`).join(' ')} return o;`;
      default:
        return 'return v;';
    }
  }
}
