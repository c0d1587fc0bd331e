// Which functions of an ordinary TypeScript program could be offloaded: each is sliced out with what it uses, and compiled
// (after LAWOW's refactoring tool and DPartner: Zhang et al., OOPSLA 2012).
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import { createModuleProgram } from '../analysis/program.ts';
import { hasTag } from '../analysis/scan.ts';
import type { Finding } from '../analysis/source-error.ts';
import { analyseModule } from '../build/build-module.ts';
import { compileAssembly } from '../build/compile-assembly.ts';
import { candidatesOf, sliceFor, untaggableOf, type Candidate } from './candidates.ts';

export interface SurveyedFunction {
  readonly name: string;
  readonly file: string;
  /** Of its declaration, from 1. */
  readonly line: number;
  readonly tagged: boolean;
  /** It and what it uses compile to Wasm, and its types cross a call. */
  readonly offloadable: boolean;
  /** Why not, with the way out; empty where it could. */
  readonly findings: readonly Finding[];
}

/** Surveys a file, or every TypeScript file below a folder. Throws OUT_MODULE_SOURCE where there is none. */
export async function surveyProgram(target: string): Promise<SurveyedFunction[]> {
  const found: SurveyedFunction[] = [];
  for (const file of await sourceFiles(path.resolve(target))) {
    const module = createModuleProgram(file);
    for (const candidate of candidatesOf(module.entry)) {
      const start = candidate.declaration.getStart();
      const { overrides, foreign } = sliceFor(candidate, module);
      const findings: Finding[] = foreign.map(({ node, name, specifier }) => ({
        file: node.getSourceFile().fileName,
        line: node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1,
        message: `\`${name}\` comes from \`${specifier}\`, which a portable module cannot import: take what it gives as a parameter, or declare a host function`,
      }));
      if (findings.length === 0) findings.push(...(await tryToCompile(file, overrides)));
      found.push({
        name: candidate.name,
        file,
        line: module.entry.getLineAndCharacterOfPosition(start).line + 1,
        tagged: hasTag(candidate.declaration, 'offloadable'),
        offloadable: findings.length === 0,
        findings,
      });
    }
    for (const { name, node, message } of untaggableOf(module.entry)) {
      const line = module.entry.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      found.push({ name, file, line, tagged: false, offloadable: false, findings: [{ file, line, message }] });
    }
  }
  return found;
}

async function tryToCompile(file: string, overrides: ReadonlyMap<string, string>): Promise<readonly Finding[]> {
  try {
    const { context, module } = analyseModule(file, overrides);
    await compileAssembly(context, module, { name: 'survey', stateVersion: 1, enable: [] });
    return [];
  } catch (error) {
    if (!isOutriderError(error, 'OUT_MODULE_SOURCE') && !isOutriderError(error, 'OUT_MODULE_BUILD')) throw error;
    const listed = error.details?.['findings'] as readonly Finding[] | undefined;
    return listed ?? [{ file, line: 1, message: error.message }];
  }
}

async function sourceFiles(target: string): Promise<string[]> {
  const info = await stat(target).catch(() => null);
  if (info === null) throw new OutriderError('OUT_MODULE_SOURCE', `there is no ${target}`);
  if (info.isFile()) return [target];
  const entries = await readdir(target, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/(\.d|\.test)\.ts$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !/(^|[\\/])(node_modules|dist)[\\/]/.test(path.relative(target, file)))
    .toSorted();
  if (files.length === 0) throw new OutriderError('OUT_MODULE_SOURCE', `${target} holds no TypeScript`);
  return files;
}

/** `source` with the tag before every named function: in its JSDoc where it has one, else in a block of its own. */
export function tagSource(source: string, candidates: readonly Candidate[]): string {
  let text = source;
  for (const { declaration } of candidates.toSorted((a, b) => b.declaration.pos - a.declaration.pos)) {
    const start = declaration.getStart();
    const before = text.slice(0, start);
    const doc = /\s*\*\/\s*$/.exec(before);
    const inDoc = doc !== null && before.lastIndexOf('/**') > before.lastIndexOf('*/', doc.index - 1);
    if (inDoc) {
      const multiLine = before.slice(before.lastIndexOf('/**')).trimEnd().includes('\n');
      const tag = multiLine ? '\n * @offloadable\n */' : ' @offloadable */';
      text = before.slice(0, doc.index) + tag + before.slice(doc.index).replace(/^\s*\*\//, '') + text.slice(start);
    } else text = `${before}/** @offloadable */\n${text.slice(start)}`;
  }
  return text;
}
