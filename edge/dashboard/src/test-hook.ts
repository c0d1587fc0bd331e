// `window.outrider`: what the page shows, for browser tests and the curious. Reading only.
import type { MapView } from './map/map-view.ts';
import { shownMission, shownRovers } from './state/fleet-state.ts';
import type { Store } from './state/store.ts';

export function exposeReadOnly(store: Store, map: MapView): void {
  const hook = Object.freeze({
    /** What the page shows now, as plain data. */
    snapshot: () => {
      const { state } = store;
      return {
        site: state.site,
        mission: state.mission,
        connection: state.connection.phase,
        dropped: state.connection.dropped,
        lastDropReason: state.connection.lastDropReason,
        phase: shownMission(state)?.status.phase ?? null,
        tiles: state.tiles.size,
        frames: map.frames,
        rovers: shownRovers(state).map((rover) => ({ id: rover.id, drawn: rover.track.at(performance.now()), presence: rover.presence })),
        objects: [...state.objects.values()].map(({ object, status, x, y }) => ({ object, status, x, y })),
      };
    },
    /** Where a point of the map [m] lies on the canvas [CSS px]. */
    project: (x: number, y: number) => ({ x: map.viewport.screenX(x), y: map.viewport.screenY(y) }),
  });
  Object.defineProperty(window, 'outrider', { value: hook, writable: false, configurable: false });
}
