// Serial lidars at the byte level: a plug that can be pulled, and sensors behind it that answer as their protocol documents say.
import type { OpenSerial, SerialConnection, SerialEvents } from '../../hardware/lidars/lidar-protocol.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { buildLidarStream, joinBytes, POINTS_PER_PACKET, type StreamKind } from './lidar-streams.ts';

export interface FakeSensor {
  /** Bytes that the sensor sends now, given what it was told since the last call. */
  step(dtSec: number, send: (bytes: Uint8Array) => void): void;
  hear(bytes: Uint8Array): void;
  setDtr(on: boolean): void;
}

/** A port to which a sensor is plugged. The host sees it appear and disappear as a device file does. */
export class FakePort {
  readonly opened: { path: string; baudRate: number }[] = [];
  plugged = true;
  #events: SerialEvents | null = null;
  readonly #sensor: FakeSensor;

  constructor(sensor: FakeSensor, clock: Clock) {
    this.#sensor = sensor;
    clock.every(0.01, () => this.#sensor.step(0.01, (bytes) => this.#events?.data(bytes)));
  }

  readonly open: OpenSerial = (path, baudRate, events) => {
    if (!this.plugged) return Promise.reject(new Error(`no such file: ${path}`));
    this.opened.push({ path, baudRate });
    this.#events = events;
    const connection: SerialConnection = {
      write: (bytes) => this.#sensor.hear(bytes),
      setDtr: (on) => this.#sensor.setDtr(on),
      close: () => (this.#events = null),
    };
    return Promise.resolve(connection);
  };

  unplug(): void {
    this.plugged = false;
    const events = this.#events;
    this.#events = null;
    events?.closed('the device is gone');
  }
}

interface Turning {
  readonly kind: StreamKind;
  readonly pointsPerSec: number;
  readonly hz: number;
  /** Range in the direction `clockwiseDeg` [mm]. */
  readonly scene: (clockwiseDeg: number) => number;
}

/** The turning head: packets due since the last call. */
class Head {
  readonly #turning: Turning;
  #point = 0;
  #due = 0;

  constructor(turning: Turning) {
    this.#turning = turning;
  }

  turn(dtSec: number): Uint8Array {
    const { kind, pointsPerSec, hz, scene } = this.#turning;
    const size = POINTS_PER_PACKET[kind];
    this.#due += (dtSec * pointsPerSec) / size;
    const packets = Math.floor(this.#due);
    this.#due -= packets;
    const stepDeg = (360 * hz) / pointsPerSec;
    const startDeg = (this.#point * stepDeg) % 360;
    this.#point += packets * size;
    const distanceMm = (index: number): number => scene((startDeg + stepDeg * index) % 360);
    return joinBytes(buildLidarStream({ kind, packets, startDeg, stepDeg, distanceMm }).packets);
  }
}

/** An LD19: sends from power-on. */
export class FakeLd19 implements FakeSensor {
  readonly #head: Head;

  constructor(scene: Turning['scene']) {
    this.#head = new Head({ kind: 'ld06', pointsPerSec: 4500, hz: 10, scene });
  }

  step(dtSec: number, send: (bytes: Uint8Array) => void): void {
    send(this.#head.turn(dtSec));
  }

  hear(): void {}
  setDtr(): void {}
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A Slamtec A1 or C1: measures after a scan request while its motor turns, and answers health requests. */
export class FakeSlamtec implements FakeSensor {
  readonly heard: string[] = [];
  motorTurns = false;
  /** Health as the sensor tells it: 0 good, 1 warning, 2 error, and a code. A reset mends it. */
  health: readonly [number, number] = [0, 0];
  /** Requests that get lost on the way. */
  deafFor = 0;
  readonly #type: 'A1' | 'C1';
  readonly #head: Head;
  #answers: Uint8Array[] = [];
  #scanning = false;

  constructor(type: 'A1' | 'C1', scene: Turning['scene']) {
    this.#type = type;
    this.#head = new Head(
      type === 'A1' ? { kind: 'nodes', pointsPerSec: 8000, hz: 8, scene } : { kind: 'dense', pointsPerSec: 5000, hz: 10, scene },
    );
  }

  hear(bytes: Uint8Array): void {
    if (this.deafFor > 0) {
      this.deafFor -= 1;
      return;
    }
    const request = hex(bytes);
    this.heard.push(request);
    if (request === 'a525') this.#scanning = false;
    else if (request === 'a540') this.health = [0, 0];
    else if (request === 'a552') {
      const [status, code] = this.health;
      this.#answers.push(Uint8Array.of(0xa5, 0x5a, 0x03, 0, 0, 0, 0x06, status, code & 0xff, code >> 8));
    } else if (request === (this.#type === 'A1' ? 'a520' : 'a58205000000000022') && this.health[0] < 2) {
      this.#scanning = true;
      const [length, type] = this.#type === 'A1' ? [0x05, 0x81] : [0x54, 0x85];
      this.#answers.push(Uint8Array.of(0xa5, 0x5a, length, 0, 0, 0x40, type));
    }
  }

  setDtr(on: boolean): void {
    if (this.#type === 'A1') this.motorTurns = !on;
  }

  step(dtSec: number, send: (bytes: Uint8Array) => void): void {
    for (const answer of this.#answers.splice(0)) {
      send(answer.subarray(0, 4)); // the descriptor comes in two pieces
      send(answer.subarray(4));
    }
    if (this.#scanning && (this.motorTurns || this.#type === 'C1')) send(this.#head.turn(dtSec));
  }
}
