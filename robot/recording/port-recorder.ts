// Writes down everything that a rover's ports deliver to it, and what it commands: ports in front of the ports.
import { open, type FileHandle } from 'node:fs/promises';
import { McapWriter } from '@mcap/core';
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraIo } from '../../shared/ports/camera-io.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DriveIo } from '../../shared/ports/drive-io.ts';
import type { LidarIo } from '../../shared/ports/lidar-io.ts';
import type { RangeIo } from '../../shared/ports/range-io.ts';
import { FileWritable } from '../../shared/recording/file-writable.ts';
import type { RoverPorts } from '../rover.ts';
import {
  encodeRecord,
  MESSAGE_ENCODING,
  NO_BULK,
  RECORD_TOPICS,
  RECORDING_METADATA,
  type RecordingHead,
  type RecordTopic,
  rangesToBytes,
} from './port-record.ts';

export interface PortRecorderOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly ports: RoverPorts;
  readonly head: Omit<RecordingHead, 'version' | 'camera'>;
}

/** Written to the file at least so often: what a crash loses. */
const CHUNK_BYTES = 64 * 1024;
/** Pictures are left out while so much waits for a slow card; the rest is small. */
const QUEUE_MAX_BYTES = 64 * 2 ** 20;

export class PortRecorder {
  /** Give these to the rover in place of its own. */
  readonly ports: RoverPorts;
  readonly #clock: Clock;
  readonly #file: FileHandle;
  readonly #writer: McapWriter;
  readonly #channels = new Map<RecordTopic, { readonly id: number; sequence: number }>();
  #queue: Promise<void> = Promise.resolve();
  #queuedBytes = 0;
  #leftOut = 0;
  #failure: Error | null = null;
  #closed = false;
  #estimate: (() => Pose2) | null = null;

  private constructor(file: FileHandle, { clock, ports }: PortRecorderOptions) {
    this.#clock = clock;
    this.#file = file;
    this.#writer = new McapWriter({ writable: new FileWritable(file), chunkSize: CHUNK_BYTES });
    const { imu, power, metrics } = ports;
    this.ports = {
      ...ports,
      drive: this.#recordDrive(ports.drive),
      lidar: ports.lidar === null ? null : this.#recordLidar(ports.lidar),
      sonar: ports.sonar ? this.#recordSonar(ports.sonar) : null,
      imu: imu ? { update: () => this.#note('imu', imu.update()) } : null,
      camera: ports.camera === null ? null : this.#recordCamera(ports.camera),
      power: power === null ? null : { update: () => this.#note('power', power.update()) },
      metrics: metrics === null ? null : { update: () => this.#note('metrics', metrics.update()) },
    };
  }

  /** Opens `path` anew and begins to record. Rejects when it cannot be written. */
  static async start(options: PortRecorderOptions): Promise<PortRecorder> {
    const { clock, path, head, ports } = options;
    const { rover, startPose, geometry } = head;
    const { wheelRadiusM, wheelBaseM } = geometry; // and nothing else that a configuration may hold beside them
    const camera = ports.camera === null ? null : cameraOf(ports.camera);
    const recorder = new PortRecorder(await clock.hold(open(path, 'w')), options);
    await clock.hold(recorder.#begin({ version: 1, rover, startPose, geometry: { wheelRadiusM, wheelBaseM }, camera }));
    return recorder;
  }

  /** Pictures that were left out because the file could not keep up, and why writing ended, if it did. */
  get state(): { readonly leftOut: number; readonly failure: Error | null } {
    return { leftOut: this.#leftOut, failure: this.#failure };
  }

  /** Also notes the rover's own estimate of its pose, once per cycle: a replay compares itself with it. */
  follow(estimate: () => Pose2): void {
    this.#estimate = estimate;
  }

  /** Writes what is queued, the summary, and closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#clock.hold(this.#queue.then(() => this.#end()));
  }

  async #begin(head: RecordingHead): Promise<void> {
    await this.#writer.start({ profile: '', library: 'outrider' });
    await this.#writer.addMetadata({ name: RECORDING_METADATA, metadata: new Map([['head', JSON.stringify(head)]]) });
    for (const topic of RECORD_TOPICS) {
      const id = await this.#writer.registerChannel({ topic, messageEncoding: MESSAGE_ENCODING, schemaId: 0, metadata: new Map() });
      this.#channels.set(topic, { id, sequence: 0 });
    }
  }

  async #end(): Promise<void> {
    if (this.#failure === null) await this.#writer.end();
    await this.#file.close();
  }

  #recordDrive(drive: DriveIo): DriveIo {
    return {
      update: () => {
        if (this.#estimate !== null) this.#note('estimate', { ...this.#estimate() });
        return this.#note('drive', drive.update());
      },
      setWheelSpeeds: (leftRadPerSec, rightRadPerSec) => {
        this.#note('command', { leftRadPerSec, rightRadPerSec });
        drive.setWheelSpeeds(leftRadPerSec, rightRadPerSec);
      },
      stop: () => {
        this.#note('command', { stop: true });
        drive.stop();
      },
    };
  }

  #recordLidar(lidar: LidarIo): LidarIo {
    let last = '';
    return {
      update: () => {
        const inputs = lidar.update();
        const key = `${inputs.connected} ${inputs.scan?.sequence ?? ''}`;
        if (key === last) return inputs;
        last = key;
        const { rangesM, ...scan } = inputs.scan ?? { rangesM: null };
        const bulk = rangesM === null ? NO_BULK : rangesToBytes(rangesM);
        this.#write('lidar', { connected: inputs.connected, scan: rangesM === null ? null : scan }, bulk);
        return inputs;
      },
    };
  }

  #recordSonar(sonar: RangeIo): RangeIo {
    return {
      aim: (bearingRad) => sonar.aim(bearingRad),
      update: () => {
        const inputs = sonar.update();
        const { rangeM, ...rest } = inputs;
        this.#write('range', rest, rangesToBytes(Float32Array.of(rangeM)));
        // The recorded rover and its replay see the same number.
        return { ...inputs, rangeM: Math.fround(rangeM) };
      },
    };
  }

  #recordCamera(camera: CameraIo): CameraIo {
    let last = '';
    return {
      intrinsics: camera.intrinsics,
      mount: camera.mount,
      update: () => {
        const inputs = camera.update();
        const key = `${inputs.connected} ${inputs.frame?.sequence ?? ''}`;
        if (key === last) return inputs;
        last = key;
        const { data, ...frame } = inputs.frame ?? { data: null };
        if (data !== null && this.#queuedBytes > QUEUE_MAX_BYTES) this.#leftOut += 1;
        else this.#write('camera', { connected: inputs.connected, frame: data === null ? null : frame }, data ?? NO_BULK);
        return inputs;
      },
    };
  }

  #note<T extends object>(topic: RecordTopic, value: T): T {
    this.#write(topic, value as Readonly<Record<string, unknown>>, NO_BULK);
    return value;
  }

  /** Recording never disturbs the rover: a full card ends it, and `state` says so. */
  #write(topic: RecordTopic, value: Readonly<Record<string, unknown>>, bulk: Uint8Array): void {
    const channel = this.#channels.get(topic);
    if (this.#closed || this.#failure !== null || channel === undefined) return;
    const atSec = this.#clock.nowSec();
    const data = encodeRecord({ atSec, value, bulk });
    const logTime = BigInt(Math.round(atSec * 1e9));
    const { id: channelId } = channel;
    const sequence = (channel.sequence += 1);
    this.#queuedBytes += data.length;
    this.#queue = this.#queue
      .then(() =>
        this.#failure === null ? this.#writer.addMessage({ channelId, sequence, logTime, publishTime: logTime, data }) : undefined,
      )
      .catch((error: unknown) => void (this.#failure ??= error instanceof Error ? error : new Error(String(error))))
      .finally(() => (this.#queuedBytes -= data.length));
  }
}

function cameraOf({ intrinsics, mount }: CameraIo): RecordingHead['camera'] {
  return { intrinsics: { ...intrinsics }, mount: { ...mount } };
}
