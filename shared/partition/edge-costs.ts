// What each way through a layer costs, in time or in the client's energy: the edge weights of IONN's graph (Jeong et al., SoCC 2018).
import { OutriderError } from '../errors.ts';
import type { LayerProfile } from './layer-profile.ts';

/** Power that the client draws [W]. The defaults are those published with IONN for its client board. */
export interface ClientPower {
  readonly transferW: number;
  readonly idleW: number;
  readonly computeW: number;
}

export const IONN_CLIENT_POWER: ClientPower = { transferW: 6.611, idleW: 3.977, computeW: 7.239 };

/** Costs of one layer: milliseconds, or millijoules where power is given. */
export interface LayerCosts {
  readonly onClient: number;
  /** The layer's input to the server, its output back to the client. */
  readonly toServer: number;
  readonly toClient: number;
  readonly onServer: number;
  /** Bringing the layer to the server: its weights on the link, and making them ready. */
  readonly upload: number;
}

/** Bytes in a millisecond. IONN counts a megabit as 1024² bits. */
export function bytesPerMs(bandwidthMbps: number): number {
  if (!(bandwidthMbps > 0 && Number.isFinite(bandwidthMbps))) {
    throw new OutriderError('OUT_MODEL_PROFILE', `a bandwidth of ${bandwidthMbps} Mbit/s arrived, it must be above 0`);
  }
  return (bandwidthMbps * 1024 * 1024) / 8000;
}

/** Time costs [ms] without `power`; with it the client's energy [mJ]: W · ms. */
export function layerCosts(layers: readonly LayerProfile[], bandwidthMbps: number, power?: ClientPower): readonly LayerCosts[] {
  const speed = bytesPerMs(bandwidthMbps);
  const { transferW, idleW, computeW } = power ?? { transferW: 1, idleW: 1, computeW: 1 };
  return layers.map((layer) => ({
    onClient: layer.clientMs * computeW,
    toServer: (layer.inputBytes / speed) * transferW,
    toClient: (layer.outputBytes / speed) * transferW,
    onServer: layer.serverMs * idleW,
    upload: (layer.weightBytes / speed) * transferW + layer.loadMs * idleW,
  }));
}
