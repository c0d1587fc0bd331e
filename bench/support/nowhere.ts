import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';

/** The on-board instance of a hostile module: nothing of it runs here, since an endless loop would be the caller's own. */
export const NOWHERE: ModuleInstance = {
  build: 'wasm',
  image: null,
  call: () => {
    throw new Error('not on board');
  },
  snapshot: () => new Uint8Array(0),
  restore: () => undefined,
  memoryBytes: () => 0,
};
