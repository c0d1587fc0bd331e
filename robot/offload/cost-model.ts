// What a call costs on board and at the edge, in time and in the rover's energy; the placement follows the cheaper side.
// After the accounting of computation offloading (time = transfer + queue + compute; energy = transmitting + idling).

export interface OnboardCost {
  /** Time of one call on board [s], measured or from the device model. */
  readonly callSec: number;
  /** Power that the device draws beyond idle while it computes the call [W]. */
  readonly extraPowerW: number;
}

export interface EdgeCost {
  /** Round trip without payload [s]. */
  readonly roundTripSec: number;
  /** Payload of a call, both ways [bytes], and the link's speed [bytes/s]. */
  readonly bytesPerCall: number;
  readonly linkBytesPerSec: number;
  /** Time of one call on the host [s], with its queue. */
  readonly callSec: number;
  /** Power that the radio draws beyond idle while it sends [W]. */
  readonly radioPowerW: number;
}

export interface CostWeights {
  /** What a second of latency weighs, and what a joule of the rover's battery weighs. */
  readonly perSec: number;
  readonly perJoule: number;
}

export interface CostEstimate {
  readonly onboardSec: number;
  readonly edgeSec: number;
  readonly onboardJ: number;
  readonly edgeJ: number;
  /** Positive: the edge is cheaper, as a share of the on-board cost. */
  readonly gain: number;
}

export function estimateCost(onboard: OnboardCost, edge: EdgeCost, weights: CostWeights): CostEstimate {
  const transferSec = edge.bytesPerCall / edge.linkBytesPerSec;
  const onboardSec = onboard.callSec;
  const edgeSec = edge.roundTripSec + transferSec + edge.callSec;
  const onboardJ = onboard.callSec * onboard.extraPowerW;
  const edgeJ = transferSec * edge.radioPowerW;
  const price = (seconds: number, joules: number): number => seconds * weights.perSec + joules * weights.perJoule;
  const onboardPrice = price(onboardSec, onboardJ);
  const gain = onboardPrice <= 0 ? 0 : (onboardPrice - price(edgeSec, edgeJ)) / onboardPrice;
  return { onboardSec, edgeSec, onboardJ, edgeJ, gain };
}
