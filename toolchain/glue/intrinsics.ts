// Which of the intrinsic interfaces a guest's source uses.
import { FAULT, MATH_FUNCTIONS } from '../../shared/elastic/component-intrinsics.ts';
import type { HostInterface } from '../../shared/elastic/interface-type.ts';

/** The intrinsic interfaces with only those functions that `source` (AssemblyScript) mentions. */
export function usedIntrinsics(source: string): HostInterface[] {
  const functions = MATH_FUNCTIONS.filter(
    (item) => new RegExp(`\\b__math_${item.name}\\(`).test(source) || (item.name === 'numberText' && source.includes('__numberText(')),
  );
  return functions.length === 0 ? [FAULT] : [{ name: 'math', functions }, FAULT];
}
