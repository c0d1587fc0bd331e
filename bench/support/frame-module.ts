// The module that the elastic benches call: a frame of bytes in, a small answer out, and (for migration) ballast as state.
import type { InterfaceType } from '../../shared/elastic/interface-type.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import { decodeValues, encodeValues } from '../../shared/elastic/value-codec.ts';

export const FRAME_BYTES = 100_000;
export const ANSWER_BYTES = 1_000;

const BYTES: InterfaceType = { kind: 'typed-array', element: 'u8' };
const COUNT: InterfaceType = { kind: 'number', type: 'f64' };
const STATE: InterfaceType = {
  kind: 'record',
  name: 'FrameState',
  fields: [
    { name: 'calls', type: COUNT },
    { name: 'ballast', type: BYTES },
  ],
};

export interface FrameHandle {
  detect(frame: Uint8Array): Promise<Uint8Array>;
}

export interface BallastHandle {
  /** Counts, and writes one page of the ballast, as a module that works on its state does. */
  touch(frame: Uint8Array): Promise<number>;
}

function manifestOf(name: string, functionName: string, result: InterfaceType, state: InterfaceType | null): ModuleManifest {
  const build = { file: 'none', bytes: 0, sha256: '' };
  return {
    formatVersion: 1,
    name,
    version: '1.0.0',
    description: 'bench',
    functions: [{ name: functionName, description: '', parameters: [{ name: 'frame', type: BYTES }], result, stateful: state !== null }],
    hostInterfaces: [],
    state: state === null ? null : { version: 1, type: state },
    sharing: 'per-rover',
    memoryMaxBytes: 64 * 1024 * 1024,
    onboard: 'native',
    builds: { native: build, wasm: { ...build, engine: 'assemblyscript' }, wit: build },
  };
}

export const FRAME_MANIFEST = manifestOf('bench-frame', 'detect', BYTES, null);
export const BALLAST_MANIFEST = manifestOf('bench-ballast', 'touch', COUNT, STATE);

const ANSWER = new Uint8Array(ANSWER_BYTES).map((_, index) => index % 256);

/** Answers at once: what is measured is the call, not the work. */
export class FrameInstance implements ModuleInstance {
  readonly build = 'wasm';
  readonly image = null;

  call(_name: string, args: readonly unknown[]): unknown {
    if ((args[0] as Uint8Array).byteLength === 0) throw new RangeError('an empty frame');
    return ANSWER;
  }

  snapshot(): Uint8Array {
    return new Uint8Array(0);
  }

  restore(): void {}

  memoryBytes(): number {
    return 0;
  }
}

const PAGE_BYTES = 64 * 1024;

export class BallastInstance implements ModuleInstance {
  readonly build = 'native';
  readonly image = null;
  #calls = 0;
  #ballast: Uint8Array;

  constructor(ballastBytes: number) {
    this.#ballast = new Uint8Array(ballastBytes).map((_, index) => (index * 31 + (index >> 8)) % 256);
  }

  call(): unknown {
    this.#calls += 1;
    const pages = Math.max(1, Math.floor(this.#ballast.byteLength / PAGE_BYTES));
    const at = (this.#calls % pages) * PAGE_BYTES;
    if (at < this.#ballast.byteLength) this.#ballast[at] = this.#calls % 256;
    return this.#calls;
  }

  snapshot(): Uint8Array {
    return encodeValues([STATE], [{ calls: this.#calls, ballast: this.#ballast }]);
  }

  restore(bytes: Uint8Array): void {
    const [state] = decodeValues([STATE], bytes) as [{ calls: number; ballast: Uint8Array }];
    this.#calls = state.calls;
    this.#ballast = state.ballast;
  }

  memoryBytes(): number {
    return this.#ballast.byteLength;
  }
}
