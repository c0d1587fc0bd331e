// The conversation with a Slamtec scanner (RPLIDAR interface protocol v2.x): stop, ask for its health, start the scan, decode what the
// answer's descriptor announces. A request is A5 and a command; an answer begins with A5 5A, 30 bits of length, 2 bits of mode, a type.
import type { LidarSession, PointSink, SerialConnection } from './lidar-protocol.ts';
import { SlamtecCapsuleParser } from './slamtec-capsules.ts';
import { SlamtecNodeParser } from './slamtec-nodes.ts';

const STOP = Uint8Array.of(0xa5, 0x25);
const RESET = Uint8Array.of(0xa5, 0x40);
const GET_HEALTH = Uint8Array.of(0xa5, 0x52);
const SCAN = Uint8Array.of(0xa5, 0x20);
/** Mode 0, reserved zeros, and the XOR of all bytes before as checksum. */
const EXPRESS_SCAN = Uint8Array.of(0xa5, 0x82, 0x05, 0, 0, 0, 0, 0, 0x22);

/** The descriptors that this conversation can get, as the seven bytes that they are. */
const DESCRIPTORS = {
  health: [0xa5, 0x5a, 0x03, 0, 0, 0, 0x06],
  nodes: [0xa5, 0x5a, 0x05, 0, 0, 0x40, 0x81],
  express: [0xa5, 0x5a, 0x54, 0, 0, 0x40, 0x82],
  dense: [0xa5, 0x5a, 0x54, 0, 0, 0x40, 0x85],
} as const;
type Answer = keyof typeof DESCRIPTORS;
const DESCRIPTOR_BYTES = 7;
const HEALTH_BYTES = 3;
const HEALTH_ERROR = 2;
/** Ticks without an answer after which a request is made again. */
const PATIENCE_TICKS = 2;
/** Ticks that a sensor needs after a reset: its start message takes most of a second. */
const RESET_TICKS = 4;

export interface SlamtecOptions {
  readonly scan: 'standard' | 'express';
}

export class SlamtecSession implements LidarSession {
  readonly #connection: SerialConnection;
  readonly #onPoint: PointSink;
  readonly #scan: SlamtecOptions['scan'];
  /** The last bytes before the measurement: enough to see a descriptor with the health behind it. */
  #tail: number[] = [];
  #parser: SlamtecNodeParser | SlamtecCapsuleParser | null = null;
  #awaited: 'health' | 'measurement' = 'health';
  #ticksLeft = 0;
  #fault: string | null = null;

  constructor(connection: SerialConnection, onPoint: PointSink, options: SlamtecOptions) {
    this.#connection = connection;
    this.#onPoint = onPoint;
    this.#scan = options.scan;
    connection.setDtr(false); // the A1's motor runs; other models ignore the line
    this.#ask();
  }

  get fault(): string | null {
    return this.#fault;
  }

  feed(bytes: Uint8Array): void {
    let offset = 0;
    while (this.#parser === null && offset < bytes.length) this.#listen(bytes[offset++] as number);
    if (offset < bytes.length) this.#parser?.feed(bytes.subarray(offset));
  }

  tick(): void {
    if (this.#parser !== null) return;
    this.#ticksLeft -= 1;
    if (this.#ticksLeft <= 0) this.#ask();
  }

  stop(): void {
    this.#connection.write(STOP);
    this.#connection.setDtr(true);
  }

  /** Stops whatever runs and asks for the health; its answer starts the scan. */
  #ask(): void {
    this.#awaited = 'health';
    this.#tail = [];
    this.#ticksLeft = PATIENCE_TICKS;
    this.#connection.write(STOP);
    this.#connection.write(GET_HEALTH);
  }

  #listen(byte: number): void {
    this.#tail.push(byte);
    if (this.#tail.length > DESCRIPTOR_BYTES + HEALTH_BYTES) this.#tail.shift();
    if (this.#awaited === 'health') {
      if (this.#tail.length === DESCRIPTOR_BYTES + HEALTH_BYTES && isDescriptor(this.#tail, 'health'))
        this.#takeHealth(this.#tail.slice(DESCRIPTOR_BYTES));
      return;
    }
    const last = this.#tail.slice(-DESCRIPTOR_BYTES);
    if (isDescriptor(last, 'nodes')) this.#parser = new SlamtecNodeParser(this.#onPoint);
    else if (isDescriptor(last, 'express')) this.#parser = new SlamtecCapsuleParser('express', this.#onPoint);
    else if (isDescriptor(last, 'dense')) this.#parser = new SlamtecCapsuleParser('dense', this.#onPoint);
  }

  #takeHealth([status = 0, low = 0, high = 0]: number[]): void {
    this.#tail = [];
    if (status === HEALTH_ERROR) {
      this.#fault = `the sensor reports error 0x${(low | (high << 8)).toString(16).padStart(4, '0')}`;
      this.#connection.write(RESET);
      this.#ticksLeft = RESET_TICKS;
      return;
    }
    this.#fault = null;
    this.#awaited = 'measurement';
    this.#ticksLeft = PATIENCE_TICKS;
    this.#connection.write(this.#scan === 'express' ? EXPRESS_SCAN : SCAN);
  }
}

function isDescriptor(bytes: readonly number[], answer: Answer): boolean {
  return DESCRIPTORS[answer].every((byte, index) => bytes[index] === byte);
}
