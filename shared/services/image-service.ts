// Entry of the thread that runs `image` (libvips) for all modules of a process.
import { parentPort } from 'node:worker_threads';
import { loadImageHost } from '../modules/host-impl/image-sharp.ts';
import { serveLine, type ServiceLine } from './service-bridge.ts';

const port = parentPort;
if (port === null) throw new Error('image-service runs in a worker thread');
const image = await loadImageHost();
port.on('message', (line: ServiceLine) => serveLine(line, image));
port.postMessage({ type: 'ready' });
