// How far a rover is from where it believes to be, sampled over a run. For scoring only.
import { distance, type Pose2 } from '../../shared/geometry/pose2.ts';

export class PoseError {
  #sumM = 0;
  #count = 0;

  sample(estimated: Pose2, truth: Pose2): void {
    this.#sumM += distance(estimated, truth);
    this.#count += 1;
  }

  /** Mean distance [m]; null before the first sample. */
  get meanM(): number | null {
    return this.#count === 0 ? null : this.#sumM / this.#count;
  }
}
