// What the calls of a fixed end need to know about their module.
import type { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ModuleManifest } from './module-manifest.ts';

export interface CallEngineOptions {
  readonly manifest: ModuleManifest;
  readonly clock: Clock;
  readonly latest: ReadonlySet<string>;
  readonly defaultDeadlineMs: number | undefined;
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly holdBackSec: ((functionName: string) => number) | undefined;
  /** An on-board instance trapped: it must be replaced. */
  readonly onLocalTrap: (error: OutriderError) => void;
}
