// Notices when a rover that means to move does not.
import { angleDifference } from '../../../shared/geometry/angle.ts';
import { distance, type Pose2 } from '../../../shared/geometry/pose2.ts';

const MOVED_M = 0.08;
const TURNED_RAD = 0.2;

export class ProgressWatch {
  #anchor: Pose2 | null = null;
  #sinceSec = 0;

  /** How long the rover has not got on although it meant to [s]. */
  update(nowSec: number, pose: Pose2, meansToMove: boolean): number {
    const anchor = this.#anchor;
    if (
      anchor === null ||
      !meansToMove ||
      distance(anchor, pose) > MOVED_M ||
      Math.abs(angleDifference(anchor.theta, pose.theta)) > TURNED_RAD
    ) {
      this.#anchor = pose;
      this.#sinceSec = nowSec;
    }
    return nowSec - this.#sinceSec;
  }

  reset(): void {
    this.#anchor = null;
  }
}
