// Services for callers of this process. Called from this thread they block until the service's thread has answered, so nothing else
// happens meanwhile, and a virtual clock stands still: for headless runs. On a live rover the module has a thread of its own and blocks that.
import { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ModuleBundle } from '../elastic/bundle.ts';
import { instantiateNative } from '../elastic/instantiate.ts';
import type { LocalRunner } from '../elastic/local-runner.ts';
import type { HostFunctions } from '../elastic/module-instance.ts';
import { captureState, type CapturedState } from '../elastic/state-form.ts';
import { serviceClient } from './service-bridge.ts';
import { type ServiceSettings, ServiceThreads } from './service-threads.ts';
import { ParkingRunner } from './parking-runner.ts';
import { startThreadRunner } from './thread-runner.ts';

/** The functions of each served interface. */
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  vision: ['findBlobs'],
  image: ['decodeJpeg'],
  nn: ['describe', 'compute'],
};

/** An on-board instance is put away after so long without a call: longer than any period between frames [s]. */
const IDLE_SEC = 15;

let settings: ServiceSettings = {};
let threads: ServiceThreads | null = null;
/** Callers that need the threads; inline ones for good, instances in threads of their own while they are there. */
let users = 0;

/** Settings for the services of this process. Call it before the first use; later calls change nothing. */
export function configureLocalServices(wanted: ServiceSettings): void {
  if (threads === null && users === 0) settings = wanted;
}

/** The functions of an interface, once its service is loaded. `caller` is whom fairness is for. */
export async function localService(name: string, caller: string): Promise<HostFunctions[string]> {
  const functions = FUNCTIONS[name];
  if (functions === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no service for the host interface ${name}`);
  users += 1;
  threads ??= new ServiceThreads(settings);
  await threads.warm([name]);
  const line = threads.connect([name], caller)[name];
  if (line === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no service for the host interface ${name}`);
  return serviceClient(line, functions);
}

/**
 * An on-board instance in a thread of its own, which lasts while it is used; so do the services that it needs. A virtual clock stands
 * still while it works. Its calls reject with OUT_MODULE_HOST_FUNCTION where no service has an interface that the module needs.
 */
export function localRunner(bundle: ModuleBundle, caller: string, clock: Clock): LocalRunner {
  const names = bundle.manifest.hostInterfaces.map(({ name }) => name);
  const start = async (): Promise<LocalRunner> => {
    users += 1;
    const services = (threads ??= new ServiceThreads(settings));
    try {
      await services.warm(names);
      const runner = await startThreadRunner({ bundle, lines: services.connect(names, caller) });
      let open = true;
      return {
        build: runner.build,
        call: (functionName, args) => clock.hold(runner.call(functionName, args)),
        capture: () => clock.hold(runner.capture()),
        restore: (state) => clock.hold(runner.restore(state)),
        close: async () => {
          await runner.close();
          if (open) await leave();
          open = false;
        },
      };
    } catch (error) {
      await leave();
      throw error;
    }
  };
  const { manifest } = bundle;
  return new ParkingRunner({
    ...{ build: manifest.onboard, start: () => clock.hold(start()), clock, idleSec: IDLE_SEC },
    ...(manifest.onboard === 'native' ? { initialState: () => initialState(bundle) } : {}),
  });
}

/** Of a native instance that is asked for nothing else, so that it needs no services. */
async function initialState(bundle: ModuleBundle): Promise<CapturedState> {
  const { manifest } = bundle;
  const refuse = (): never => {
    throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `${manifest.name} calls host functions before it is called itself`);
  };
  const host = Object.fromEntries(
    manifest.hostInterfaces.map(({ name, functions }) => [name, Object.fromEntries(functions.map((item) => [item.name, refuse]))]),
  );
  return captureState(manifest, await instantiateNative(bundle, host));
}

/** The last one puts the lights out. */
async function leave(): Promise<void> {
  users -= 1;
  if (users > 0) return;
  const idle = threads;
  threads = null;
  await idle?.close();
}
