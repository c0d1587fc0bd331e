// Pause, resume and cancel: a command is sent, the button waits until the mission's own status confirms it.
import type { MissionCommand, MissionStatus } from '../../../../shared/protocol/mission.ts';
import { shownMission, type FleetState } from '../state/fleet-state.ts';
import { byId, setText } from './dom.ts';

export type SendCommand = (site: string, mission: string, command: MissionCommand['command']) => Promise<void>;

/** A command that changed nothing by then is given up as unheard [ms]. */
const ANSWER_MS = 6000;
const WAITING = { pause: 'Pausing…', resume: 'Resuming…', cancel: 'Cancelling…' } as const;

export function createMissionControl(send: SendCommand, onFailure: (text: string) => void): (state: FleetState) => void {
  const pause = byId('pause', HTMLButtonElement);
  const cancel = byId('cancel', HTMLButtonElement);
  const dialog = byId('confirm', HTMLDialogElement);
  let latest: FleetState | null = null;
  let waiting: { readonly command: MissionCommand['command']; readonly phase: MissionStatus['phase'] } | null = null;

  const render = (state: FleetState): void => {
    latest = state;
    const known = shownMission(state);
    const phase = known?.status.phase ?? null;
    if (waiting !== null && waiting.phase !== phase) waiting = null;
    const open = state.connection.phase === 'online' && waiting === null;
    const next = phase === 'paused' ? 'resume' : 'pause';
    pause.disabled = !open || (phase !== 'running' && phase !== 'paused');
    cancel.disabled = !open || (phase !== 'running' && phase !== 'paused' && phase !== 'preparing');
    setText(pause, waiting !== null && waiting.command !== 'cancel' ? WAITING[waiting.command] : next === 'resume' ? 'Resume' : 'Pause');
    setText(cancel, waiting?.command === 'cancel' ? WAITING.cancel : 'Cancel');
  };

  const order = async (command: MissionCommand['command']): Promise<void> => {
    const known = latest === null ? null : shownMission(latest);
    if (known === null || latest === null) return;
    const mine = { command, phase: known.status.phase };
    waiting = mine;
    render(latest);
    try {
      await send(known.site, known.status.mission, command);
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
      if (waiting === mine) onFailure(`The mission has not answered “${command}”.`);
    } catch (error) {
      onFailure(`“${command}” was not sent: ${error instanceof Error ? error.message : String(error)}.`);
    } finally {
      if (waiting === mine) waiting = null;
      render(latest);
    }
  };

  pause.addEventListener('click', () => {
    const phase = latest === null ? null : shownMission(latest)?.status.phase;
    void order(phase === 'paused' ? 'resume' : 'pause');
  });
  cancel.addEventListener('click', () => {
    dialog.returnValue = '';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'cancel') void order('cancel');
  });
  return render;
}
