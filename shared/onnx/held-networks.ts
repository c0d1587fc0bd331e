// Sessions on a virtual clock, which stands still while they are made and run.
import type { Clock } from '../ports/clock.ts';
import type { OpenNetwork } from './ort-session.ts';

export function heldNetworks(open: OpenNetwork, clock: Pick<Clock, 'hold'>): OpenNetwork {
  return async (file) => {
    const session = await clock.hold(open(file));
    return { run: (inputs) => clock.hold(session.run(inputs)), close: () => clock.hold(session.close()) };
  };
}
