// A host that serves incremental offloading on a real TCP port, and the pyramid network with three plans for it.
import { WeightStore } from '../../edge/host/incremental/weight-store.ts';
import { serveNetwork } from '../../edge/host/incremental/serve-network.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { NetworkChain } from '../../shared/onnx/chain.ts';
import { plainInputs } from '../../shared/onnx/measure-tensors.ts';
import { openChain } from '../../shared/onnx/open-chain.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import type { NamedTensors, TensorSpec } from '../../shared/onnx/tensor.ts';
import type { UploadPlan } from '../../shared/partition/plan-uploads.ts';

export const clock = new SystemClock();
export const openOrt = ortNetworks();
export const plane = new TcpDataPlane();

export const networkChain = (file: Uint8Array): Promise<NetworkChain> => openChain(file, openOrt);

/** A plan by its layers alone, for tests of the transfer. */
export const planOf = (serverLayers: readonly number[]): UploadPlan => ({
  serverLayers,
  newLayers: serverLayers,
  uploadBytes: 0,
  cumulativeUploadSec: 0,
  queryMs: 0,
  queryJ: 0,
});

/** A query whose values depend on `seed`. */
export function query(chain: NetworkChain, seed: number): NamedTensors {
  const inputs = plainInputs(chain.model.inputs.map(({ name }) => chain.specs.get(name) as TensorSpec));
  for (const { data } of inputs.values()) {
    const values = new Float32Array(data.buffer);
    for (let at = 0; at < values.length; at += 1) values[at] = Math.sin((at + 1) * (seed + 1));
  }
  return inputs;
}

export function largestDifference(a: NamedTensors, b: NamedTensors): number {
  let largest = 0;
  for (const [name, tensor] of a) {
    const right = new Float32Array(new Uint8Array(b.get(name)?.data ?? new Uint8Array()).buffer);
    const left = new Float32Array(new Uint8Array(tensor.data).buffer);
    if (left.length !== right.length) return Number.POSITIVE_INFINITY;
    for (const [at, value] of left.entries()) largest = Math.max(largest, Math.abs(value - (right[at] ?? Number.NaN)));
  }
  return largest;
}

export interface IncrementalSite {
  readonly address: string;
  readonly port: number;
  readonly store: WeightStore;
  readonly errors: Error[];
  close(): Promise<void>;
}

export async function incrementalSite(): Promise<IncrementalSite> {
  const store = new WeightStore();
  const errors: Error[] = [];
  const listener = await plane.listen('host', (transport) =>
    serveNetwork(transport, { clock, open: openOrt, store, onError: (error) => errors.push(error) }),
  );
  return { address: listener.address, port: Number(new URL(listener.address).port), store, errors, close: () => listener.close() };
}
