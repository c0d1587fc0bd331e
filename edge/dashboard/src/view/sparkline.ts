// A small curve without axes: where a figure came from and where it goes.
import type { Sample } from '../state/series.ts';

export const SPARK_WIDTH = 72;
export const SPARK_HEIGHT = 22;
/** A curve never fills its height with less than this much change: noise is not drama. */
const LEAST_RANGE = 6;

/** SVG path data of the samples in a box of 72 × 22; empty for fewer than two. */
export function sparkline(samples: readonly Sample[]): string {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.stampSec <= first.stampSec) return '';
  const values = samples.map((sample) => sample.value);
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  const range = Math.max(Math.max(...values) - Math.min(...values), LEAST_RANGE);
  return samples
    .map(({ stampSec, value }, index) => {
      const x = ((stampSec - first.stampSec) / (last.stampSec - first.stampSec)) * SPARK_WIDTH;
      const y = SPARK_HEIGHT / 2 - ((value - middle) / range) * (SPARK_HEIGHT - 4);
      return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
