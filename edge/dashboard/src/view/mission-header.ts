// The head of the page: which mission, how far, and how the connection stands.
import { shownMission, shownRovers, type FleetState } from '../state/fleet-state.ts';
import { elapsedSec } from '../state/reduce.ts';
import { byId, setAttribute, setText } from './dom.ts';
import { formatDuration } from './format.ts';

export function createMissionHeader(onChoose: (site: string, mission: string) => void): (state: FleetState, nowMs: number) => void {
  const title = byId('mission-title', HTMLElement);
  const phase = byId('mission-phase', HTMLElement);
  const site = byId('mission-site', HTMLElement);
  const figures = {
    elapsed: byId('figure-elapsed', HTMLElement),
    explored: byId('figure-explored', HTMLElement),
    findings: byId('figure-findings', HTMLElement),
    rovers: byId('figure-rovers', HTMLElement),
  };
  const choice = byId('mission-choice', HTMLElement);
  const select = byId('mission-select', HTMLSelectElement);
  select.addEventListener('change', () => {
    const [chosenSite = '', chosenMission = ''] = select.value.split('/');
    onChoose(chosenSite, chosenMission);
  });

  return (state, nowMs) => {
    const known = shownMission(state);
    setText(title, known?.status.title || known?.status.mission || 'Waiting for a mission');
    setText(phase, known?.status.phase ?? 'no mission');
    setAttribute(phase, 'data-phase', known?.status.phase ?? 'none');
    const speed = known === null || known.status.speed === 1 ? '' : ` · ${Number(known.status.speed.toFixed(1))}× speed`;
    setText(site, state.site === null ? '' : `site ${state.site}${speed}`);
    document.title = known === null ? 'Outrider' : `${known.status.title || known.status.mission} · Outrider`;
    // Without the broker nobody knows whether the mission goes on: the clock stands with the rest of the last view.
    const heardMs = state.connection.phase === 'lost' ? Math.min(nowMs, state.connection.sinceMs) : nowMs;
    setText(figures.elapsed, known === null ? '–' : formatDuration(elapsedSec(known.status, known.receivedMs, heardMs)));
    setText(figures.explored, known === null ? '–' : `${Math.round(known.status.exploredM2)}\u202fm²`);
    setText(figures.findings, known === null ? '–' : String(known.status.hazardsConfirmed));
    const rovers = shownRovers(state);
    const heard = rovers.filter((rover) => rover.presence === 'online' || rover.presence === 'unknown').length;
    setText(figures.rovers, rovers.length === 0 ? '–' : heard === rovers.length ? String(heard) : `${heard}/${rovers.length}`);
    choice.hidden = state.missions.size < 2;
    const keys = [...state.missions.keys()];
    if (keys.join(' ') !== [...select.options].map((option) => option.value).join(' ')) {
      select.replaceChildren(...keys.map((key) => new Option(key.replace('/', ' · '), key)));
    }
    select.value = `${state.site}/${state.mission}`;
  };
}
