// Where one module runs: a rail from the rover to the edge, and a bead that travels along it when the module moves.
import type { RoverState } from '../../../../shared/protocol/rover.ts';
import type { Move } from '../state/fleet-state.ts';
import { element, setAttribute, setText } from './dom.ts';
import { formatCount, formatLatency, formatName } from './format.ts';

export type ModulePlacement = RoverState['modules'][number];

/** How long a finished move stays marked [ms]. */
const NEWS_MS = 6000;

/** Of a network that is shared with the host. */
const layersText = ({ shared }: ModulePlacement): string => (shared === undefined ? '' : `, ${shared.atHost} of ${shared.layers} layers`);

export interface ModuleRow {
  readonly root: HTMLElement;
  update(module: ModulePlacement, move: Move | null, nowMs: number): void;
}

export function createModuleRow(name: string): ModuleRow {
  const title = element('span', { class: 'module-name', text: formatName(name) });
  const where = element('span', { class: 'module-where' });
  const bead = element('i', { class: 'bead' });
  const rail = element(
    'div',
    { class: 'rail', attributes: { 'aria-hidden': 'true' } },
    element('i', { class: 'stop' }),
    element('i', { class: 'stop' }),
    bead,
  );
  const figures = element('span', { class: 'module-figures' });
  const latency = element('span');
  const modelled = element('abbr', { text: 'modelled', attributes: { title: 'From the device model of the simulator, not measured' } });
  const root = element('li', { class: 'module' }, title, where, rail, figures);
  return {
    root,
    update: (module, move, nowMs) => {
      const place = module.placement === 'onboard' || module.placement === 'moving' ? module.placement : 'edge';
      setAttribute(root, 'data-place', place);
      setAttribute(root, 'data-placement', module.placement);
      setAttribute(root, 'data-news', move !== null && move.to !== 'moving' && nowMs - move.atMs < NEWS_MS ? 'moved' : '');
      setText(where, place === 'onboard' ? 'on board' : place === 'moving' ? 'moving…' : `${module.placement}${layersText(module)}`);
      const calls = `${formatCount(module.calls)} ${module.calls === 1 ? 'call' : 'calls'}`;
      setText(latency, module.latencyMs === null ? calls : `${calls} · ${formatLatency(module.latencyMs)} `);
      const parts = module.modelled && module.latencyMs !== null ? [latency, modelled] : [latency];
      if (figures.childElementCount !== parts.length) figures.replaceChildren(...parts);
    },
  };
}
