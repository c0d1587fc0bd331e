// A camera behind a program that writes JPEGs: started again with growing pauses when it ends, killed and started again when it hangs.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { CameraFrame, CameraInputs, CameraIntrinsics, CameraIo, CameraMount } from '../../shared/ports/camera-io.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import { type Logger, SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { CameraProgram } from './camera-sources.ts';
import { type JpegImage, MjpegSplitter } from './mjpeg-splitter.ts';

export interface ProcessCameraOptions {
  /** Tried in turn: a program that is not installed gives way to the next. */
  readonly programs: readonly CameraProgram[];
  readonly clock: Clock;
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  readonly logger?: Logger;
  /** Time from the exposure's middle to the frame's arrival here [s]: taken off its stamp. Default 0. */
  readonly latencySec?: number;
  readonly limits?: Partial<CameraLimits>;
}

export interface CameraLimits {
  /** A newest frame older than this is no view of the world any more [s]. */
  readonly staleSec: number;
  /** A program that gives no frame for so long hangs [s]; starting takes up to two. */
  readonly hangSec: number;
  /** First pause before starting again, doubled each time up to the longest [s]. */
  readonly firstPauseSec: number;
  readonly longestPauseSec: number;
}

const LIMITS: CameraLimits = { staleSec: 1, hangSec: 5, firstPauseSec: 0.5, longestPauseSec: 10 };
const COMPLAINT_BYTES = 500;

export class ProcessCamera implements CameraIo {
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  readonly #options: ProcessCameraOptions;
  readonly #limits: CameraLimits;
  readonly #logger: Logger;
  #child: ChildProcess | null = null;
  #program = 0;
  #watch: Timer | null = null;
  #pause: Timer | null = null;
  #pauseSec: number;
  #frame: CameraFrame | null = null;
  #sequence = 0;
  #closed = false;

  constructor(options: ProcessCameraOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#pauseSec = this.#limits.firstPauseSec;
    this.#logger = options.logger ?? SILENT_LOGGER;
    this.intrinsics = options.intrinsics;
    this.mount = options.mount;
    this.#start();
  }

  update(): CameraInputs {
    const { clock, latencySec = 0 } = this.#options;
    const frame = this.#frame;
    const fresh = frame !== null && clock.nowSec() - frame.stampSec <= this.#limits.staleSec + latencySec;
    return { connected: this.#child !== null && fresh, frame };
  }

  /** Ends the program. */
  close(): void {
    this.#closed = true;
    this.#pause?.stop();
    this.#watch?.stop();
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  #start(): void {
    const { programs, clock } = this.#options;
    const program = programs[this.#program % programs.length];
    if (this.#closed || program === undefined) return;
    const { command, args, outputFd = 1 } = program;
    const child = spawn(command, args, {
      stdio: ['ignore', outputFd === 1 ? 'pipe' : 'ignore', 'pipe', outputFd === 3 ? 'pipe' : 'ignore'],
    });
    this.#child = child;
    const splitter = new MjpegSplitter({ onImage: (image) => this.#take(child, image) });
    (child.stdio[outputFd] as Readable).on('data', (chunk: Buffer) => splitter.feed(chunk)).on('error', () => {});
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_BYTES))).on('error', () => {});
    let over = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      this.#ended(child, reason);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') this.#program += 1;
      end(error.message);
    });
    child.on('close', (code, signal) => {
      const lastLine = complaint.trim().split('\n').at(-1) ?? '';
      end(`${command} ended with ${signal ?? `code ${code}`}${lastLine === '' ? '' : `: ${lastLine}`}`);
    });
    this.#watch = clock.after(this.#limits.hangSec, () => this.#kill(child));
  }

  #take(child: ChildProcess, { bytes, width, height }: JpegImage): void {
    if (child !== this.#child) return;
    const { clock, latencySec = 0 } = this.#options;
    const stampSec = clock.nowSec() - latencySec;
    this.#frame = { stampSec, sequence: this.#sequence++, width, height, encoding: 'jpeg', data: bytes };
    this.#pauseSec = this.#limits.firstPauseSec;
    this.#watch?.stop();
    this.#watch = clock.after(this.#limits.hangSec, () => this.#kill(child));
  }

  /** The program hangs; its end starts it again. */
  #kill(child: ChildProcess): void {
    this.#logger.warn({ pid: child.pid }, 'the camera program gives no frames; it is killed');
    child.kill('SIGKILL');
  }

  #ended(child: ChildProcess, reason: string): void {
    if (child !== this.#child) return;
    this.#child = null;
    this.#watch?.stop();
    this.#logger.warn({ reason, againInSec: this.#pauseSec }, 'the camera program ended; it is started again');
    this.#pause = this.#options.clock.after(this.#pauseSec, () => this.#start());
    this.#pauseSec = Math.min(this.#limits.longestPauseSec, 2 * this.#pauseSec);
  }
}
