// `outrider module analyze`: the survey, with a profile where one is asked for, as a table; with `--apply`, the tags.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createModuleProgram } from '../analysis/program.ts';
import { candidatesOf } from './candidates.ts';
import { estimatedGainMs, profileKey, profileRun, type FunctionProfile, type LinkModel } from './profile.ts';
import { surveyProgram, tagSource, type SurveyedFunction } from './survey.ts';

export interface AnalyzeOptions {
  /** Script to run with the functions measured. */
  readonly profile?: string | undefined;
  readonly apply?: boolean | undefined;
  readonly link: LinkModel;
}

export interface AnalyzedFunction extends SurveyedFunction {
  /** Null without a profiled run; no calls in it count as zero. */
  readonly profile: FunctionProfile | null;
  readonly gainMs: number | null;
}

const NOT_CALLED: FunctionProfile = { calls: 0, totalMs: 0, meanMs: 0, bytesIn: 0, bytesOut: 0 };

export async function analyze(target: string, options: AnalyzeOptions): Promise<{ functions: AnalyzedFunction[]; tagged: string[] }> {
  const surveyed = await surveyProgram(target);
  // Methods are no exports of their own: their calls are not seen.
  const wrappable = surveyed.filter(({ name }) => !name.includes('.'));
  const profiles = options.profile === undefined ? null : await profileRun(options.profile, wrappable);
  const functions = surveyed.map((item) => {
    const profile = profiles === null || !wrappable.includes(item) ? null : (profiles.get(profileKey(item)) ?? NOT_CALLED);
    return { ...item, profile, gainMs: profile === null ? null : estimatedGainMs(profile, options.link) };
  });
  return { functions, tagged: options.apply === true ? await applyTags(functions) : [] };
}

/** Tags what can be offloaded and is not tagged yet; returns `file#name` of each. */
async function applyTags(functions: readonly AnalyzedFunction[]): Promise<string[]> {
  const wanted = functions.filter((item) => item.offloadable && !item.tagged);
  for (const file of new Set(wanted.map((item) => item.file))) {
    const names = new Set(wanted.filter((item) => item.file === file).map((item) => item.name));
    const candidates = candidatesOf(createModuleProgram(file).entry).filter((item) => names.has(item.name));
    await writeFile(file, tagSource(await readFile(file, 'utf8'), candidates));
  }
  return wanted.map(profileKey);
}

export function describeAnalysis(functions: readonly AnalyzedFunction[], tagged: readonly string[], link: LinkModel): string[] {
  const show = (file: string): string => path.relative('.', file);
  const lines = functions.flatMap((item) => [
    `${item.offloadable ? '✓' : '✗'} ${item.name}  ${show(item.file)}:${item.line}${item.tagged ? '  (tagged)' : ''}`,
    ...item.findings.map((finding) => `    ${show(finding.file)}:${finding.line}: ${finding.message}`),
    ...(item.profile === null
      ? []
      : [
          `    ${item.profile.calls} calls, ${item.profile.totalMs.toFixed(2)} ms in all, ${item.profile.meanMs.toFixed(3)} ms each; ${item.profile.bytesIn} bytes in, ${item.profile.bytesOut} out; at the edge ${gainText(item.gainMs ?? 0)}`,
        ]),
  ]);
  const able = functions.filter((item) => item.offloadable).length;
  lines.push(`${able} of ${functions.length} exported functions could be offloaded`);
  if (functions.some((item) => item.profile !== null))
    lines.push(
      `estimated for ${link.mbitPerSec} Mbit/s, ${link.rttMs} ms round trip, an edge ${link.speedup} times as fast as this machine`,
    );
  return [...lines, ...tagged.map((key) => `tagged ${show(key)}`)];
}

const gainText = (gainMs: number): string => (gainMs >= 0 ? `${gainMs.toFixed(2)} ms saved` : `${(-gainMs).toFixed(2)} ms lost`);
