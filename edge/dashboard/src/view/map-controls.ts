// What lies over the map: zoom and fit buttons, the scale bar, and a word while there is no map.
import type { MapView } from '../map/map-view.ts';
import type { FleetState } from '../state/fleet-state.ts';
import { byId, setAttribute, setText } from './dom.ts';

const ZOOM = 1.5;
/** The scale bar is as long as the longest of these that fits [m]. */
const LENGTHS_M = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200];
const LONGEST_PX = 110;

export interface MapControls {
  /** To be called when the visible part of the map may have changed. */
  readonly onView: () => void;
  readonly onState: (state: FleetState) => void;
  /** Buttons act on this map. */
  readonly attach: (map: MapView) => void;
}

export function createMapControls(): MapControls {
  const scale = byId('scale', HTMLElement);
  const bar = scale.querySelector('i');
  const label = scale.querySelector('span');
  const fit = byId('fit', HTMLButtonElement);
  const empty = byId('map-empty', HTMLElement);
  let map: MapView | null = null;
  return {
    onView: () => {
      if (map === null || bar === null || label === null) return;
      const pxPerM = map.viewport.scale;
      const length = LENGTHS_M.findLast((candidate) => candidate * pxPerM <= LONGEST_PX) ?? 0.1;
      const width = `${Math.round(length * pxPerM)}px`;
      if (bar.style.width !== width) bar.style.width = width;
      setText(label, `${length}\u202fm`);
      setAttribute(fit, 'aria-pressed', String(map.following));
    },
    onState: (state) => {
      empty.hidden = state.tiles.size > 0;
    },
    attach: (attached) => {
      map = attached;
      byId('zoom-in', HTMLButtonElement).addEventListener('click', () => attached.zoom(ZOOM));
      byId('zoom-out', HTMLButtonElement).addEventListener('click', () => attached.zoom(1 / ZOOM));
      fit.addEventListener('click', () => attached.fit());
    },
  };
}
