// Boards from a running camera: a picture is taken when the board is held still, and somewhere that it has not been yet.
import { type ChessboardSize, findChessboard } from './find-chessboard.ts';
import type { GrayImage } from './gray-image.ts';
import type { PicturePoint } from './saddle-points.ts';

export type LiveFrame =
  | { readonly kind: 'taken'; readonly corners: readonly PicturePoint[] }
  /** In motion: smeared, and skewed by a rolling shutter. */
  | { readonly kind: 'moving' }
  /** Much like one that was taken. */
  | { readonly kind: 'known' }
  | { readonly kind: 'no-board'; readonly reason: string };

/** Corners that move less than this from one frame to the next are still, as a share of the picture's width. */
const STILL = 0.004;
/** A view counts as new when its corners lie this far from those of every other, on average, as a share of the width. */
const NEW = 0.06;

export class LiveBoards {
  readonly #board: ChessboardSize;
  readonly #taken: (readonly PicturePoint[])[] = [];
  #before: readonly PicturePoint[] | null = null;

  constructor(board: ChessboardSize) {
    this.#board = board;
  }

  look(image: GrayImage): LiveFrame {
    const result = findChessboard(image, this.#board);
    if (!result.found) {
      this.#before = null;
      return { kind: 'no-board', reason: result.reason };
    }
    const { corners } = result;
    const before = this.#before;
    this.#before = corners;
    if (this.#taken.some((taken) => apart(taken, corners) < NEW * image.width)) return { kind: 'known' };
    if (before === null || apart(before, corners) > STILL * image.width) return { kind: 'moving' };
    this.#taken.push(corners);
    return { kind: 'taken', corners };
  }
}

/** Mean distance between corresponding corners [px]; a board may be counted from either end. */
function apart(a: readonly PicturePoint[], b: readonly PicturePoint[]): number {
  const mean = (other: readonly PicturePoint[]): number =>
    a.reduce((sum, point, i) => sum + Math.hypot(point.x - (other[i]?.x ?? 0), point.y - (other[i]?.y ?? 0)), 0) / a.length;
  return Math.min(mean(b), mean(b.toReversed()));
}
