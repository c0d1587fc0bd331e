// A module for tests of the elastic runtime: a ledger that remembers every entry in order, so that a lost, doubled or reordered one shows.
import { OutriderError } from '../../shared/errors.ts';
import type { FunctionSignature, InterfaceType } from '../../shared/elastic/interface-type.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import { interfaceIdOf } from '../../shared/elastic/state-form.ts';
import { decodeValues, encodeValues } from '../../shared/elastic/value-codec.ts';
import { checkValue } from '../../shared/elastic/value-codec-check.ts';
import type { Hello } from '../../shared/elastic/wire.ts';

const F64: InterfaceType = { kind: 'number', type: 'f64' };
const TEXT: InterfaceType = { kind: 'string' };
const BYTES: InterfaceType = { kind: 'typed-array', element: 'u8' };
const STATE: InterfaceType = {
  kind: 'record',
  name: 'Ledger',
  fields: [
    { name: 'entries', type: { kind: 'typed-array', element: 'f64' } },
    { name: 'ballast', type: BYTES },
  ],
};

function signature(name: string, parameters: InterfaceType[], result: InterfaceType | null, stateful: boolean): FunctionSignature {
  return { name, description: name, parameters: parameters.map((type, index) => ({ name: `p${index}`, type })), result, stateful };
}

export interface LedgerHandle {
  /** Adds an entry; answers how many there are. */
  append(entry: number, options?: { deadlineMs?: number; signal?: AbortSignal }): Promise<number>;
  entries(): Promise<Float64Array>;
  setBallast(bytes: number): Promise<void>;
  fail(message: string): Promise<void>;
  trap(): Promise<void>;
}

export interface EchoHandle {
  echo(bytes: Uint8Array, options?: { deadlineMs?: number; signal?: AbortSignal }): Promise<Uint8Array>;
  double(value: number): Promise<number>;
}

function manifestOf(
  name: string,
  functions: FunctionSignature[],
  state: InterfaceType | null,
  sharing: 'shared' | 'per-rover',
): ModuleManifest {
  const build = { file: 'none', bytes: 0, sha256: '' };
  return {
    formatVersion: 1,
    name,
    version: '1.0.0',
    description: name,
    functions,
    hostInterfaces: [],
    state: state === null ? null : { version: 1, type: state },
    sharing,
    memoryMaxBytes: 64 * 1024 * 1024,
    onboard: 'native',
    builds: { native: build, wasm: { ...build, engine: 'assemblyscript' }, wit: build },
  };
}

export function ledgerManifest(sharing: 'shared' | 'per-rover'): ModuleManifest {
  const functions = [
    signature('append', [F64], F64, true),
    signature('entries', [], { kind: 'typed-array', element: 'f64' }, true),
    signature('setBallast', [F64], null, true),
    signature('fail', [TEXT], null, true),
    signature('trap', [], null, true),
  ];
  return manifestOf('ledger', functions, STATE, sharing);
}

export function echoManifest(): ModuleManifest {
  return manifestOf('echo', [signature('echo', [BYTES], BYTES, false), signature('double', [F64], F64, false)], null, 'per-rover');
}

export class Ledger implements ModuleInstance {
  readonly build = 'native';
  readonly image = null;
  entries: number[] = [];
  ballast = new Uint8Array(0);
  /** Runs before each call: tests count, or slow down. */
  onCall: (name: string) => void = () => undefined;

  call(functionName: string, args: readonly unknown[]): unknown {
    this.onCall(functionName);
    switch (functionName) {
      case 'append':
        // As the toolchain's instances do.
        checkValue(F64, args[0], 'value 0');
        return this.entries.push(args[0] as number);
      case 'entries':
        return Float64Array.from(this.entries);
      case 'setBallast':
        this.ballast = new Uint8Array(args[0] as number).map((_, index) => index % 251);
        return undefined;
      case 'fail':
        throw new RangeError(args[0] as string);
      case 'trap':
        throw new OutriderError('OUT_MODULE_TRAP', 'unreachable');
      default:
        throw new Error(`no function ${functionName}`);
    }
  }

  snapshot(): Uint8Array {
    return encodeValues([STATE], [{ entries: Float64Array.from(this.entries), ballast: this.ballast }]);
  }

  restore(bytes: Uint8Array): void {
    const [state] = decodeValues([STATE], bytes) as [{ entries: Float64Array; ballast: Uint8Array<ArrayBuffer> }];
    this.entries = [...state.entries];
    this.ballast = state.ballast;
  }

  memoryBytes(): number {
    return 8 * this.entries.length + this.ballast.byteLength;
  }
}

export class Echo implements ModuleInstance {
  readonly build = 'native';
  readonly image = null;

  call(functionName: string, args: readonly unknown[]): unknown {
    return functionName === 'double' ? 2 * (args[0] as number) : args[0];
  }

  snapshot(): Uint8Array {
    return new Uint8Array(0);
  }

  restore(): void {}

  memoryBytes(): number {
    return 0;
  }
}

/** The first frame of a rover that calls a ledger of its own. */
export function hello(change: Partial<Hello> = {}): Hello {
  const interfaceId = interfaceIdOf(ledgerManifest('per-rover'));
  return { channelId: 'r1', token: 't', module: 'ledger', interfaceId, epoch: 1, ack: 0, provision: false, held: [], ...change };
}
