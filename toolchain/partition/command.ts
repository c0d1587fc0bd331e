// `outrider module partition`: what of a network would go to a server, in which order, and what each stage gains.
import { readFile } from 'node:fs/promises';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { OutriderError } from '../../shared/errors.ts';
import { wireBytes } from '../../shared/incremental/tensor-codec.ts';
import { measureLayers, toLayerProfile } from '../../shared/onnx/measure-layers.ts';
import { openChain } from '../../shared/onnx/open-chain.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import { toLayerProfiles, type LayerProfile } from '../../shared/partition/layer-profile.ts';
import { describePlaces, planUploads, type Partitioning } from '../../shared/partition/plan-uploads.ts';

export interface PartitionFlags {
  readonly bandwidth: number;
  readonly k: number;
  readonly serverSpeedup: number;
  readonly clientSlowdown: number;
  readonly minLayersOnboard: number;
  readonly energy?: true;
  readonly shape?: readonly string[];
  readonly runs: number;
}

export interface PartitionOutcome extends Partitioning {
  readonly layers: readonly LayerProfile[];
  /** Where the times come from. */
  readonly times: string;
}

/** `target`: an ONNX file, whose layers are measured here, or a layer profile (JSON). Rejects with the codes of OUT_MODEL_…. */
export async function partition(target: string, flags: PartitionFlags): Promise<PartitionOutcome> {
  const { bandwidth, k, minLayersOnboard, energy = false } = flags;
  const bytes = await readFile(target).catch((cause: unknown) => {
    throw new OutriderError('OUT_MODEL_ONNX', `${target} cannot be read: ${(cause as Error).message}`, { cause });
  });
  const profile = target.endsWith('.json') ? readProfile(target, bytes) : await measure(bytes, flags);
  const plans = planUploads(profile.layers, { bandwidthMbps: bandwidth, k, minLayersOnboard, energy });
  return { ...profile, ...plans };
}

function readProfile(target: string, bytes: Buffer): Pick<PartitionOutcome, 'layers' | 'times'> {
  try {
    return { layers: toLayerProfiles(JSON.parse(bytes.toString('utf8'))), times: `as ${target} says` };
  } catch (cause) {
    if (cause instanceof OutriderError) throw cause;
    throw new OutriderError('OUT_MODEL_PROFILE', `${target} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

async function measure(bytes: Buffer, flags: PartitionFlags): Promise<Pick<PartitionOutcome, 'layers' | 'times'>> {
  const open = ortNetworks();
  const chain = await openChain(bytes, open, { shapes: new Map((flags.shape ?? []).map(parseShape)) });
  const times = await measureLayers(chain, { clock: new SystemClock(), open, runs: flags.runs, sizeOf: wireBytes });
  const layers = toLayerProfile(chain, times, { client: flags.clientSlowdown, server: flags.clientSlowdown / flags.serverSpeedup });
  const client =
    flags.clientSlowdown === 1 ? 'measured on this machine' : `modelled as ${flags.clientSlowdown} × those measured on this machine`;
  return {
    layers,
    times: `client times ${client} (onnxruntime-node, one thread), server times modelled as a ${flags.serverSpeedup}th of them`,
  };
}

/** `images=1x3x480x640`. */
function parseShape(text: string): [name: string, dims: number[]] {
  const match = /^(.+)=(\d+(?:x\d+)*)$/.exec(text);
  if (match === null) throw new OutriderError('OUT_CLI_USAGE', `--shape ${text}: must be like images=1x3x480x640`);
  return [match[1] ?? '', (match[2] ?? '').split('x').map(Number)];
}

/** For people. */
export function describePartition({ layers, plans, onboard, times }: PartitionOutcome, flags: PartitionFlags): string[] {
  const lines = [`${layers.length} layers; ${times}`, `link ${flags.bandwidth} Mbit/s, K = ${flags.k}`, ''];
  const row = (...cells: readonly string[]): string => cells.map((cell, at) => cell.padStart([4, 12, 14, 12, 11][at] ?? 0)).join('  ');
  lines.push(`${row('plan', 'upload [kB]', 'arrived by [s]', 'query [ms]', 'query [J]')}  at the server`);
  lines.push(`${row('–', '0', '0', onboard.queryMs.toFixed(1), onboard.queryJ.toFixed(3))}  nothing`);
  for (const [index, plan] of plans.entries()) {
    const cells = [String(index + 1), (plan.uploadBytes / 1000).toFixed(1), plan.cumulativeUploadSec.toFixed(2)];
    lines.push(`${row(...cells, plan.queryMs.toFixed(1), plan.queryJ.toFixed(3))}  ${describePlaces(plan.serverLayers, layers)}`);
  }
  if (plans.length === 0) lines.push('nothing is worth sending over this link');
  return lines;
}
