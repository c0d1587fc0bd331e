// Chooses quality and size of the frames that leave the rover by what the link shows: how long frames of the present size take.
// Coarser at once when a frame takes longer than it may; finer only when the next step would fit even if all the time were transfer.

export interface PictureLevel {
  /** JPEG quality, 1 to 100. */
  readonly quality: number;
  /** Of the frame's width and height. */
  readonly scale: number;
}

/** Finest first. The detector's recall at a distance falls with pixels before it falls with quality, so quality goes first. */
export const PICTURE_LEVELS: readonly PictureLevel[] = [
  { quality: 90, scale: 1 },
  { quality: 75, scale: 1 },
  { quality: 55, scale: 1 },
  { quality: 40, scale: 1 },
  { quality: 55, scale: 0.625 },
  { quality: 40, scale: 0.5 },
];

export interface JpegPolicyOptions {
  /** What a frame may take from the rover to the host and back [s]. */
  readonly budgetSec: number;
}

/** Frames in a row that must be quick before a finer level is tried. */
const PATIENCE = 5;
/** A finer level must be foreseen to fit into this share of the budget. */
const SAFE_SHARE = 0.7;
/** What a level's bytes are thought to be of the next coarser one's before one was sent. */
const GUESSED_RATIO = 1.6;

export class JpegPolicy {
  readonly #budgetSec: number;
  /** Newest size of a frame of each level [bytes]. */
  readonly #bytes = new Map<number, number>();
  #level = 0;
  #quick = 0;

  constructor({ budgetSec }: JpegPolicyOptions) {
    this.#budgetSec = budgetSec;
  }

  get level(): PictureLevel {
    return PICTURE_LEVELS[this.#level] as PictureLevel;
  }

  /** A frame of the present level has been answered, or given up, after so long. */
  note(bytes: number, tookSec: number): void {
    this.#bytes.set(this.#level, bytes);
    if (tookSec > this.#budgetSec) {
      this.#quick = 0;
      // Twice too slow is two levels too fine.
      const steps = tookSec > 2 * this.#budgetSec ? 2 : 1;
      this.#level = Math.min(PICTURE_LEVELS.length - 1, this.#level + steps);
      return;
    }
    if (this.#level === 0) return;
    const finer = this.#bytes.get(this.#level - 1) ?? bytes * GUESSED_RATIO;
    this.#quick = tookSec * (finer / bytes) < SAFE_SHARE * this.#budgetSec ? this.#quick + 1 : 0;
    if (this.#quick < PATIENCE) return;
    this.#quick = 0;
    this.#level -= 1;
  }
}
