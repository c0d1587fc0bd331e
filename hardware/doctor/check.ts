// What a finding of `outrider doctor` is, and the machine that it looks at: files under a root that tests can bring, and what a process knows.
import type { LimitMeans } from '../../shared/process-limits/limit-means.ts';
import type { SystemFiles } from '../linux/system-files.ts';

export interface Finding {
  /** Short and stable, for machines: `i2c`, `package:onoff`. */
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'not-applicable';
  /** What was found. */
  readonly detail: string;
  /** Of the registry of errors, where it is one that the rover itself would meet. */
  readonly code?: string;
  /** What to do about it; only for what is missing. */
  readonly remedy?: string;
  /** Whether the rover that was asked about cannot work without it. */
  readonly needed: boolean;
}

/** The parts of a machine that are no files. */
export interface Machine {
  readonly files: SystemFiles;
  readonly nodeVersion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of the user, and the numbers of its groups. */
  readonly user: string;
  readonly groupIds: readonly number[];
  /** Loads a package: null when it works, otherwise why not. */
  loadPackage(name: string): Promise<string | null>;
  /** Free space where modules and recordings are written [bytes]. */
  freeBytes(): Promise<number>;
  /** What can bound processes of fleets here. */
  readonly limitMeans: LimitMeans;
  /** Asks a broker for the site's hosts: their names, or why there are none. */
  askSite(
    broker: string,
    site: string,
  ): Promise<{ readonly connected: boolean; readonly hosts: readonly string[]; readonly reason: string }>;
}

/** What a rover's YAML asks of its machine. Without a file nothing is needed, and everything is looked at. */
export interface Needs {
  readonly body: 'freenove-4wd' | 'ros2' | null;
  readonly i2cBus: number | null;
  readonly gpio: boolean;
  readonly serialPort: string | null;
  readonly watchdog: boolean;
  readonly camera: boolean;
  readonly broker: string | null;
  readonly site: string;
}

export const NOTHING_NEEDED: Needs = {
  ...{ body: null, i2cBus: null, gpio: false, serialPort: null, watchdog: false, camera: false, broker: null, site: 'site' },
};

export function ok(name: string, needed: boolean, detail: string): Finding {
  return { name, state: 'ok', detail, needed };
}

export function missing(name: string, needed: boolean, detail: string, remedy: string): Finding {
  return { name, state: 'missing', detail, remedy, needed };
}

export function notApplicable(name: string, detail: string): Finding {
  return { name, state: 'not-applicable', detail, needed: false };
}
