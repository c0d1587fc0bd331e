// `outrider robot calibrate camera`: intrinsics from a chessboard, in pictures of a folder or before the rover's own camera; into the rover's YAML.
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { SystemClock } from '../../../shared/clock/system-clock.ts';
import { loadYaml } from '../../../shared/config/load-yaml.ts';
import { OutriderError } from '../../../shared/errors.ts';
import type { CameraIo } from '../../../shared/ports/camera-io.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { changeYamlFile } from '../calibrated-yaml.ts';
import { boardSvg } from './board-svg.ts';
import { BoardPictures, calibrateFromFiles, type CameraCalibration, cameraChanges, picturesIn } from './calibrate-camera.ts';
import type { ChessboardSize } from './find-chessboard.ts';
import type { PictureSize } from './fit-camera.ts';
import { LiveBoards } from './live-boards.ts';
import { grayOfFrame } from './read-gray.ts';

export interface CalibrateCameraOptions {
  readonly config: string;
  readonly board: ChessboardSize;
  /** Pictures to be taken before the rover's own camera. */
  readonly pictures: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `folder`: pictures that were taken before; without it the rover's camera runs. */
export async function runCalibrateCamera(folder: string | undefined, options: CalibrateCameraOptions): Promise<boolean> {
  const target = await targetOf(options.config);
  const result =
    folder === undefined ? await calibrateLive(options) : await calibrateFromFiles(await picturesIn(folder), options.board, report);
  if (target.size !== null) checkSize(result.picture, target.size);
  const written = options.dryRun !== true;
  if (written) await changeYamlFile(options.config, cameraChanges(result, target.section));
  const { intrinsics, rmsPx, pictures, outliers, rejected, coverage, focalSigma, tiltRad } = result;
  const tiltDeg = (tiltRad * 180) / Math.PI;
  const told = { intrinsics, rmsPx, focalSigma, coverage, tiltDeg, pictures, outliers, rejected, written };
  if (coverage < ENOUGH_COVERAGE)
    say(`corners were seen in ${(coverage * 100).toFixed(0)} % of the picture: hold the board to its edges, too`);
  console.log(options.json === true ? JSON.stringify(told) : JSON.stringify(told, null, 2));
  return true;
}

/** Writes a board to be printed. */
export async function runPrintBoard(file: string, board: ChessboardSize): Promise<boolean> {
  await writeFile(file, boardSvg(board));
  say(`${file}: print it at 100 % and glue it onto something flat and stiff`);
  return true;
}

/** Less leaves the distortion of the edges to the middle's. */
const ENOUGH_COVERAGE = 0.5;

interface Target {
  /** Where the file has its camera. */
  readonly section: readonly string[];
  /** What the file says of the pictures' size, or null where they come as they are. */
  readonly size: PictureSize | null;
}

const sizeSchema = z.looseObject({ width: z.number(), height: z.number() });
const targetSchema = z.union([
  z.looseObject({ body: z.literal('freenove-4wd'), camera: sizeSchema.partial().nullable().default(null) }),
  z.looseObject({ body: z.literal('ros2'), ros2: z.looseObject({ image: z.looseObject({}).nullable().default(null) }) }),
]);

async function targetOf(path: string): Promise<Target> {
  const file = await loadYaml(path, targetSchema);
  if (file.body === 'ros2') {
    if (file.ros2.image === null)
      throw new OutriderError('OUT_CALIBRATION', `${path} has no ros2.image: write its topic and mount there first`);
    return { section: ['ros2', 'image'], size: null };
  }
  if (file.camera === null) throw new OutriderError('OUT_CALIBRATION', `${path} has no camera: write source, width and height there first`);
  const { width = 640, height = 480 } = file.camera;
  return { section: ['camera'], size: { width, height } };
}

function checkSize(pictures: PictureSize, camera: PictureSize): void {
  if (pictures.width === camera.width && pictures.height === camera.height) return;
  throw new OutriderError(
    'OUT_CALIBRATION',
    `the pictures have ${pictures.width} × ${pictures.height} pixels, the file's camera gives ${camera.width} × ${camera.height}: ` +
      'intrinsics hold for one size, so take pictures of that size',
  );
}

async function calibrateLive({ config, board, pictures }: CalibrateCameraOptions): Promise<CameraCalibration> {
  const { freenoveRoverSchema, loadCamera } = await import('../../freenove/main.ts');
  const { SILENT_LOGGER } = await import('../../../shared/ports/logger.ts');
  const { body } = await loadYaml(config, z.looseObject({ body: z.string() }));
  if (body !== 'freenove-4wd')
    throw new OutriderError('OUT_CALIBRATION', `body ${body}: its camera is not opened here; name a folder of pictures of its topic`);
  const clock = new SystemClock();
  const camera = await loadCamera(await loadYaml(config, freenoveRoverSchema), clock, SILENT_LOGGER);
  if (camera === null) throw new OutriderError('OUT_CALIBRATION', `${config} has no camera`);
  try {
    return await watchBoards(camera.port, clock, { board, pictures });
  } finally {
    camera.close();
  }
}

/** Nothing from the camera for so long is a camera that is not there [s]. */
const SILENCE_SEC = 10;
const POLL_SEC = 0.05;

/** Looks at a camera's frames until enough different boards were held still. Throws OUT_CALIBRATION when no frames come. */
export async function watchBoards(
  camera: CameraIo,
  clock: Clock,
  { board, pictures }: { readonly board: ChessboardSize; readonly pictures: number },
): Promise<CameraCalibration> {
  const boards = new LiveBoards(board);
  const collected = new BoardPictures(board);
  let last: number | null = null;
  let lastSec = clock.nowSec();
  let told = '';
  while (collected.found.length < pictures) {
    const { frame } = camera.update();
    if (frame === null || frame.sequence === last) {
      if (clock.nowSec() - lastSec > SILENCE_SEC)
        throw new OutriderError('OUT_CALIBRATION', `the camera gave no picture for ${SILENCE_SEC} s`);
      await clock.sleep(POLL_SEC);
      continue;
    }
    [last, lastSec] = [frame.sequence, clock.nowSec()];
    const image = await clock.hold(grayOfFrame(frame));
    const seen = boards.look(image);
    if (seen.kind === 'taken') {
      const name = `picture ${collected.found.length + 1}`;
      collected.addBoard({ name, corners: seen.corners }, image);
      say(`${name} of ${pictures} taken: hold the board somewhere else, tilted differently`);
    } else if (seen.kind !== told) {
      say({ moving: 'hold it still', known: 'seen already: somewhere else', 'no-board': 'no whole board in view' }[seen.kind]);
    }
    told = seen.kind;
    await clock.sleep(0); // so that frames, timers and Ctrl-C have their turn
  }
  return collected.calibrate();
}

function report(name: string, reason: string | null): void {
  say(reason === null ? `${name}: board found` : `${name}: ${reason}`);
}

/** Progress goes to stderr, so that stdout is for machines. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
