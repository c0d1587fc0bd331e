// `outrider robot calibrate …`: declares the commands; their code is loaded when one is called.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChessboardSize } from './camera/find-chessboard.ts';

interface WheelFlags {
  readonly config: string;
  readonly line: number;
  readonly square: number;
  readonly turns: number;
  readonly runs: number;
  readonly seed: number;
  readonly twin?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const json = (): Option => new Option('--json', 'one JSON object, last on stdout, for machines');
const config = (): Option => new Option('--config <file>', 'YAML of the rover').makeOptionMandatory();
const dryRun = (): Option => new Option('--dry-run', 'write nothing');
const board = (): Option =>
  new Option('--board <CxR>', 'inner corners of the board: 9x6 for one of 10 × 7 squares')
    .argParser(boardSize)
    .default({ columns: 9, rows: 6 }, '9x6');

export function registerCalibration(robot: Command): void {
  const calibrate = robot
    .command('calibrate')
    .enablePositionalOptions()
    .description('measure wheels, camera or servo of a rover and write what is found into its YAML; without a name: wheels');
  calibrate
    .command('wheels', { isDefault: true })
    .description('drive figures, measure where the rover then stands, and write its wheel radius, wheel base and motor trims into its YAML')
    .addOption(config())
    .option('--twin', "a simulated twin of the rover drives, and must find the file's own constants; nothing is written")
    .option('--line <m>', 'length of the lines [m]', positive, 2)
    .option('--square <m>', 'edge of the squares [m]', positive, 1.5)
    .option('--turns <n>', 'whole turns on the spot', integer(1, 20), 3)
    .option('--runs <n>', 'how often the set of figures is driven', integer(1, 20), 3)
    .option('--seed <n>', "seed of the twin's slip", integer(0, 2 ** 31 - 1), 1)
    .addOption(dryRun())
    .addOption(json())
    .action(async ({ line, square, ...options }: WheelFlags) =>
      finish(await (await import('./main.ts')).runCalibrate({ ...options, lineM: line, squareM: square })),
    );
  calibrate
    .command('camera')
    .description("find the camera's focal lengths, centre and distortion from pictures of a chessboard")
    .argument('[pictures]', "folder of pictures (default: the rover's own camera is watched)")
    .addOption(config())
    .addOption(board())
    .option('--pictures <n>', 'boards to be held before the camera', integer(6, 100), 20)
    .addOption(dryRun())
    .addOption(json())
    .action(async (pictures: string | undefined, options) =>
      finish(await (await import('./camera/command.ts')).runCalibrateCamera(pictures, options)),
    );
  calibrate
    .command('board')
    .description('write a chessboard to be printed on A4 (SVG)')
    .argument('<file>', 'where to')
    .addOption(board())
    .action(async (file: string, options: { readonly board: ChessboardSize }) =>
      finish(await (await import('./camera/command.ts')).runPrintBoard(file, options.board)),
    );
  calibrate
    .command('servo')
    .description('turn the ultrasonic sensor until it looks straight ahead, by eye or by a post, and write the zero of its servo')
    .addOption(config())
    .option('--post', 'a post stands alone, straight ahead: the sensor finds it by itself')
    .addOption(dryRun())
    .addOption(json())
    .action(async (options) => finish(await (await import('./main.ts')).runCalibrateServo(options)));
}

function boardSize(text: string): ChessboardSize {
  const [, columns = 0, rows = 0] = /^(\d{1,2})x(\d{1,2})$/.exec(text)?.map(Number) ?? [];
  if (columns < 3 || rows < 3 || columns > 40 || rows > 40)
    throw new InvalidArgumentError('must be inner corners such as 9x6, 3 to 40 each way.');
  return { columns, rows };
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('must be a number above 0.');
  return value;
}

function finish(ok: boolean): void {
  process.exitCode = ok ? 0 : 1;
}
