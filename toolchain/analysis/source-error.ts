// Errors that point into a module's source: file, line, what is wrong and what to write instead.
import type ts from 'typescript';
import { OutriderError } from '../../shared/errors.ts';

export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** Collects findings, so that an author sees all of them at once. */
export class Findings {
  readonly list: Finding[] = [];

  add(node: ts.Node, message: string): void {
    const file = node.getSourceFile();
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    if (!this.list.some((other) => other.file === file.fileName && other.line === line && other.message === message)) {
      this.list.push({ file: file.fileName, line, message });
    }
  }

  /** Throws OUT_MODULE_SOURCE listing everything found; returns when there is nothing. */
  throwIfAny(): void {
    if (this.list.length === 0) return;
    throw sourceError(this.list);
  }
}

export function sourceError(
  findings: readonly Finding[],
  code: 'OUT_MODULE_SOURCE' | 'OUT_MODULE_BUILD' = 'OUT_MODULE_SOURCE',
): OutriderError {
  const lines = findings.map((finding) => `${finding.file}:${finding.line}: ${finding.message}`);
  return new OutriderError(code, lines.join('\n'), { details: { findings } });
}
