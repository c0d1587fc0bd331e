// Whether the page hears the fleet: a lamp in the head, and a notice over the board when the broker is gone.
import type { FleetState } from '../state/fleet-state.ts';
import { byId, setAttribute, setText } from './dom.ts';

const WORDS = { connecting: 'Connecting…', online: 'Live', lost: 'Broker lost' } as const;

export function createConnectionState(): (state: FleetState, nowMs: number) => void {
  const lamp = byId('connection', HTMLElement);
  const words = lamp.querySelector('span') ?? lamp;
  const notice = byId('notice', HTMLElement);
  return ({ connection }, nowMs) => {
    setAttribute(lamp, 'data-phase', connection.phase);
    const dropped = connection.dropped === 0 ? '' : ` · ${connection.dropped} dropped`;
    setText(words, WORDS[connection.phase] + dropped);
    lamp.title = connection.lastDropReason === null ? '' : `Last malformed message: ${connection.lastDropReason}`;
    document.body.classList.toggle('disconnected', connection.phase === 'lost');
    const seconds = Math.floor((nowMs - connection.sinceMs) / 1000);
    notice.hidden = connection.phase !== 'lost';
    if (connection.phase !== 'lost') return;
    const since =
      seconds < 10 ? 'a moment ago' : seconds < 60 ? `${seconds - (seconds % 10)} seconds ago` : `${Math.floor(seconds / 60)} min ago`;
    setText(notice, `Connection to the broker lost ${since}. This is the last view; reconnecting…`);
  };
}
