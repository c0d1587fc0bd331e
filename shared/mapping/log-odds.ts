// Occupancy evidence in fixed point: log-odds in steps of 1/20 nat, one signed byte a cell (Moravec & Elfes 1985; Thrun et al., ch. 9).
import { UNKNOWN } from './occupancy-map.ts';

/** Log-odds units per nat. 0 is "never seen", positive is occupied. */
export const LOG_ODDS_PER_NAT = 20;
/** Evidence saturates here (p = 0.0067 … 0.9933), so that the world may change. */
export const LOG_ODDS_LIMIT = 100;
/** Evidence of a return in a cell: p = 0.86. A wall stays a wall when one ray in four that reaches its cell ends there. */
export const LOG_ODDS_HIT = 36;
/** Evidence of a ray that passes a cell: p = 0.35; two of them make the cell free in Nav2's sense (at most 25 %). */
export const LOG_ODDS_MISS = -12;

const PERCENT = Int8Array.from({ length: 256 }, (_, byte) => {
  const logOdds = (byte << 24) >> 24;
  return logOdds === 0 ? UNKNOWN : Math.round(100 / (1 + Math.exp(-logOdds / LOG_ODDS_PER_NAT)));
});

/** Occupancy in percent (nav_msgs/OccupancyGrid) of a log-odds cell: −1 for 0, else 1 … 99. */
export function percentOf(logOdds: number): number {
  return PERCENT[logOdds & 0xff] as number;
}
