// Entry of the thread that runs `vision` (OpenCV) for all modules of a process.
import { parentPort } from 'node:worker_threads';
import { loadVisionHost } from '../modules/host-impl/vision-opencv.ts';
import { serveLine, takeLines } from './service-bridge.ts';

const port = parentPort;
if (port === null) throw new Error('vision-service runs in a worker thread');
const vision = await loadVisionHost();
takeLines(port, (line) => serveLine(line, vision));
port.postMessage({ type: 'ready' });
