// Services for callers in this thread: on board, and in headless runs. A call blocks until the service's thread has answered, so nothing
// else happens meanwhile, and a virtual clock stands still.
import { OutriderError } from '../errors.ts';
import type { HostFunctions } from '../elastic/module-instance.ts';
import { serviceClient } from './service-bridge.ts';
import { type ServiceSettings, ServiceThreads } from './service-threads.ts';

/** The functions of each served interface. */
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  vision: ['findBlobs'],
  image: ['decodeJpeg'],
  nn: ['describe', 'compute'],
};

let threads: ServiceThreads | null = null;

/** Settings for the services of this process. Call it before the first use; later calls change nothing. */
export function configureLocalServices(settings: ServiceSettings): void {
  threads ??= new ServiceThreads(settings);
}

/** The functions of an interface, once its service is loaded. `caller` is whom fairness is for. */
export async function localService(name: string, caller: string): Promise<HostFunctions[string]> {
  const functions = FUNCTIONS[name];
  if (functions === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no service for the host interface ${name}`);
  threads ??= new ServiceThreads();
  await threads.warm([name]);
  const line = threads.connect([name], caller)[name];
  if (line === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no service for the host interface ${name}`);
  return serviceClient(line, functions);
}
