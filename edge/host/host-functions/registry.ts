// The host functions that this host can give: vision (OpenCV), nn (ONNX Runtime), image (libvips), map-view (the common view), log, clock.
// A site grants them by name.
import type { HostFunctionRegistry } from './host-function-source.ts';

const MAX_LOG_CHARACTERS = 500;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** `threads`: whether costly functions may have a thread of their own; not on a virtual clock, where they must be done at once. */
export function hostFunctionRegistry({ threads = true }: { readonly threads?: boolean } = {}): HostFunctionRegistry {
  return {
    // Loaded only by instances that need it: what a worker loads, every instance pays. OpenCV is loaded by the first instance that needs it: it costs 0.2 s and 35 MB.
    vision: async () => (await import('../../../shared/modules/host-impl/vision-opencv.ts')).loadVisionHost(),
    // These two answer from a thread of their own, also to callers in the main thread.
    nn: async ({ instance }) => (await import('../../../shared/services/local-services.ts')).localService('nn', instance),
    image: async ({ instance }) => (await import('../../../shared/services/local-services.ts')).localService('image', instance),
    'map-view': async ({ site, mission, emit }) => {
      const { createMapViewHost } = await import('../../../shared/modules/host-impl/map-view.ts');
      return createMapViewHost({ site, mission, publish: (topic, payload) => emit({ kind: 'publish', topic, payload }) });
    },
    registration: async () => {
      const { inlineRegistration, threadedRegistration } = await import('../../../shared/modules/host-impl/registration.ts');
      return threads ? threadedRegistration() : inlineRegistration();
    },
    log: ({ emit }) => ({
      write: (level: string, text: string) => {
        const known = LEVELS.find((name) => name === level) ?? 'info';
        emit({ kind: 'log', level: known, text: text.slice(0, MAX_LOG_CHARACTERS) });
      },
    }),
    clock: ({ nowSec }) => ({ nowSec }),
  };
}

/** What a site grants unless its configuration says otherwise. */
export const DEFAULT_GRANTS: readonly string[] = ['vision', 'nn', 'image', 'map-view', 'registration', 'log', 'clock'];
