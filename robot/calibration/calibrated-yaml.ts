// Writes what was measured into the rover's YAML: comments and order stay, and the file is replaced as a whole or not at all.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { OutriderError } from '../../shared/errors.ts';
import type { DriveGeometry } from '../../shared/kinematics/differential-drive.ts';
import type { DriveFit } from './fit-drive.ts';

export type YamlValue = number | string | boolean | null | readonly YamlValue[];
/** A place in the file, such as `['freenove', 'geometry', 'wheelRadiusM']`, and its new value. */
export type YamlChange = readonly [path: readonly string[], value: YamlValue];

/** The text with the changes. Throws OUT_CONFIG_UNREADABLE for what is not YAML. */
export function changeYaml(text: string, changes: readonly YamlChange[], source: string): string {
  const document = parseDocument(text);
  const problem = document.errors[0];
  if (problem !== undefined) throw new OutriderError('OUT_CONFIG_UNREADABLE', `${source}: ${problem.message.split('\n')[0]}`);
  for (const [path, value] of changes) document.setIn(path, value);
  return document.toString({ lineWidth: 150 });
}

export async function changeYamlFile(path: string, changes: readonly YamlChange[]): Promise<void> {
  const text = changeYaml(await readFile(path, 'utf8'), changes, path);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** What a fit means for a rover that believes in one wheel radius: the faster side is slowed down by its motors' trim. */
export interface DriveConstants {
  readonly geometry: DriveGeometry;
  /** Factors on the duty of each side's motors, at most 1. */
  readonly leftTrim: number;
  readonly rightTrim: number;
}

/** `trim` is what the motors had while the figures were driven. */
export function toDriveConstants(fit: DriveFit, trim = { left: 1, right: 1 }): DriveConstants {
  const slower = Math.min(fit.leftRadiusM, fit.rightRadiusM);
  const [left, right] = [(trim.left * slower) / fit.leftRadiusM, (trim.right * slower) / fit.rightRadiusM];
  const greatest = Math.max(left, right);
  return {
    geometry: { wheelRadiusM: round(slower / greatest, 5), wheelBaseM: round(fit.wheelBaseM, 5) },
    leftTrim: round(left / greatest, 4),
    rightTrim: round(right / greatest, 4),
  };
}

/** The changes to a Freenove car's file. */
export function freenoveDriveChanges({ geometry, leftTrim, rightTrim }: DriveConstants): YamlChange[] {
  return [
    [['freenove', 'geometry', 'wheelRadiusM'], geometry.wheelRadiusM],
    [['freenove', 'geometry', 'wheelBaseM'], geometry.wheelBaseM],
    [['freenove', 'motors', 'leftFront', 'trim'], leftTrim],
    [['freenove', 'motors', 'leftRear', 'trim'], leftTrim],
    [['freenove', 'motors', 'rightFront', 'trim'], rightTrim],
    [['freenove', 'motors', 'rightRear', 'trim'], rightTrim],
  ];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
