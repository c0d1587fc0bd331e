// Entry of the thread that runs `image` (libvips) for all modules of a process.
import { parentPort } from 'node:worker_threads';
import { loadImageHost } from '../modules/host-impl/image-sharp.ts';
import { serveLine, takeLines } from './service-bridge.ts';

const port = parentPort;
if (port === null) throw new Error('image-service runs in a worker thread');
const image = await loadImageHost();
takeLines(port, (line) => serveLine(line, image));
port.postMessage({ type: 'ready' });
