// One screen of a site: its state as lines, never wider than the terminal, never more than it has. Pure.
import { type HostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import type { MissionStatus } from '../../shared/protocol/mission.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import type { RoverState } from '../../shared/protocol/rover.ts';
import type { RoverSeen, SeenEvent, SiteState } from './site-watch.ts';
import { fitted, table } from './text-table.ts';

export interface Line {
  readonly text: string;
  readonly style: 'title' | 'heading' | 'plain' | 'warning';
}

export interface ScreenSize {
  /** Columns. */
  readonly width: number;
  /** Lines; Infinity for all there is. */
  readonly height: number;
}

interface Section {
  readonly heading: Line;
  /** Where not all fit: the first, or (events) the last are shown. */
  readonly keep: 'first' | 'last';
  readonly rows: readonly Line[];
}

/** A battery below this is worth a look. */
const LOW_BATTERY = 0.2;
const MEBI = 1024 ** 2;

/** The lines of a frame, each at most `width` columns. */
export function renderSite(state: SiteState, broker: string, { width, height }: ScreenSize): Line[] {
  const sections = [
    header(state, broker),
    section('first', ['ROVER', 'ACTIVITY', 'BATTERY', 'TEMP', 'CPU', 'POWER', 'MODULES'], state.rovers.map(roverRow), width),
    section('first', ['HOST', 'STATUS', 'LOAD', 'MEMORY', 'RUNNING', 'CALLS', 'ACCELERATOR'], state.hosts.map(hostRow), width),
    section('first', ['INSTANCE', 'MODULE', 'HOST', 'OF', 'EPOCH', 'STATUS'], state.placements.map(placementRow), width),
    section('last', ['EVENT', 'KIND', 'OF', 'TEXT'], state.events.map(eventRow), width),
  ];
  return fit(sections, height)
    .flatMap(({ heading, rows }, index) => [...(index === 0 ? [] : [plain('')]), heading, ...rows])
    .slice(0, height)
    .map(({ text, style }) => ({ text: fitted(text, width), style }));
}

interface Row {
  readonly cells: readonly string[];
  readonly warning: boolean;
}

function header(state: SiteState, broker: string): Section {
  const { manager } = state;
  const acting =
    manager === null ? 'no manager' : manager.status === 'active' ? `manager active, term ${manager.term}` : `manager ${manager.status}`;
  const line = state.connected ? broker : `${broker} is out of reach`;
  const dropped = state.malformed === 0 ? '' : ` · ${state.malformed} malformed messages dropped`;
  const title = `Outrider · site ${state.site} · ${line} · ${acting}${dropped}`;
  const warning = !state.connected || manager?.status !== 'active' || state.malformed > 0;
  return {
    heading: { text: title, style: warning ? 'warning' : 'title' },
    keep: 'first',
    rows: state.missions.map((mission) => plain(missionText(mission))),
  };
}

function missionText({ mission, phase, elapsedSec, exploredM2, hazardsConfirmed, rovers }: MissionStatus): string {
  return `mission ${mission} ${phase} ${minutes(elapsedSec)} · ${rovers.length} rovers · ${exploredM2.toFixed(1)} m² explored · ${hazardsConfirmed} hazards`;
}

function roverRow({ rover, presence, state }: RoverSeen): Row {
  const away = presence === 'lost' || presence === 'offline';
  if (state === null) return { cells: [rover, presence ?? '?', '-', '-', '-', '-', ''], warning: away };
  const { batteryFraction, temperatureC, cpuFraction, powerW, activity, faults } = state;
  const notes = [...state.modules.map(moduleText), ...faults.map((fault) => `! ${fault}`)].join('  ');
  return {
    cells: [
      rover,
      away ? presence : activity,
      percent(batteryFraction),
      temperatureC === null ? '-' : `${temperatureC.toFixed(0)} °C`,
      percent(cpuFraction),
      powerW === null ? '-' : `${powerW.toFixed(1)} W`,
      notes,
    ],
    warning: away || faults.length > 0 || (batteryFraction ?? 1) < LOW_BATTERY,
  };
}

/** `map-server@edge-1 12 ms`, `neural-detection@edge-1 (9 of 49 layers) 95 ms`; `~` before latencies that a device model dominates. */
function moduleText({ module, placement, shared, latencyMs, modelled }: RoverState['modules'][number]): string {
  const latency = latencyMs === null ? '' : ` ${modelled ? '~' : ''}${latencyMs.toFixed(latencyMs < 10 ? 1 : 0)} ms`;
  const layers = shared === undefined ? '' : ` (${shared.atHost} of ${shared.layers} layers)`;
  return `${module}@${placement}${layers}${latency}`;
}

function hostRow(status: HostStatus): Row {
  if (!isHostPresent(status)) return { cells: [status.host, status.status, '-', '-', '-', '-', ''], warning: true };
  const { host, loadFraction, memoryTotalBytes, memoryFreeBytes, instances, instancesMax, accelerator } = status;
  const running = instances.filter(({ state }) => state === 'running').length;
  const used = (memoryTotalBytes - memoryFreeBytes) / MEBI;
  return {
    cells: [
      host,
      status.status,
      percent(loadFraction),
      `${used.toFixed(0)} of ${(memoryTotalBytes / MEBI).toFixed(0)} MiB`,
      `${running} of ${instancesMax}`,
      `${instances.reduce((sum, { calls }) => sum + calls, 0)}`,
      accelerator ?? '-',
    ],
    warning: status.status === 'draining' || instances.some(({ state }) => state === 'failed'),
  };
}

function placementRow({ instance, module, host, rover, epoch, status }: PlacementRecord): Row {
  const cells = [instance, `${module.name} ${module.version}`, host ?? '-', rover ?? 'all', `${epoch}`, status];
  return { cells, warning: status !== 'running' };
}

function eventRow({ stampSec, kind, rover, mission, text }: SeenEvent): Row {
  return { cells: [minutes(stampSec), kind, rover ?? mission, text], warning: kind === 'failover' };
}

function section(keep: Section['keep'], headings: readonly string[], rows: readonly Row[], width: number): Section {
  const [heading = '', ...texts] = table([headings, ...rows.map(({ cells }) => cells)], width);
  return {
    heading: { text: heading, style: 'heading' },
    keep,
    rows:
      rows.length === 0 ? [plain('-')] : texts.map((text, index) => ({ text, style: rows[index]?.warning === true ? 'warning' : 'plain' })),
  };
}

/** Shortens the longest sections until all of them fit (headings and the blank lines between stay); each keeps a line that says how much is missing. */
function fit(sections: readonly Section[], height: number): Section[] {
  const fixed = 2 * sections.length - 1;
  const shown = sections.map(({ rows }) => rows.length);
  let total = fixed + shown.reduce((sum, count) => sum + count, 0);
  while (total > height && Math.max(...shown) > 1) {
    const longest = shown.indexOf(Math.max(...shown));
    shown[longest] = (shown[longest] ?? 0) - 1;
    total -= 1;
  }
  return sections.map((whole, index) => {
    const count = shown[index] ?? 0;
    const missing = whole.rows.length - count + 1;
    if (missing === 1 || count === 0) return { ...whole, rows: whole.rows.slice(0, count) };
    const note = plain(`… ${missing} more`);
    return whole.keep === 'first'
      ? { ...whole, rows: [...whole.rows.slice(0, count - 1), note] }
      : { ...whole, rows: [note, ...whole.rows.slice(missing)] };
  });
}

const plain = (text: string): Line => ({ text, style: 'plain' });

const percent = (fraction: number | null): string => (fraction === null ? '-' : `${(fraction * 100).toFixed(0)} %`);

function minutes(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${`${whole % 60}`.padStart(2, '0')}`;
}
