// mission.mcap: everything that the mission said over the bus, as JSON channels with their schemas, plus Foxglove's own
// schemas for map, hazards and rovers, so that the file opens in Foxglove without a plug-in.
import { open, type FileHandle } from 'node:fs/promises';
import { McapWriter } from '@mcap/core';
import { z } from 'zod';
import type { Clock } from '../shared/ports/clock.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import { mapMetadata, mapObject, mapTile } from '../shared/protocol/map-view.ts';
import { filterOf, type MessageDefinition } from '../shared/protocol/message.ts';
import { missionEvent, missionStatus } from '../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState } from '../shared/protocol/rover.ts';
import { FileWritable } from '../shared/recording/file-writable.ts';
import type { MapObject } from '../shared/protocol/map-view.ts';
import type { RoverState } from '../shared/protocol/rover.ts';
import { isOutriderError } from '../shared/errors.ts';
import { decodeMessage } from '../shared/protocol/message.ts';
import { poseInFrame, poseInFrameSchema, sceneUpdate, sceneUpdateSchema } from './foxglove-schemas.ts';

const RECORDED: readonly MessageDefinition<unknown>[] = [
  missionStatus,
  missionEvent,
  mapMetadata,
  mapTile,
  mapObject,
  roverPresence,
  roverGoal,
  roverState,
] as readonly MessageDefinition<unknown>[];

/** Records one mission. Messages that arrive after `close` are ignored. */
export class MissionRecording {
  readonly #file: FileHandle;
  readonly #writer: McapWriter;
  readonly #clock: Clock;
  readonly #channels = new Map<string, number>();
  readonly #sequence = new Map<number, number>();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(file: FileHandle, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#writer = new McapWriter({ writable: new FileWritable(file) });
  }

  /** Opens `path` and begins to record. */
  static async start(
    path: string,
    bus: Pick<MessageBus, 'subscribe'>,
    clock: Clock,
    places: { readonly site: string; readonly mission: string },
  ): Promise<MissionRecording> {
    const recording = new MissionRecording(await clock.hold(open(path, 'w')), clock);
    await clock.hold(recording.#writer.start({ profile: '', library: 'outrider' }));
    for (const definition of RECORDED) {
      await bus.subscribe(filterOf(definition, places), ({ topic, payload }) => {
        if (payload.byteLength > 0) recording.#record(definition, topic, payload.slice());
      });
    }
    return recording;
  }

  /** Writes what is queued, the summary, and closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue;
    await this.#writer.end();
    await this.#file.close();
  }

  #record(definition: MessageDefinition<unknown>, topic: string, payload: Uint8Array): void {
    if (this.#closed) return;
    let value: unknown;
    try {
      value = decodeMessage(definition, payload);
    } catch (error) {
      if (isOutriderError(error)) return;
      throw error;
    }
    const logTime = BigInt(Math.round(this.#clock.nowSec() * 1e9));
    this.#queue = this.#queue.then(async () => {
      await this.#write(
        topic,
        definition.name,
        () => z.toJSONSchema(definition.schema, { unrepresentable: 'any', io: 'input' }),
        value,
        logTime,
      );
      if (definition.name === roverState.name) {
        const state = value as RoverState;
        await this.#write(
          `foxglove/${state.rover}/pose`,
          'foxglove.PoseInFrame',
          () => poseInFrameSchema,
          poseInFrame(state.pose, state.stampSec),
          logTime,
        );
      } else if (definition.name === mapObject.name) {
        await this.#write('foxglove/objects', 'foxglove.SceneUpdate', () => sceneUpdateSchema, sceneUpdate(value as MapObject), logTime);
      }
    });
  }

  async #write(topic: string, schemaName: string, schema: () => unknown, value: unknown, logTime: bigint): Promise<void> {
    let channelId = this.#channels.get(topic);
    if (channelId === undefined) {
      const schemaId = await this.#writer.registerSchema({ name: schemaName, encoding: 'jsonschema', data: encode(schema()) });
      channelId = await this.#writer.registerChannel({ topic, messageEncoding: 'json', schemaId, metadata: new Map() });
      this.#channels.set(topic, channelId);
    }
    const sequence = (this.#sequence.get(channelId) ?? 0) + 1;
    this.#sequence.set(channelId, sequence);
    await this.#writer.addMessage({ channelId, sequence, logTime, publishTime: logTime, data: encode(value) });
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
