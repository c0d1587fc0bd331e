// Between wishes and wheels: velocity limits, then the collision monitor on the raw scan. Nothing gets past it.
import { angleDifference } from '../../../shared/geometry/angle.ts';
import { transformPoint } from '../../../shared/geometry/pose2.ts';
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import { CollisionMonitor, type MonitorVerdict } from '../control/collision-monitor.ts';
import { ScanProjector } from '../control/scan-points.ts';
import { limitVelocity } from '../control/velocity-limits.ts';
import type { NavigatorConfig } from './navigator-config.ts';
import type { NavigatorInput } from './navigator-types.ts';
import type { WorldModel } from './world-model.ts';

/** Half of the sector in the direction of travel that must be measured [rad]. */
const TRAVEL_SECTOR_RAD = Math.PI / 4;
/** Points this near to where another rover says it is belong to it [m]. */
const ROVER_REACH_M = 0.6;

export class Safety {
  readonly #config: NavigatorConfig;
  readonly #monitor: CollisionMonitor;
  readonly #projector = new ScanProjector();
  #last: Twist2 = STOP;
  #lastSec: number | null = null;

  constructor(config: NavigatorConfig) {
    this.#config = config;
    this.#monitor = new CollisionMonitor(config.monitor);
  }

  /** The command that may be driven. */
  apply(wanted: Twist2, input: NavigatorInput, world: WorldModel): MonitorVerdict {
    const period = this.#lastSec === null ? this.#config.timing.controlPeriodSec : input.stampSec - this.#lastSec;
    this.#lastSec = input.stampSec;
    const limited = limitVelocity(wanted, this.#last, Math.min(Math.max(period, 0), 0.5), this.#config.limits);
    const verdict = this.#check(limited, input, world);
    this.#last = verdict.command;
    return verdict;
  }

  #check(command: Twist2, input: NavigatorInput, world: WorldModel): MonitorVerdict {
    const { scan } = input;
    if (scan === null) return this.#monitor.check(command, null);
    const ageSec = input.stampSec - scan.stampSec;
    const forward = command.linearMPerSec >= 0;
    const blind = blindFraction(scan, this.#config.lidarMount.theta + (forward ? 0 : Math.PI));
    const points = this.#projector.project(scan, this.#config.lidarMount, input.twist, Math.min(ageSec, 0.5));
    return this.#monitor.check(command, {
      points,
      ageSec,
      blindAhead: forward ? blind : 0,
      blindBehind: forward ? 0 : blind,
      mayMove: (x, y) => {
        const at = transformPoint(input.pose, { x, y });
        for (const { pose } of input.others) {
          if (Math.hypot(pose.x - at.x, pose.y - at.y) < ROVER_REACH_M) return true;
        }
        return !world.explains(at.x, at.y);
      },
    });
  }
}

/** Fraction of rays within the travel sector that carry no valid measurement; 1 when there is no ray. */
function blindFraction(scan: LidarScan, towardsRad: number): number {
  let rays = 0;
  let blind = 0;
  for (let i = 0; i < scan.rangesM.length; i += 1) {
    const off = angleDifference(scan.angleMinRad + i * scan.angleIncrementRad, towardsRad);
    if (Math.abs(off) > TRAVEL_SECTOR_RAD) continue;
    rays += 1;
    if (Number.isNaN(scan.rangesM[i])) blind += 1;
  }
  return rays === 0 ? 1 : blind / rays;
}
