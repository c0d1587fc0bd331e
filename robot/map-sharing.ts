// Keeps the Map Server up to date with this rover's partial map and what its camera saw, one call of each kind in flight at a time.
// A rover whose start pose nobody knows hears from it where its frame lies in the common one.
import { compose, IDENTITY, type Pose2 } from '../shared/geometry/pose2.ts';
import type { MapServerHandle, ObservedFrame, TilePatch } from '../shared/modules/map-server/handle.ts';

/** What the rover's own map can be asked for (see Slam). */
export interface PatchSource {
  readonly revision: number;
  patchesSince(revision: number): readonly TilePatch[];
}

export interface MapSharingOptions {
  readonly rover: string;
  /** Whether the rover's map frame is the common frame from the start. */
  readonly startKnown: boolean;
  readonly source: PatchSource;
  readonly mapServer: MapServerHandle;
  /** The Map Server's word on where the rover's frame lies (common ← rover); null: it has no place (any more). */
  readonly onPlace: (place: Pose2 | null) => void;
  readonly onError: (error: Error) => void;
}

/** Searched frames that wait for the Map Server; the oldest go first when it is away for long. */
const MAX_WAITING_FRAMES = 500;
/** Frames with sightings that are kept, to be reported again should the rover turn out to be elsewhere, or the Map Server lose them. */
const MAX_KEPT_FRAMES = 200;
/** Tiles per call: 64 tiles of 4 KiB stay far below the frame limit and keep a call short. */
const MAX_PATCHES_PER_CALL = 64;
/** A place that changes by more than this makes earlier sightings wrong [m], [rad]. */
const MOVED_M = 0.5;
const MOVED_RAD = 0.03;

/**
 * Tiles replace each other, so a lost call costs nothing: what changed since the last *answered* call is sent again.
 */
export class MapSharing {
  readonly #options: MapSharingOptions;
  #sharedRevision = 0;
  #frames: ObservedFrame[] = [];
  #kept: ObservedFrame[] = [];
  #located: boolean;
  /** New frame ← the frame that the Map Server knows. */
  #frameChange: Pose2 | null = null;
  /** The Map Server may have forgotten the rover. */
  #forgotten = false;
  #work: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(options: MapSharingOptions) {
    this.#options = options;
    this.#located = options.startKnown;
  }

  /** Makes this rover known to the Map Server. */
  async join(): Promise<void> {
    const { rover, startKnown, mapServer } = this.#options;
    if (startKnown) await mapServer.join(rover, IDENTITY.x, IDENTITY.y, IDENTITY.theta);
    else await mapServer.joinUnplaced(rover);
  }

  /** Queues a searched frame for the next {@link share}. */
  addFrame(frame: ObservedFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > MAX_WAITING_FRAMES) this.#frames = this.#frames.slice(-MAX_WAITING_FRAMES);
  }

  /** The rover's map is in another frame from here on: `change` maps old coordinates into new ones. */
  reframe(change: Pose2): void {
    this.#frameChange = compose(change, this.#frameChange ?? IDENTITY);
    this.#sharedRevision = 0;
    this.#frames = this.#frames.map((frame) => moved(frame, change));
    this.#kept = this.#kept.map((frame) => moved(frame, change));
    if (Math.hypot(change.x, change.y) > MOVED_M || Math.abs(change.theta) > MOVED_RAD) this.#frames.unshift(...this.#kept.splice(0));
    this.#located = true;
  }

  /** What the Map Server knew of this rover is lost: it is made known again, and sends everything again. */
  startOver(): void {
    this.#forgotten = true;
    this.#sharedRevision = 0;
    this.#frames.unshift(...this.#kept.splice(0));
  }

  /** Sends what is new, unless the last sending is still under way. */
  share(stampSec: number): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#work = this.#send(stampSec)
      .catch((error: unknown) => this.#options.onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => (this.#busy = false));
  }

  /** Sends everything that is left and has the Map Server publish it. Rejects when that fails. */
  async flush(stampSec: number): Promise<void> {
    await this.#work;
    await this.#send(stampSec);
    await this.#options.mapServer.flush(stampSec);
  }

  async #send(stampSec: number): Promise<void> {
    const { rover, source, mapServer } = this.#options;
    if (this.#forgotten) {
      this.#forgotten = false;
      await this.join();
    }
    const change = this.#frameChange;
    if (change !== null) {
      this.#frameChange = null;
      await mapServer.rebase(rover, change.x, change.y, change.theta);
    }
    const revision = source.revision;
    const patches = source.patchesSince(this.#sharedRevision);
    // At least one call: its receipt says where the rover is.
    for (let from = 0; from === 0 || from < patches.length; from += MAX_PATCHES_PER_CALL) {
      const { placed, x, y, theta } = await mapServer.update(rover, stampSec, patches.slice(from, from + MAX_PATCHES_PER_CALL));
      // The frame has changed meanwhile: what was said is of the old one, and everything is sent again.
      if (this.#frameChange !== null || this.#forgotten) return;
      this.#heard(placed ? { x, y, theta } : null);
    }
    this.#sharedRevision = revision;
    if (this.#located) await this.#report(stampSec);
  }

  #heard(place: Pose2 | null): void {
    if (this.#options.startKnown) return;
    if (place === null) this.#located = false;
    this.#options.onPlace(place);
  }

  async #report(stampSec: number): Promise<void> {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    try {
      await this.#options.mapServer.report(this.#options.rover, stampSec, frames);
      this.#kept = [...this.#kept, ...frames.filter(({ sightings }) => sightings.length > 0)].slice(-MAX_KEPT_FRAMES);
    } catch (error) {
      this.#frames = [...frames, ...this.#frames].slice(-MAX_WAITING_FRAMES);
      throw error;
    }
  }
}

/** A searched frame in the rover's new frame. */
function moved(frame: ObservedFrame, change: Pose2): ObservedFrame {
  const { x, y, theta } = compose(change, { x: frame.x, y: frame.y, theta: frame.theta });
  const c = Math.cos(change.theta);
  const s = Math.sin(change.theta);
  const sightings = frame.sightings.map((seen) => ({
    ...seen,
    x: change.x + c * seen.x - s * seen.y,
    y: change.y + s * seen.x + c * seen.y,
    covXX: c * c * seen.covXX - 2 * c * s * seen.covXY + s * s * seen.covYY,
    covXY: c * s * (seen.covXX - seen.covYY) + (c * c - s * s) * seen.covXY,
    covYY: s * s * seen.covXX + 2 * c * s * seen.covXY + c * c * seen.covYY,
  }));
  return { ...frame, x, y, theta, sightings };
}
