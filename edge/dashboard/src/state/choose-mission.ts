// Which mission the page shows when the address does not say: one that is under way, else the newest.
import type { FleetState, KnownMission } from './fleet-state.ts';

/** What the page's address asks for; null where it leaves the choice open. */
export interface Wish {
  readonly site: string | null;
  readonly mission: string | null;
}

const UNDER_WAY = new Set(['preparing', 'running', 'paused']);
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Reads `?site=…&mission=…`; what is not an id is ignored. */
export function wishOf(search: string): Wish {
  const query = new URLSearchParams(search);
  const id = (key: string): string | null => {
    const value = query.get(key);
    return value !== null && ID.test(value) ? value : null;
  };
  return { site: id('site'), mission: id('mission') };
}

/** The site and mission to show now, or null while nothing fits. A mission on show is left only for one that is under way. */
export function chooseMission(state: FleetState, wish: Wish): { readonly site: string; readonly mission: string | null } | null {
  if (wish.site !== null && wish.mission !== null) return { site: wish.site, mission: wish.mission };
  const fitting = [...state.missions.values()].filter(
    (known) => (wish.site === null || known.site === wish.site) && (wish.mission === null || known.status.mission === wish.mission),
  );
  const shown = fitting.find((known) => known.site === state.site && known.status.mission === state.mission);
  if (shown !== undefined && isUnderWay(shown)) return { site: shown.site, mission: shown.status.mission };
  const best = fitting.find(isUnderWay) ?? shown ?? fitting.at(-1);
  if (best !== undefined) return { site: best.site, mission: best.status.mission };
  return wish.site === null ? null : { site: wish.site, mission: wish.mission };
}

function isUnderWay(known: KnownMission): boolean {
  return UNDER_WAY.has(known.status.phase);
}
