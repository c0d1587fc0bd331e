// Whether this rover's map frame is the common frame, and what must be thought anew when its own frame moves there.
import { compose, type Pose2 } from '../shared/geometry/pose2.ts';
import type { InspectedTile } from '../shared/protocol/inspection.ts';

/** A place this near is the present one [m], [rad]: the map is not drawn anew for it. */
const SAME_PLACE_M = 0.08;
const SAME_PLACE_RAD = 0.006;
/** Places looked from that are remembered; beyond, the oldest floor is looked at again. */
const MAX_VIEWS = 2000;

export class CommonFrame {
  #located: boolean;
  #views: Pose2[] = [];
  readonly #inspected = new Map<string, InspectedTile>();

  /** `located`: the rover's start pose was given in the common frame. */
  constructor(located: boolean) {
    this.#located = located;
  }

  get located(): boolean {
    return this.#located;
  }

  /**
   * The Map Server's word: where the rover's frame lies in the common one (null: nobody knows). Returns the change that the rover's
   * frame is to make, or null when it is right as it is.
   */
  hear(place: Pose2 | null): Pose2 | null {
    if (place === null) {
      this.#located = false;
      return null;
    }
    const isSame = Math.hypot(place.x, place.y) < SAME_PLACE_M && Math.abs(place.theta) < SAME_PLACE_RAD;
    if (isSame) this.#located = true;
    return isSame ? null : place;
  }

  /** What others have looked at, in the common frame. */
  noteInspected(tile: InspectedTile): void {
    this.#inspected.set(`${tile.x},${tile.y}`, tile);
  }

  /** Where this rover has looked from, in its own frame. */
  noteViews(poses: readonly Pose2[]): void {
    this.#views = [...this.#views, ...poses].slice(-MAX_VIEWS);
  }

  /** The rover's frame is the common one from here on. Returns what a new search starts from. */
  adopt(change: Pose2): { readonly views: readonly Pose2[]; readonly inspected: readonly InspectedTile[] } {
    this.#located = true;
    this.#views = this.#views.map((pose) => compose(change, pose));
    return { views: this.#views, inspected: [...this.#inspected.values()] };
  }
}
