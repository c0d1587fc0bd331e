// The mission's log, newest on top; lines are added, never rewritten.
import type { FleetState, LogLine } from '../state/fleet-state.ts';
import { element, reconcile } from './dom.ts';
import { formatDuration } from './format.ts';

export function createEventLog(list: HTMLElement): (state: FleetState) => void {
  return (state) => {
    list.setAttribute('data-empty', state.log.length === 0 ? 'Nothing has happened since this page was opened.' : '');
    reconcile(
      list,
      state.log.toReversed(),
      (line) => String(line.id),
      make,
      () => undefined,
    );
  };
}

function make({ event }: LogLine): HTMLElement {
  const text = element('span', { text: event.text });
  // Texts of the fleet often begin with the rover's name already.
  if (event.rover !== null && !event.text.startsWith(event.rover)) text.prepend(element('b', { text: `${event.rover} ` }));
  return element(
    'li',
    { attributes: { 'data-kind': event.kind } },
    element('time', { text: formatDuration(event.stampSec) }),
    element('i', { attributes: { 'aria-hidden': 'true' } }),
    text,
  );
}
