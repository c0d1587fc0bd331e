// Keeps the Map Server up to date with this rover's partial map and what its camera saw, one call of each kind in flight at a time.
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { MapServerHandle, ObservedFrame, TilePatch } from '../shared/modules/map-server/handle.ts';

/** What the rover's own map can be asked for (see Slam). */
export interface PatchSource {
  readonly revision: number;
  patchesSince(revision: number): readonly TilePatch[];
}

export interface MapSharingOptions {
  readonly rover: string;
  readonly startPose: Pose2;
  readonly source: PatchSource;
  readonly mapServer: MapServerHandle;
  readonly onError: (error: Error) => void;
}

/** Searched frames that wait for the Map Server; the oldest go first when it is away for long. */
const MAX_WAITING_FRAMES = 500;
/** Tiles per call: 64 tiles of 4 KiB stay far below the frame limit and keep a call short. */
const MAX_PATCHES_PER_CALL = 64;

/**
 * Tiles replace each other, so a lost call costs nothing: what changed since the last *answered* call is sent again.
 */
export class MapSharing {
  readonly #options: MapSharingOptions;
  #sharedRevision = 0;
  #frames: ObservedFrame[] = [];
  #work: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(options: MapSharingOptions) {
    this.#options = options;
  }

  /** Makes this rover known to the Map Server: its map frame's place in the common frame. */
  async join(): Promise<void> {
    const { rover, startPose, mapServer } = this.#options;
    await mapServer.join(rover, startPose.x, startPose.y, startPose.theta);
  }

  /** Queues a searched frame for the next {@link share}. */
  addFrame(frame: ObservedFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > MAX_WAITING_FRAMES) this.#frames = this.#frames.slice(-MAX_WAITING_FRAMES);
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
    const revision = source.revision;
    const patches = source.patchesSince(this.#sharedRevision);
    for (let from = 0; from < patches.length; from += MAX_PATCHES_PER_CALL) {
      await mapServer.update(rover, stampSec, patches.slice(from, from + MAX_PATCHES_PER_CALL));
    }
    this.#sharedRevision = revision;
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    try {
      await mapServer.report(rover, stampSec, frames);
    } catch (error) {
      this.#frames = [...frames, ...this.#frames].slice(-MAX_WAITING_FRAMES);
      throw error;
    }
  }
}
