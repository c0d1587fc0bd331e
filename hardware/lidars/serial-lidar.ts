// A lidar on a serial port as a port of the rover: opened again whenever it went away or fell silent, and never an exception.
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { LidarInputs, LidarIo, LidarScan } from '../../shared/ports/lidar-io.ts';
import { type Logger, SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { LidarModel, LidarSession, OpenSerial, SerialConnection } from './lidar-protocol.ts';
import { Revolution } from './revolution.ts';

export interface SerialLidarOptions {
  readonly model: LidarModel;
  /** Device file, e.g. `/dev/ttyUSB0` or a udev name. */
  readonly path: string;
  readonly open: OpenSerial;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Rays of a scan. Default 360. */
  readonly rays?: number;
  readonly mountYawRad?: number;
}

/** A scan older than this counts as a lidar that is not there: the slowest sensor gives five a second. */
const STALE_SEC = 0.6;
/** A port that gives no scan for so long is closed and opened again. */
const SILENT_SEC = 4;
const TICK_SEC = 0.5;

export class SerialLidar implements LidarIo {
  readonly #options: SerialLidarOptions;
  readonly #logger: Logger;
  readonly #revolution: Revolution;
  readonly #timer: Timer;
  #link: { readonly connection: SerialConnection; readonly session: LidarSession } | null = null;
  #opening = false;
  #closed = false;
  #scan: LidarScan | null = null;
  #scanAtSec = Number.NEGATIVE_INFINITY;
  #openedAtSec = 0;
  #complained = '';

  constructor(options: SerialLidarOptions) {
    const { model, clock, rays = 360, mountYawRad = 0 } = options;
    this.#options = options;
    this.#logger = options.logger ?? SILENT_LOGGER;
    this.#revolution = new Revolution({
      rays,
      mountYawRad,
      rangeMinM: model.rangeMinM,
      rangeMaxM: model.rangeMaxM,
      nowSec: () => clock.nowSec(),
      onScan: (scan) => this.#take(scan),
    });
    this.#open();
    this.#timer = clock.every(TICK_SEC, () => this.#tick());
  }

  update(): LidarInputs {
    const fresh = this.#options.clock.nowSec() - this.#scanAtSec <= STALE_SEC;
    return { connected: this.#link !== null && fresh, scan: this.#scan };
  }

  /** Stops sensor and motor, and lets go of the port. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.stop();
    this.#hangUp();
  }

  #take(scan: LidarScan): void {
    this.#scan = scan;
    this.#scanAtSec = this.#options.clock.nowSec();
    this.#complained = '';
  }

  #tick(): void {
    if (this.#link === null) {
      this.#open();
      return;
    }
    const { session } = this.#link;
    session.tick();
    if (session.fault !== null) this.#complain(session.fault);
    if (this.#options.clock.nowSec() - Math.max(this.#scanAtSec, this.#openedAtSec) > SILENT_SEC) {
      this.#complain('no scan arrived');
      this.#hangUp();
    }
  }

  #open(): void {
    if (this.#opening || this.#closed) return;
    this.#opening = true;
    const { open, path, model, clock } = this.#options;
    // Bytes may come before `open` has answered; they are of no scan yet.
    let session: LidarSession | null = null;
    let gone = false;
    open(path, model.baudRate, {
      data: (bytes) => session?.feed(bytes),
      closed: (reason) => {
        gone = true;
        if (this.#link === null || this.#link.session !== session) return;
        this.#link = null;
        if (!this.#closed) this.#complain(reason);
      },
    })
      .then((connection) => {
        if (gone || this.#closed) {
          connection.close();
          return;
        }
        this.#revolution.reset();
        session = model.begin(connection, this.#revolution.add);
        this.#link = { connection, session };
        this.#openedAtSec = clock.nowSec();
      })
      .catch((error: unknown) => this.#complain(error instanceof Error ? error.message : String(error)))
      .finally(() => (this.#opening = false));
  }

  #hangUp(): void {
    const link = this.#link;
    this.#link = null;
    if (link === null) return;
    link.session.stop();
    link.connection.close();
  }

  /** Says each trouble once, until a scan comes again. */
  #complain(reason: string): void {
    if (reason === this.#complained) return;
    this.#complained = reason;
    const { model, path } = this.#options;
    this.#logger.warn({ lidar: model.name, path, reason }, 'the lidar is not there; it is tried again');
  }
}
