// How good a way between two machines is: latency, jitter, bandwidth, loss.

/** The access link of one machine, both directions alike. Losses are repaired by retransmission, so they cost time, not data. */
export interface LinkModel {
  /** One-way latency of this link [s]. */
  readonly latencySec: number;
  /** Mean of the (exponential) extra delay [s]. */
  readonly jitterSec: number;
  readonly bytesPerSec: number;
  /** Chance that a packet burst must be sent again. */
  readonly loss: number;
}

const MEGABIT_PER_SEC = 125_000;

/** Site networks: Wi-Fi on a wired LAN, 5G as measured indoors, a machine beside the broker. */
export const LINKS = {
  local: { latencySec: 0.00005, jitterSec: 0, bytesPerSec: 1000 * MEGABIT_PER_SEC, loss: 0 },
  lan: { latencySec: 0.0015, jitterSec: 0.0005, bytesPerSec: 90 * MEGABIT_PER_SEC, loss: 0.0005 },
  '5g': { latencySec: 0.009, jitterSec: 0.003, bytesPerSec: 45 * MEGABIT_PER_SEC, loss: 0.002 },
  poor: { latencySec: 0.04, jitterSec: 0.03, bytesPerSec: 4 * MEGABIT_PER_SEC, loss: 0.03 },
} as const satisfies Record<string, LinkModel>;

export type LinkName = keyof typeof LINKS;

export const LINK_NAMES = Object.keys(LINKS) as LinkName[];
