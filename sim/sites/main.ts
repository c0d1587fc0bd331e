// Missions in random sites, one for each seed of a range: does every one of them end well, and how much faster is a fleet than one rover?
import { missionSchema } from '../../missions/definition.ts';
import type { MissionReport } from '../../missions/report.ts';
import type { RoverBundles } from '../../robot/assemble-rover.ts';
import { runHeadless } from '../headless/main.ts';
import { randomSite } from '../scenario/random-site.ts';

export interface RandomSitesOptions {
  readonly seeds: readonly number[];
  readonly rovers: number;
  /** Every n-th site is searched by one rover as well; 0: none is. */
  readonly aloneEvery: number;
  readonly bundles: RoverBundles;
  readonly onSite?: (row: RandomSiteRow) => void;
}

/** What became of one site. */
export interface RandomSiteRow {
  readonly seed: number;
  readonly layout: string;
  readonly size_m: readonly number[];
  readonly outcome: MissionReport['outcome'];
  readonly duration_s: number;
  readonly coverage: number;
  readonly hazards: { readonly total: number; readonly found: number; readonly false_positives: number };
  readonly collisions: number;
  readonly surface_f1: number;
  /** What falls short, in words; empty when all is well. */
  readonly failures: readonly string[];
  /** Mission time of one rover in the same site [s], where it was asked for and completed. */
  readonly alone_s: number | null;
  readonly wall_s: number;
}

export interface RandomSitesResult {
  readonly rovers: number;
  readonly sites: number;
  readonly collisions: number;
  readonly coverage_min: number;
  readonly coverage_mean: number;
  readonly hazards_found: number;
  readonly hazards_total: number;
  readonly false_positives: number;
  readonly duration_mean_s: number;
  /** One rover's time over the fleet's, mean over the sites where both are known; null without any. */
  readonly time_ratio_mean: number | null;
  readonly time_ratio_sites: number;
  readonly failures: readonly { readonly seed: number; readonly layout: string; readonly failures: readonly string[] }[];
  readonly rows: readonly RandomSiteRow[];
}

/** Of the reachable floor, the share that the merged map must know. */
export const MIN_COVERAGE = 0.99;

/** Runs all sites one after the other on virtual clocks. */
export async function runRandomSites(options: RandomSitesOptions): Promise<RandomSitesResult> {
  const rows: RandomSiteRow[] = [];
  for (const [index, seed] of options.seeds.entries()) {
    const alone = options.aloneEvery > 0 && index % options.aloneEvery === 0;
    const row = await runSite(seed, alone, options);
    rows.push(row);
    options.onSite?.(row);
  }
  return summarize(options.rovers, rows);
}

async function runSite(seed: number, alone: boolean, options: RandomSitesOptions): Promise<RandomSiteRow> {
  const started = performance.now();
  const report = await search(seed, options.rovers, options.bundles);
  const single = alone ? await search(seed, 1, options.bundles) : null;
  const { world } = randomSite(seed, options.rovers);
  const { hazards } = report;
  return {
    seed,
    layout: world.layout ?? '',
    size_m: world.sizeM,
    outcome: report.outcome,
    duration_s: report.duration_s,
    coverage: report.coverage,
    hazards: { total: hazards.total, found: hazards.found, false_positives: hazards.false_positives },
    collisions: report.collisions,
    surface_f1: report.map.surface_f1,
    failures: failuresOf(report),
    alone_s: single?.outcome === 'completed' ? single.duration_s : null,
    wall_s: Math.round((performance.now() - started) / 100) / 10,
  };
}

async function search(seed: number, rovers: number, bundles: RoverBundles): Promise<MissionReport> {
  const { world, fleet } = randomSite(seed, rovers);
  const mission = missionSchema.parse({ id: 'random-site', title: `Search an unknown site: ${world.name}` });
  const { report } = await runHeadless({ mission, world, fleet, bundles, scenario: `random site ${seed}`, seed });
  return report;
}

function failuresOf({ outcome, reason, coverage, hazards, collisions }: MissionReport): string[] {
  const failures: string[] = [];
  if (outcome !== 'completed') failures.push(`${outcome}: ${reason}`);
  if (coverage < MIN_COVERAGE) failures.push(`${(coverage * 100).toFixed(1)} % of the reachable floor seen`);
  if (collisions > 0) failures.push(`${collisions} collisions`);
  const missed = hazards.list.filter(({ status }) => status === 'missed');
  if (hazards.found < hazards.total) failures.push(`missed ${missed.map((row) => `${row.class} at (${row.x_m}, ${row.y_m})`).join(', ')}`);
  if (hazards.false_positives > 0) failures.push(`${hazards.false_positives} reported hazards are none`);
  return failures;
}

/** The figures of all sites together. */
export function summarize(rovers: number, rows: readonly RandomSiteRow[]): RandomSitesResult {
  const sum = (of: (row: RandomSiteRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const ratios = rows.flatMap(({ alone_s, duration_s }) => (alone_s === null ? [] : [alone_s / duration_s]));
  return {
    rovers,
    sites: rows.length,
    collisions: sum((row) => row.collisions),
    coverage_min: Math.min(...rows.map((row) => row.coverage)),
    coverage_mean: sum((row) => row.coverage) / rows.length,
    hazards_found: sum((row) => row.hazards.found),
    hazards_total: sum((row) => row.hazards.total),
    false_positives: sum((row) => row.hazards.false_positives),
    duration_mean_s: sum((row) => row.duration_s) / rows.length,
    time_ratio_mean: ratios.length === 0 ? null : ratios.reduce((total, ratio) => total + ratio, 0) / ratios.length,
    time_ratio_sites: ratios.length,
    failures: rows.flatMap(({ seed, layout, failures }) => (failures.length === 0 ? [] : [{ seed, layout, failures }])),
    rows,
  };
}

/** One line for people. */
export function siteLine(row: RandomSiteRow): string {
  const { seed, layout, size_m, duration_s, coverage, hazards, collisions, failures, alone_s } = row;
  const alone = alone_s === null ? '' : `, one rover ${alone_s.toFixed(0)} s`;
  return (
    `seed ${seed}: ${layout} ${size_m.join(' m × ')} m, ${duration_s.toFixed(0)} s${alone}, ${(coverage * 100).toFixed(1)} % seen, ` +
    `${hazards.found} of ${hazards.total} hazards, ${collisions} collisions${failures.length === 0 ? '' : `: ${failures.join('; ')}`}`
  );
}
