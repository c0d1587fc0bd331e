// Intrinsics from chessboards rendered through a known lens, with blur, noise and JPEG; and what is refused.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { changeYaml } from '../../robot/calibration/calibrated-yaml.ts';
import { boardSvg } from '../../robot/calibration/camera/board-svg.ts';
import { calibrateFromFiles, type CameraCalibration, cameraChanges, picturesIn } from '../../robot/calibration/camera/calibrate-camera.ts';
import { runCalibrateCamera, watchBoards } from '../../robot/calibration/camera/command.ts';
import { findChessboard } from '../../robot/calibration/camera/find-chessboard.ts';
import { readGray } from '../../robot/calibration/camera/read-gray.ts';
import { freenoveRoverSchema } from '../../robot/freenove/main.ts';
import { isOutriderError } from '../../shared/errors.ts';
import type { CameraFrame, CameraIo } from '../../shared/ports/camera-io.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { type BoardCamera, boardCamera, type BoardPose, handheldPoses, toJpeg, trueCorners } from '../support/chessboard-pictures.ts';

const BOARD = { columns: 9, rows: 6 };
/** A wide-angle lens with a barrel's distortion, its centre off the middle. */
const TRUE = { fx: 530, fy: 526, cx: 331, cy: 236, distortion: { k1: -0.28, k2: 0.09, p1: 0.001, p2: -0.0008, k3: 0 } };
const SIZE = { width: 640, height: 480 };
const AHEAD: BoardPose = { xM: 0, yM: 0, zM: 0.4, aboutXRad: 0, aboutYRad: 0, aboutZRad: 0.1 };

let folder: string;
let camera: BoardCamera;
let boards: Uint8Array[];

beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true); // what the operator is told
  folder = await mkdtemp(join(tmpdir(), 'outrider-boards-'));
  camera = boardCamera({ ...SIZE, ...BOARD, intrinsics: TRUE, blurPx: 0.8, noise: 4 });
  boards = await Promise.all(handheldPoses(14, 1).map((pose, i) => toJpeg(camera(pose, i))));
}, 120_000);

afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function write(pictures: readonly Uint8Array[], name: string): Promise<string[]> {
  const files = pictures.map((_, i) => join(folder, `${name}-${String(i).padStart(2, '0')}.jpg`));
  await Promise.all(files.map((file, i) => writeFile(file, pictures[i] as Uint8Array)));
  return files;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isOutriderError(error, 'OUT_CALIBRATION')) throw new Error(`not refused by OUT_CALIBRATION: ${String(error)}`);
  return error.message;
}

describe('a camera before a chessboard', () => {
  let result: CameraCalibration;

  beforeAll(async () => {
    const good = await write(boards, 'board');
    const [empty, tiny] = await write([await toJpeg(camera(null, 99)), await sharp(boards[0]).resize(320).jpeg().toBuffer()], 'bad');
    const broken = join(folder, 'broken.jpg');
    await writeFile(broken, (boards[0] as Uint8Array).subarray(0, 40));
    result = await calibrateFromFiles([...good, empty as string, tiny as string, broken], BOARD);
  }, 60_000);

  it('gives its focal lengths within 0.5 %, its centre within 2 px, and an error below half a pixel', () => {
    const { fx, fy, cx, cy } = result.intrinsics;
    expect(Math.abs(fx / TRUE.fx - 1)).toBeLessThan(0.005);
    expect(Math.abs(fy / TRUE.fy - 1)).toBeLessThan(0.005);
    expect(Math.abs(cx - TRUE.cx)).toBeLessThan(2);
    expect(Math.abs(cy - TRUE.cy)).toBeLessThan(2);
    expect(result.rmsPx).toBeLessThan(0.5);
    expect(result.focalSigma).toBeLessThan(0.005);
    expect(result.coverage).toBeGreaterThan(0.5);
  });

  it('gives a lens that puts every pixel where the true one does, within a pixel', () => {
    for (const pose of handheldPoses(5, 7)) {
      const [found, truth] = [
        trueCorners(pose, { ...BOARD, intrinsics: result.intrinsics }),
        trueCorners(pose, { ...BOARD, intrinsics: TRUE }),
      ];
      for (const [i, { x, y }] of truth.entries()) expect(Math.hypot(x - (found[i]?.x ?? 0), y - (found[i]?.y ?? 0))).toBeLessThan(1);
    }
  });

  it('tells the error of each picture, and why the others were not used', () => {
    expect(result.pictures.length).toBeGreaterThanOrEqual(10);
    for (const { rmsPx } of result.pictures) expect(rmsPx).toBeLessThan(0.5);
    const reasons = result.rejected.map(({ name, reason }) => `${name.slice(folder.length + 1)}: ${reason}`);
    expect(reasons).toContain('bad-00.jpg: no chessboard');
    expect(reasons).toContain('bad-01.jpg: 320 × 240 pixels, where the first picture has 640 × 480');
    expect(reasons).toContain('broken.jpg: not a readable picture');
  });

  it('is written into the YAML as the car reads it, comments staying', () => {
    const before = 'body: freenove-4wd\nid: car-1\ncamera: # ribbon\n  intrinsics: { fx: 500, fy: 500, cx: 320, cy: 240 } # a start\n';
    const after = changeYaml(before, cameraChanges(result, ['camera']), 'rover.yaml');
    expect(after).toContain('# a start');
    const path = join(folder, 'rover.yaml');
    return writeFile(path, after).then(async () => {
      const { loadYaml } = await import('../../shared/config/load-yaml.ts');
      const { camera: section } = await loadYaml(path, freenoveRoverSchema);
      expect(section?.intrinsics.fx).toBeCloseTo(result.intrinsics.fx, 1);
      expect(section?.intrinsics.distortion?.k1).toBeCloseTo(result.intrinsics.distortion.k1, 5);
    });
  });

  it('is refused where the file says another size of its pictures, and the file stays', async () => {
    const path = join(folder, 'other-size.yaml');
    const text = 'body: freenove-4wd\nid: car-1\ncamera: { width: 1280, height: 960, intrinsics: { fx: 1, fy: 1, cx: 1, cy: 1 } }\n';
    await writeFile(path, text);
    const pictures = await mkdtemp(join(folder, 'set-'));
    await Promise.all(boards.slice(0, 8).map((jpeg, i) => writeFile(join(pictures, `${i}.jpg`), jpeg)));
    const message = await refusal(runCalibrateCamera(pictures, { config: path, board: BOARD, pictures: 20 }));
    expect(message).toContain('640 × 480');
    expect(message).toContain('1280 × 960');
    expect(await readFile(path, 'utf8')).toBe(text);
  }, 30_000);
});

describe('pictures that determine no camera', () => {
  it('are refused when there are too few, saying what was wrong with the others', async () => {
    const files = await write([...boards.slice(0, 3), await toJpeg(camera(null, 5))], 'few');
    const message = await refusal(calibrateFromFiles(files, BOARD));
    expect(message).toMatch(/usable in 3 pictures; at least 6/);
    expect(message).toContain('few-03.jpg: no chessboard');
  });

  it.each([
    ['straight from ahead', 0],
    ['at the same angle', 0.4],
  ])(
    'are refused when all show the board %s',
    async (_, tilt) => {
      const poses = Array.from({ length: 8 }, (__, i) => ({
        ...AHEAD,
        xM: 0.04 * ((i % 3) - 1),
        yM: 0.03 * (Math.floor(i / 3) - 1),
        zM: 0.4 + 0.02 * i,
        aboutYRad: tilt,
      }));
      const files = await write(await Promise.all(poses.map((pose, i) => toJpeg(camera(pose, i)))), `flat-${tilt}`);
      expect(await refusal(calibrateFromFiles(files, BOARD))).toMatch(/one angle/);
    },
    60_000,
  );

  it('are refused where there are none, or no folder', async () => {
    expect(await refusal(picturesIn(join(folder, 'nowhere')))).toContain('nowhere');
    expect(await refusal(picturesIn(await mkdtemp(join(folder, 'empty-'))))).toContain('no JPEG');
  });
});

describe('corners', () => {
  it('are found within a quarter of a pixel of where projective geometry has them, in larger pictures, too', async () => {
    const size = { width: 1280, height: 960 };
    const intrinsics = { ...TRUE, fx: 1060, fy: 1052, cx: 662, cy: 472 };
    const pose = { ...AHEAD, aboutXRad: 0.5, aboutYRad: -0.3, aboutZRad: 0.4 };
    const picture = await toJpeg(boardCamera({ ...size, ...BOARD, intrinsics, blurPx: 1.5, noise: 5 })(pose, 1));
    const found = findChessboard(await readGray(picture), BOARD);
    if (!found.found) throw new Error(found.reason);
    const truth = trueCorners(pose, { ...BOARD, intrinsics });
    const off = truth.map(({ x, y }) => Math.min(...found.corners.map((corner) => Math.hypot(corner.x - x, corner.y - y))));
    expect(Math.max(...off)).toBeLessThan(0.25);
  }, 30_000);

  it('of a board of another size, or partly out of the picture, are not taken for the board', async () => {
    const image = camera(AHEAD, 3);
    expect(findChessboard(image, BOARD).found).toBe(true);
    expect(findChessboard(image, { columns: 8, rows: 5 })).toMatchObject({
      found: false,
      reason: expect.stringContaining('more than 8 × 5'),
    });
    expect(findChessboard(image, { columns: 10, rows: 6 })).toMatchObject({ found: false, reason: expect.stringContaining('54 of 60') });
    expect(findChessboard(camera({ ...AHEAD, xM: 0.2 }, 3), BOARD)).toMatchObject({ found: false });
  });

  it('are those of the board that the command prints', async () => {
    const image = await readGray(
      await sharp(Buffer.from(boardSvg(BOARD)), { density: 72 })
        .png()
        .toBuffer(),
    );
    expect(findChessboard(image, BOARD).found).toBe(true);
  });
});

describe('the live camera', () => {
  const frames = (pictures: readonly Uint8Array[]): CameraIo => {
    let sequence = -1;
    return {
      intrinsics: { fx: 1, fy: 1, cx: 1, cy: 1 },
      mount: { xM: 0, yM: 0, zM: 0.1, pitchDownRad: 0 },
      update: () => {
        sequence = Math.min(sequence + 1, pictures.length - 1);
        const data = pictures[sequence] as Uint8Array;
        return { connected: true, frame: { ...SIZE, stampSec: sequence, sequence, encoding: 'jpeg', data } satisfies CameraFrame };
      },
    };
  };

  it('takes a board that is held still, once, and calibrates when there are enough', async () => {
    const clock = new VirtualClock();
    // Each is shown on three frames: the first finds it in motion, the second takes it, the third knows it.
    const shown = boards.flatMap((board) => [board, board, board]);
    const result = await clock.runUntilSettled(watchBoards(frames(shown), clock, { board: BOARD, pictures: 8 }));
    expect(result.pictures).toHaveLength(8);
    expect(Math.abs(result.intrinsics.fx / TRUE.fx - 1)).toBeLessThan(0.01);
  }, 60_000);

  it('is given up when no more frames come', async () => {
    const clock = new VirtualClock();
    expect(await refusal(clock.runUntilSettled(watchBoards(frames(boards.slice(0, 2)), clock, { board: BOARD, pictures: 8 })))).toMatch(
      /no picture for 10 s/,
    );
  });
});
