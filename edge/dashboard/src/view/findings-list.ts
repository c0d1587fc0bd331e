// The findings as a list: what, how sure, where. Pointing at one marks it on the map; choosing it goes there.
import type { MapObject } from '../../../../shared/protocol/map-view.ts';
import { findingSign } from '../map/finding-signs.ts';
import type { FleetState } from '../state/fleet-state.ts';
import { element, picture, reconcile, setAttribute, setText } from './dom.ts';

export interface FindingActions {
  readonly onPoint: (object: string | null) => void;
  readonly onChoose: (x: number, y: number) => void;
}

/** Sure findings first, then by the time they were first seen. */
export function sortedFindings(state: FleetState): MapObject[] {
  const rank = (object: MapObject): number => (object.status === 'confirmed' ? 0 : 1);
  return [...state.objects.values()].sort(
    (a, b) => rank(a) - rank(b) || a.firstSeenSec - b.firstSeenSec || a.object.localeCompare(b.object),
  );
}

export function createFindingsList(list: HTMLElement, actions: FindingActions): (state: FleetState) => void {
  const latest = new Map<string, MapObject>();
  const make = ({ object }: MapObject): HTMLElement => {
    const button = element(
      'button',
      { attributes: { type: 'button' } },
      element('span', { class: 'sign' }),
      element('b'),
      element('span', { class: 'detail' }),
    );
    button.addEventListener('click', () => {
      const found = latest.get(object);
      if (found !== undefined) actions.onChoose(found.x, found.y);
    });
    for (const type of ['pointerenter', 'focus'] as const) button.addEventListener(type, () => actions.onPoint(object));
    for (const type of ['pointerleave', 'blur'] as const) button.addEventListener(type, () => actions.onPoint(null));
    return element('li', {}, button);
  };
  return (state) => {
    const objects = sortedFindings(state);
    latest.clear();
    for (const object of objects) latest.set(object.object, object);
    setAttribute(list, 'data-empty', objects.length === 0 ? 'Nothing found yet.' : '');
    reconcile(list, objects, (object) => object.object, make, show);
  };
}

function show(item: HTMLElement, object: MapObject): void {
  const sign = findingSign(object.class);
  setAttribute(item, 'data-status', object.status);
  if (item.dataset['class'] !== object.class) {
    item.dataset['class'] = object.class;
    item.dataset['shape'] = sign.shape;
    item.querySelector('.sign')?.replaceChildren(picture('0 0 24 24', { d: sign.glyph, 'fill-rule': 'evenodd' }));
  }
  const name = item.querySelector('b');
  const detail = item.querySelector('.detail');
  if (name !== null) setText(name, sign.label);
  const sightings = `${object.sightings}×`;
  const place = `${object.x.toFixed(1)}, ${object.y.toFixed(1)}\u202fm`;
  if (detail !== null) setText(detail, object.status === 'confirmed' ? `${place} · ${sightings}` : `candidate · ${sightings}`);
}
