// From pictures of a chessboard to a camera's intrinsics: which pictures serve, which do not and why, and what they determine together.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OutriderError } from '../../../shared/errors.ts';
import type { YamlChange } from '../calibrated-yaml.ts';
import { type ChessboardSize, findChessboard } from './find-chessboard.ts';
import { type BoardPicture, type CameraFit, fitCamera, type PictureError, type PictureSize } from './fit-camera.ts';
import type { GrayImage } from './gray-image.ts';
import { readGray } from './read-gray.ts';

export interface NamedPicture {
  readonly name: string;
  readonly image: GrayImage;
}

export interface CameraCalibration extends CameraFit {
  readonly picture: PictureSize;
  readonly rejected: readonly { readonly name: string; readonly reason: string }[];
  /** Share of the picture's area, in tenths of its width and height, in which corners were seen. */
  readonly coverage: number;
}

const PICTURES = /\.(jpe?g|png|webp)$/i;

/** The pictures of a folder, by name. Throws OUT_CALIBRATION for a folder without any. */
export async function picturesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new OutriderError('OUT_CALIBRATION', `pictures: ${(error as Error).message}`);
  });
  const pictures = names.filter((name) => PICTURES.test(name)).toSorted();
  if (pictures.length === 0) throw new OutriderError('OUT_CALIBRATION', `${folder} holds no JPEG, PNG or WebP`);
  return pictures.map((name) => join(folder, name));
}

/** Reads one after the other: thirty pictures of a modern camera would be a gigabyte of floats. */
export async function calibrateFromFiles(
  files: readonly string[],
  board: ChessboardSize,
  onPicture: (name: string, reason: string | null) => void = () => {},
): Promise<CameraCalibration> {
  const pictures = new BoardPictures(board);
  for (const name of files) {
    try {
      onPicture(name, pictures.add({ name, image: await readGray(name) }));
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      onPicture(name, pictures.refuse(name, 'not a readable picture'));
    }
  }
  return pictures.calibrate();
}

/** Collects pictures; only corners are kept of them. */
export class BoardPictures {
  readonly #board: ChessboardSize;
  readonly #found: BoardPicture[] = [];
  readonly #rejected: { readonly name: string; readonly reason: string }[] = [];
  #size: PictureSize | null = null;

  constructor(board: ChessboardSize) {
    this.#board = board;
  }

  get found(): readonly BoardPicture[] {
    return this.#found;
  }

  /** Null where the board was found, else why the picture does not serve. */
  add({ name, image }: NamedPicture): string | null {
    this.#size ??= { width: image.width, height: image.height };
    const { width, height } = this.#size;
    if (image.width !== width || image.height !== height)
      return this.refuse(name, `${image.width} × ${image.height} pixels, where the first picture has ${width} × ${height}`);
    const result = findChessboard(image, this.#board);
    if (!result.found) return this.refuse(name, result.reason);
    this.#found.push({ name, corners: result.corners });
    return null;
  }

  /** Takes a board that was found already. */
  addBoard(picture: BoardPicture, size: PictureSize): void {
    this.#size ??= size;
    this.#found.push(picture);
  }

  refuse(name: string, reason: string): string {
    this.#rejected.push({ name, reason });
    return reason;
  }

  /** Throws OUT_CALIBRATION where the pictures do not determine a camera; its message says why each was refused. */
  async calibrate(): Promise<CameraCalibration> {
    const picture = this.#size ?? { width: 0, height: 0 };
    const fit = await fitCamera(this.#found, this.#board, picture).catch((error: unknown) => {
      throw error instanceof OutriderError ? withReasons(error, this.#rejected) : error;
    });
    return { ...fit, picture, rejected: this.#rejected, coverage: coverageOf(this.#found, fit.outliers, picture) };
  }
}

function withReasons(error: OutriderError, rejected: readonly { readonly name: string; readonly reason: string }[]): OutriderError {
  if (rejected.length === 0) return error;
  const list = rejected.slice(0, 10).map(({ name, reason }) => `${name}: ${reason}`);
  const more = rejected.length > list.length ? `; ${rejected.length - list.length} more` : '';
  return new OutriderError('OUT_CALIBRATION', `${error.message}. Not used: ${list.join('; ')}${more}`);
}

const CELLS = 10;

function coverageOf(boards: readonly BoardPicture[], outliers: readonly PictureError[], { width, height }: PictureSize): number {
  const seen = new Set<number>();
  for (const { name, corners } of boards) {
    if (outliers.some((outlier) => outlier.name === name)) continue;
    for (const { x, y } of corners) seen.add(Math.floor((y / height) * CELLS) * CELLS + Math.floor((x / width) * CELLS));
  }
  return seen.size / (CELLS * CELLS);
}

/** The changes to the file of a rover whose camera's section is at `section`. */
export function cameraChanges({ intrinsics }: CameraFit, section: readonly string[]): YamlChange[] {
  const { distortion, ...pinhole } = intrinsics;
  const at = [...section, 'intrinsics'];
  const round = (value: number, digits: number): number => Number(value.toFixed(digits));
  return [
    ...Object.entries(pinhole).map(([key, value]): YamlChange => [[...at, key], round(value, 2)]),
    ...Object.entries(distortion).map(([key, value]): YamlChange => [[...at, 'distortion', key], round(value, 6)]),
  ];
}
