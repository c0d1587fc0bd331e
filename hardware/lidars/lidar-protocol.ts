// What a serial laser scanner's protocol looks like to the device that owns the port.

/** One measurement: direction as the sensor turns (clockwise from its front) [rad], and range [m], NaN where it saw nothing. */
export type PointSink = (clockwiseRad: number, rangeM: number) => void;

/** An open serial port, as far as a lidar needs one. Writing to a port that is gone is ignored: its closing is told elsewhere. */
export interface SerialConnection {
  write(bytes: Uint8Array): void;
  /** The DTR line. On Slamtec's A1 adapter a cleared line (false) runs the motor. */
  setDtr(on: boolean): void;
  close(): void;
}

/** What happens on an open port. `closed` comes at most once, also after an error; then nothing more comes. */
export interface SerialEvents {
  data(bytes: Uint8Array): void;
  closed(reason: string): void;
}

/** Opens a port; rejects when there is none or it may not be used. */
export type OpenSerial = (path: string, baudRate: number, events: SerialEvents) => Promise<SerialConnection>;

/** One run of a sensor's protocol, from opening a port to its end. */
export interface LidarSession {
  /** Bytes from the sensor. */
  feed(bytes: Uint8Array): void;
  /** Called about every half second: repeats requests that stay without answer. */
  tick(): void;
  /** Stops the measurement and the motor, where the sensor can. */
  stop(): void;
  /** What the sensor says is wrong with it, or null. */
  readonly fault: string | null;
}

/** A kind of sensor. */
export interface LidarModel {
  readonly name: string;
  readonly baudRate: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  /** Measurements per second, by its datasheet. */
  readonly pointsPerSec: number;
  /** Begins to talk on a fresh connection. */
  begin(connection: SerialConnection, onPoint: PointSink): LidarSession;
}
