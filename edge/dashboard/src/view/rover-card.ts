// One rover at a glance: what it does, how it fares, and where its modules run.
import type { RoverRecord } from '../state/fleet-state.ts';
import { ROVER_COLOURS } from '../map/palette.ts';
import { element, picture, reconcile, setAttribute, setText } from './dom.ts';
import { formatPercent, formatUnit } from './format.ts';
import { createModuleRow, type ModuleRow } from './module-row.ts';
import { SPARK_HEIGHT, SPARK_WIDTH, sparkline } from './sparkline.ts';

/** Limits at which a figure asks for attention: near the soft limits of a Raspberry Pi, and those of a lithium pack. */
const WARM_C = 65;
const HOT_C = 75;
const LOW_BATTERY = 0.25;
const EMPTY_BATTERY = 0.1;
/** Telemetry older than this is marked [ms]. */
const STALE_MS = 5000;

export interface RoverCard {
  readonly root: HTMLElement;
  update(rover: RoverRecord, index: number, nowMs: number): void;
}

export function createRoverCard(id: string): RoverCard {
  const activity = element('span', { class: 'activity' });
  const battery = createFigure('Battery', true);
  const processor = createFigure('CPU', true);
  const heat = createFigure('Temp', false);
  const power = createFigure('Power', false);
  const curve = picture(`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, { 'vector-effect': 'non-scaling-stroke' });
  curve.setAttribute('class', 'spark');
  curve.setAttribute('preserveAspectRatio', 'none');
  heat.root.append(curve);
  const driven = element('span', { class: 'driven' });
  power.root.append(driven);
  const modules = element('ul', { class: 'modules', attributes: { 'aria-label': 'Modules' } });
  const faults = element('p', { class: 'faults', attributes: { role: 'status' } });
  const arrow = picture('-12 -12 24 24', { d: 'M10.5 0-8 8-4 0-8-8z' });
  const root = element(
    'article',
    { class: 'card', attributes: { 'aria-label': id } },
    element('header', {}, arrow, element('h3', { text: id }), activity),
    element('dl', { class: 'vitals' }, battery.root, processor.root, heat.root, power.root),
    modules,
    faults,
  );
  const rows = new Map<string, ModuleRow>();

  return {
    root,
    update: (rover, index, nowMs) => {
      const { state } = rover;
      setAttribute(root, 'data-colour', String(index % ROVER_COLOURS));
      const standing = standingOf(rover, nowMs);
      setAttribute(root, 'data-standing', standing);
      setText(activity, standing === 'heard' ? (state?.activity ?? 'starting') : standing);
      setAttribute(activity, 'data-activity', standing === 'heard' ? (state?.activity ?? '') : standing);
      battery.show(
        formatPercent(state?.batteryFraction ?? null),
        state?.batteryFraction ?? null,
        batteryLevel(state?.batteryFraction ?? null),
      );
      processor.show(formatPercent(state?.cpuFraction ?? null), state?.cpuFraction ?? null, 'fine');
      heat.show(formatUnit(state?.temperatureC ?? null, '°C', 1), null, heatLevel(state?.temperatureC ?? null));
      power.show(formatUnit(state?.powerW ?? null, 'W', 1), null, 'fine');
      setText(driven, state === null ? '' : `${state.distanceM.toFixed(1)}\u202fm driven`);
      const path = curve.firstElementChild;
      if (path !== null) setAttribute(path, 'd', sparkline(rover.temperature.samples));
      reconcile(
        modules,
        state?.modules ?? [],
        (module) => module.module,
        (module) => {
          const row = createModuleRow(module.module);
          rows.set(module.module, row);
          return row.root;
        },
        (_, module) => rows.get(module.module)?.update(module, rover.moves.get(module.module) ?? null, nowMs),
      );
      faults.hidden = (state?.faults.length ?? 0) === 0;
      setText(faults, state?.faults.join(' · ') ?? '');
    },
  };
}

type Level = 'fine' | 'warn' | 'bad';

interface Figure {
  readonly root: HTMLElement;
  show(text: string, fraction: number | null, level: Level): void;
}

function createFigure(label: string, metered: boolean): Figure {
  const value = element('dd');
  const fill = element('i');
  const root = element('div', {}, element('dt', { text: label }), value);
  if (metered) root.append(element('span', { class: 'meter', attributes: { 'aria-hidden': 'true' } }, fill));
  return {
    root,
    show: (text, fraction, level) => {
      setText(value, text);
      setAttribute(root, 'data-level', level);
      fill.style.setProperty('--share', String(fraction ?? 0));
    },
  };
}

function standingOf(rover: RoverRecord, nowMs: number): 'heard' | 'silent' | 'lost' | 'offline' {
  if (rover.presence === 'lost' || rover.presence === 'offline') return rover.presence;
  return rover.state !== null && nowMs - rover.receivedMs > STALE_MS ? 'silent' : 'heard';
}

function heatLevel(celsius: number | null): Level {
  if (celsius === null || celsius < WARM_C) return 'fine';
  return celsius < HOT_C ? 'warn' : 'bad';
}

function batteryLevel(fraction: number | null): Level {
  if (fraction === null || fraction > LOW_BATTERY) return 'fine';
  return fraction > EMPTY_BATTERY ? 'warn' : 'bad';
}
