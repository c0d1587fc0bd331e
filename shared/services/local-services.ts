// Services for callers of this process. Called from this thread they block until the service's thread has answered, so nothing else
// happens meanwhile, and a virtual clock stands still: for headless runs. On a live rover the module has a thread of its own and blocks that.
import { OutriderError } from '../errors.ts';
import type { ModuleBundle } from '../elastic/bundle.ts';
import type { LocalRunner } from '../elastic/local-runner.ts';
import type { HostFunctions } from '../elastic/module-instance.ts';
import { serviceClient } from './service-bridge.ts';
import { type ServiceSettings, ServiceThreads } from './service-threads.ts';
import { startThreadRunner } from './thread-runner.ts';

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

/** An on-board instance in a thread of its own. Rejects with OUT_MODULE_HOST_FUNCTION where no service has an interface that it needs. */
export async function localRunner(bundle: ModuleBundle, caller: string): Promise<LocalRunner> {
  threads ??= new ServiceThreads();
  const names = bundle.manifest.hostInterfaces.map(({ name }) => name);
  await threads.warm(names);
  return startThreadRunner({ bundle, lines: threads.connect(names, caller) });
}
