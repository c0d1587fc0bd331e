// Entry of the thread that registers maps, one question after the other.
import { parentPort } from 'node:worker_threads';
import type { GridRecord } from '../host/registration.ts';
import { registerGrids } from './register-grids.ts';

const port = parentPort;
if (port === null) throw new Error('register-grids-worker runs in a worker thread');
port.on('message', ({ ticket, a, b }: { readonly ticket: number; readonly a: GridRecord; readonly b: GridRecord }) => {
  port.postMessage(registerGrids(ticket, a, b));
});
