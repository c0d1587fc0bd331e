// The frames of a reliable channel (docs/wire.md). Both ends check everything that they read; payloads are views, never copies.
import { OutriderError } from '../errors.ts';
import { MAX_FRAME_BYTES, MAX_HELD_STATES, MAX_ID_BYTES, MAX_NUMBER, MAX_TOKEN_BYTES } from './limits.ts';
import type { StateForm } from './state-form.ts';
import { WireReader, WireWriter } from './wire-cursor.ts';

export const WIRE_VERSION = 1;

/** First byte of each frame. Below 0x40: fixed end to shell; 0x40 to 0x7f: shell to fixed end; above: either way. */
export const FRAME = {
  hello: 0x01,
  request: 0x02,
  ack: 0x03,
  cancel: 0x04,
  freeze: 0x05,
  resume: 0x06,
  activate: 0x07,
  checkpointWanted: 0x08,
  ping: 0x09,
  bye: 0x0a,
  welcome: 0x41,
  result: 0x42,
  failure: 0x43,
  durable: 0x44,
  frozen: 0x45,
  activated: 0x46,
  checkpoint: 0x47,
  pong: 0x48,
  refused: 0x49,
  stateBegin: 0x81,
  stateChunk: 0x82,
  stateEnd: 0x83,
  stateHeld: 0x84,
} as const;

export type ShellPhase = 'embryo' | 'running' | 'frozen';
const PHASES: readonly ShellPhase[] = ['embryo', 'running', 'frozen'];
const FORMS: readonly StateForm[] = ['none', 'snapshot', 'image'];

/** The fixed end introduces itself. */
export interface Hello {
  readonly channelId: string;
  readonly token: string;
  readonly module: string;
  /** Of the manifest's functions and state: both ends must speak the same interface. */
  readonly interfaceId: string;
  /** Highest epoch that this fixed end has seen of the instance; a shell of a lower one is fenced. */
  readonly epoch: number;
  /** All results up to this number have arrived. */
  readonly ack: number;
  /** This fixed end brings the state of an embryo. */
  readonly provision: boolean;
  /** States that it holds as bases of deltas. */
  readonly held: readonly string[];
}

export interface Welcome {
  readonly instanceId: string;
  readonly epoch: number;
  readonly phase: ShellPhase;
  /** Last number of this channel that took effect, and the last that is durable (shared modules). */
  readonly processed: number;
  readonly durable: number;
  readonly held: readonly string[];
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new WireWriter(256)
    .u8(FRAME.hello)
    .u8(WIRE_VERSION)
    .u8(hello.provision ? 1 : 0)
    .u32(hello.epoch)
    .u48(hello.ack);
  writer.text(hello.channelId).text(hello.token).text(hello.module).text(hello.interfaceId);
  return writeHeld(writer, hello.held).done();
}

export function decodeHello(frame: Uint8Array): Hello {
  const reader = new WireReader(frame);
  if (reader.u8() !== FRAME.hello) throw new OutriderError('OUT_WIRE_MALFORMED', 'the first frame is not HELLO');
  const version = reader.u8();
  if (version !== WIRE_VERSION) {
    throw new OutriderError('OUT_WIRE_MALFORMED', `wire version ${version} arrived, this end speaks ${WIRE_VERSION}`);
  }
  const provision = (reader.u8() & 1) === 1;
  const epoch = reader.u32();
  const ack = reader.u48();
  const channelId = reader.text(MAX_ID_BYTES, 'channel id');
  const token = reader.text(MAX_TOKEN_BYTES, 'token');
  const module = reader.text(MAX_ID_BYTES, 'module name');
  const interfaceId = reader.text(MAX_ID_BYTES, 'interface id');
  const held = readHeld(reader);
  reader.end();
  return { channelId, token, module, interfaceId, epoch, ack, provision, held };
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const writer = new WireWriter(256).u8(FRAME.welcome).u8(PHASES.indexOf(welcome.phase)).u32(welcome.epoch);
  writer.u48(welcome.processed).u48(welcome.durable).text(welcome.instanceId);
  return writeHeld(writer, welcome.held).done();
}

export function decodeWelcome(reader: WireReader): Welcome {
  const phase = PHASES[reader.u8()];
  if (phase === undefined) throw new OutriderError('OUT_WIRE_MALFORMED', 'WELCOME with an unknown phase');
  const epoch = reader.u32();
  const processed = reader.u48();
  const durable = reader.u48();
  const instanceId = reader.text(MAX_ID_BYTES, 'instance id');
  const held = readHeld(reader);
  reader.end();
  return { instanceId, epoch, phase, processed, durable, held };
}

/** Bytes of a REQUEST before its arguments, and of a RESULT before its value. */
export const REQUEST_HEADER_BYTES = 20;
export const RESULT_HEADER_BYTES = 8;
/** Largest encoding of a call's arguments or of its result [bytes]. */
export const MAX_VALUES_BYTES = MAX_FRAME_BYTES - REQUEST_HEADER_BYTES;

/** REQUEST: kind u8, flags u8 (1: latest), function u16, number u48, results received u48, milliseconds left u32 (0: no deadline), arguments. */
export function encodeRequestHeader(latest: boolean, functionIndex: number, number: number, ack: number, deadlineMs: number): Uint8Array {
  const header = Buffer.allocUnsafe(REQUEST_HEADER_BYTES);
  header[0] = FRAME.request;
  header[1] = latest ? 1 : 0;
  header.writeUInt16LE(functionIndex, 2);
  header.writeUIntLE(number, 4, 6);
  header.writeUIntLE(ack, 10, 6);
  header.writeUInt32LE(deadlineMs, 16);
  return header;
}

export interface RequestFrame {
  readonly latest: boolean;
  readonly functionIndex: number;
  readonly number: number;
  readonly ack: number;
  readonly deadlineMs: number;
  /** A view of the frame. */
  readonly args: Uint8Array;
}

/** Reads the fields after the kind. */
export function decodeRequest(reader: WireReader): RequestFrame {
  const flags = reader.u8();
  const functionIndex = reader.u16();
  const number = reader.u48();
  const ack = reader.u48();
  const deadlineMs = reader.u32();
  if (number === 0 || number > MAX_NUMBER) throw new OutriderError('OUT_WIRE_MALFORMED', `a request is numbered ${number}`);
  return { latest: (flags & 1) === 1, functionIndex, number, ack, deadlineMs, args: reader.rest() };
}

/** RESULT: kind u8, reserved u8, number u48, value. */
export function encodeResultHeader(number: number): Uint8Array {
  const header = Buffer.allocUnsafe(RESULT_HEADER_BYTES);
  header[0] = FRAME.result;
  header[1] = 0;
  header.writeUIntLE(number, 2, 6);
  return header;
}

/** A frame of a kind and one number: ACK, CANCEL, DURABLE. */
export function encodeNumber(kind: number, number: number): Uint8Array {
  return new WireWriter(8).u8(kind).u48(number).done();
}

/** A frame that is its kind alone: FREEZE, RESUME, PING, PONG, BYE, ACTIVATED. */
export function encodeBare(kind: number): Uint8Array {
  return Uint8Array.of(kind);
}

/** FROZEN, CHECKPOINT, ACTIVATE: a state that has been sent (empty: none), and the last number that is in it. */
export function encodeStateMark(kind: number, stateId: string, processed: number): Uint8Array {
  return new WireWriter(64).u8(kind).u48(processed).text(stateId).done();
}

export function decodeStateMark(reader: WireReader): { readonly stateId: string; readonly processed: number } {
  const processed = reader.u48();
  const stateId = reader.text(MAX_ID_BYTES, 'state id');
  reader.end();
  return { stateId, processed };
}

export interface StateBegin {
  readonly stateId: string;
  /** The state that the chunks change; empty: they change zeros. */
  readonly baseId: string;
  readonly form: StateForm;
  readonly totalBytes: number;
}

export function encodeStateBegin(begin: StateBegin): Uint8Array {
  const writer = new WireWriter(128).u8(FRAME.stateBegin).u8(FORMS.indexOf(begin.form)).u48(begin.totalBytes);
  return writer.text(begin.stateId).text(begin.baseId).done();
}

export function decodeStateBegin(reader: WireReader): StateBegin {
  const form = FORMS[reader.u8()];
  if (form === undefined) throw new OutriderError('OUT_WIRE_MALFORMED', 'STATE_BEGIN with an unknown form');
  const totalBytes = reader.u48();
  const stateId = reader.text(MAX_ID_BYTES, 'state id');
  const baseId = reader.text(MAX_ID_BYTES, 'state id');
  reader.end();
  return { stateId, baseId, form, totalBytes };
}

function writeHeld(writer: WireWriter, held: readonly string[]): WireWriter {
  const ids = held.slice(0, MAX_HELD_STATES);
  writer.u8(ids.length);
  for (const id of ids) writer.text(id);
  return writer;
}

function readHeld(reader: WireReader): string[] {
  const count = reader.u8();
  if (count > MAX_HELD_STATES) throw new OutriderError('OUT_WIRE_LIMIT', `${count} held states, at most ${MAX_HELD_STATES} are allowed`);
  return Array.from({ length: count }, () => reader.text(MAX_ID_BYTES, 'state id'));
}
