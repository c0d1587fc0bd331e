// Host functions `registration` over shared/mapping/registration: in a thread of their own, or (on a virtual clock) at once.
import { Worker } from 'node:worker_threads';
import type { GridRecord, RegistrationOutcome } from '../host/registration.ts';
import { builtFile } from '../../services/built-file.ts';
import { registerGrids } from './register-grids.ts';

const ENTRY = new URL(`./register-grids-worker${import.meta.url.slice(-3)}`, import.meta.url).href;

// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature, and host functions are looked up by name
export type RegistrationHost = {
  readonly beginRegistration: (ticket: number, a: GridRecord, b: GridRecord) => void;
  readonly takeRegistration: () => RegistrationOutcome | null;
};

/** Registers within the call: deterministic, for headless runs. */
export function inlineRegistration(): RegistrationHost {
  let outcome: RegistrationOutcome | null = null;
  return {
    beginRegistration: (ticket, a, b) => (outcome = registerGrids(ticket, a, b)),
    takeRegistration: () => {
      const taken = outcome;
      outcome = null;
      return taken;
    },
  };
}

/** Registers in a thread, which starts with the first question and does not keep the process alive. */
export function threadedRegistration(): RegistrationHost {
  let worker: Worker | null = null;
  let newest = 0;
  let outcome: RegistrationOutcome | null = null;
  const start = (): Worker => {
    const started = new Worker(builtFile(ENTRY), { env: {}, execArgv: [] });
    started.unref();
    started.on('message', (message: RegistrationOutcome) => {
      if (message.ticket === newest) outcome = message;
    });
    // A question that breaks the thread is answered by nobody; the next one starts a new thread.
    started.on('error', () => (worker = null));
    return started;
  };
  return {
    beginRegistration: (ticket, a, b) => {
      newest = ticket;
      outcome = null;
      worker ??= start();
      worker.postMessage({ ticket, a, b });
    },
    takeRegistration: () => {
      const taken = outcome;
      outcome = null;
      return taken;
    },
  };
}
