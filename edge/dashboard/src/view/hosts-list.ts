// The edge hosts: load, memory, and which modules they run.
import { isHostPresent, type HostStatus } from '../../../../shared/protocol/host.ts';
import type { FleetState } from '../state/fleet-state.ts';
import { element, reconcile, setAttribute, setText } from './dom.ts';
import { formatBytes, formatName, formatPercent } from './format.ts';

export function createHostsList(list: HTMLElement): (state: FleetState) => void {
  return (state) => {
    const hosts = [...state.hosts.values()].sort((a, b) => a.host.localeCompare(b.host));
    setAttribute(list, 'data-empty', hosts.length === 0 ? 'No edge host has reported.' : '');
    reconcile(list, hosts, (host) => host.host, make, show);
  };
}

function make(host: HostStatus): HTMLElement {
  const meter = element('span', { class: 'meter', attributes: { 'aria-hidden': 'true' } }, element('i'));
  return element(
    'li',
    {},
    element('b', { text: host.host }),
    element('span', { class: 'host-state' }),
    meter,
    element('span', { class: 'detail' }),
  );
}

function show(item: HTMLElement, host: HostStatus): void {
  setAttribute(item, 'data-status', host.status);
  const [stateText, detail] = describe(host);
  setText(item.querySelector('.host-state') ?? item, stateText);
  setText(item.querySelector('.detail') ?? item, detail);
  item
    .querySelector<HTMLElement>('.meter i')
    ?.style.setProperty('--share', String(isHostPresent(host) ? Math.min(host.loadFraction, 1) : 0));
}

function describe(host: HostStatus): readonly [string, string] {
  if (!isHostPresent(host)) return [host.status, host.status === 'lost' ? 'its modules go on elsewhere' : ''];
  const running = host.instances.filter((instance) => instance.state === 'running');
  const names = running.map((instance) =>
    instance.rover === null ? formatName(instance.module.name) : `${formatName(instance.module.name)} (${instance.rover})`,
  );
  const load = `${formatPercent(host.loadFraction)} of ${host.cores} ${host.cores === 1 ? 'core' : 'cores'} · ${formatBytes(host.memoryFreeBytes)} free`;
  return [host.status === 'draining' ? `draining · ${load}` : load, names.length === 0 ? 'no modules' : names.join(', ')];
}
