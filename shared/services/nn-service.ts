// Entry of the thread that runs `nn` (ONNX Runtime) for all modules of a process, so that requests of several rovers batch together.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceService } from '../inference/inference-service.ts';
import { OnnxRuntimeEngine } from '../inference/onnxruntime-engine.ts';
import { serveLine, takeLines } from './service-bridge.ts';
import type { ServiceSettings } from './service-threads.ts';

const port = parentPort;
if (port === null) throw new Error('nn-service runs in a worker thread');
const settings = (workerData as ServiceSettings).inference ?? {};
const engine = await OnnxRuntimeEngine.create(settings);
const service = new InferenceService(engine, settings, {
  nowMs: () => performance.now(),
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
});
/** Several lines of one caller take one turn; it is gone when all of them are. */
const lines = new Map<string, number>();
takeLines(port, (line) => {
  const { caller } = line;
  lines.set(caller, (lines.get(caller) ?? 0) + 1);
  serveLine(line, service.client(caller), () => {
    const left = (lines.get(caller) ?? 1) - 1;
    if (left > 0) lines.set(caller, left);
    else if (lines.delete(caller)) service.forget(caller);
  });
});
port.postMessage({ type: 'ready', facts: { accelerator: engine.accelerator } });
