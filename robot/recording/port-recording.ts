// Reads a recording of a rover's ports, also one that a crash cut off.
import { readFile } from 'node:fs/promises';
import { McapStreamReader } from '@mcap/core';
import { OutriderError } from '../../shared/errors.ts';
import {
  decodeRecord,
  MESSAGE_ENCODING,
  type PortRecord,
  RECORDING_METADATA,
  type RecordingHead,
  recordingHeadSchema,
  RECORD_TOPICS,
  type RecordTopic,
} from './port-record.ts';

export interface PortRecording {
  readonly head: RecordingHead;
  /** In the order in which they were written. */
  readonly records: readonly PortRecord[];
  /** Whether the file ends as it should; false: its end is missing, and the records before are here. */
  readonly complete: boolean;
}

/** Throws OUT_CONFIG_UNREADABLE without the file, OUT_RECORDING_INVALID when it holds something else. */
export async function readPortRecording(path: string): Promise<PortRecording> {
  let bytes;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new OutriderError('OUT_CONFIG_UNREADABLE', `${path}: ${(cause as Error).message}`, { cause });
  }
  const reader = new McapStreamReader();
  const topics = new Map<number, RecordTopic>();
  const records: PortRecord[] = [];
  let head: RecordingHead | null = null;
  try {
    reader.append(bytes);
    for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
      if (record.type === 'Metadata' && record.name === RECORDING_METADATA) head = parseHead(record.metadata.get('head') ?? '');
      else if (record.type === 'Channel' && record.messageEncoding === MESSAGE_ENCODING && isTopic(record.topic))
        topics.set(record.id, record.topic);
      else if (record.type === 'Message') {
        const topic = topics.get(record.channelId);
        if (topic !== undefined) records.push(decodeRecord(topic, record.data));
      }
    }
  } catch (cause) {
    throw new OutriderError('OUT_RECORDING_INVALID', `${path}: ${(cause as Error).message}`, { cause });
  }
  if (head === null || !records.some(({ topic }) => topic === 'drive')) {
    throw new OutriderError('OUT_RECORDING_INVALID', `${path}: there is ${head === null ? 'no rover' : 'no reading of the drive'} in it`);
  }
  return { head, records, complete: reader.done() };
}

const isTopic = (topic: string): topic is RecordTopic => (RECORD_TOPICS as readonly string[]).includes(topic);

function parseHead(text: string): RecordingHead {
  const { data, error } = recordingHeadSchema.safeParse(JSON.parse(text));
  if (data === undefined)
    throw new Error(`its head is not one: ${error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`);
  return data;
}
