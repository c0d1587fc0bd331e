// Rovers and hosts that break the rules of incremental offloading: coded answers, and everyone else is served on.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { networkBlobs } from '../../robot/offload/incremental/plan-upload.ts';
import { SharedNetwork } from '../../robot/offload/incremental/shared-network.ts';
import {
  decodeHostFrame,
  decodeRoverFrame,
  encodeFrame,
  type HostFrame,
  type OpenFrame,
  type RoverFrame,
} from '../../shared/incremental/frames.ts';
import { sha256 } from '../../shared/incremental/skeleton.ts';
import type { NetworkChain } from '../../shared/onnx/chain.ts';
import type { Listener } from '../../shared/ports/data-plane.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import {
  clock,
  incrementalSite,
  largestDifference,
  networkChain,
  openOrt,
  plane,
  planOf,
  query,
  type IncrementalSite,
} from '../support/incremental-site.ts';
import { pyramid } from '../support/onnx-graphs.ts';

let chain: NetworkChain;
let site: IncrementalSite;

beforeAll(async () => {
  chain = await networkChain(pyramid());
});
beforeEach(async () => {
  site = await incrementalSite();
});
afterEach(() => site.close());

/** Sends frames as they are; resolves with what the host said until it closed the connection. */
async function say(frames: readonly (RoverFrame | Uint8Array)[]): Promise<HostFrame[]> {
  const transport = await plane.connect(site.address);
  const heard: HostFrame[] = [];
  const closed = new Promise<void>((resolve) => (transport.onClose = () => resolve()));
  transport.onFrame = (bytes) => heard.push(decodeHostFrame(bytes));
  for (const frame of frames) transport.send(frame instanceof Uint8Array ? [frame] : encodeFrame(frame));
  await closed;
  return heard;
}

const upload = () => networkBlobs(chain, 4);
const everything = () => [planOf([...chain.segments.keys()])];
const open = (over: Partial<OpenFrame> = {}): OpenFrame => ({ ...upload().open, ...over });
const skeletonChunk = (): RoverFrame => ({ kind: 'chunk', blob: 0, offset: 0, bytes: upload().contents[0]!.subarray(0, 100) });

/** The skeleton alone, as a graph of its own making. */
const graph = (bytes: Uint8Array): RoverFrame[] => [
  open({ blobs: [{ name: '', bytes: bytes.byteLength, digest: sha256(bytes) }] }),
  { kind: 'chunk', blob: 0, offset: 0, bytes },
];

async function expectCutOff(frames: readonly (RoverFrame | Uint8Array)[], code: string): Promise<void> {
  expect((await say(frames)).at(-1)).toMatchObject({ kind: 'failed', id: null, code });
}

describe('a rover', () => {
  it.each([
    ['junk', Uint8Array.of(1, 2, 3), 'OUT_WIRE_MALFORMED'],
    ['nothing at all', new Uint8Array(), 'OUT_WIRE_MALFORMED'],
    ['a host’s frame', Buffer.concat(encodeFrame({ kind: 'ready', plan: 0 })), 'OUT_WIRE_MALFORMED'],
  ])('that sends %s is cut off', async (_, frame, code) => {
    await expectCutOff([frame], code);
  });

  it('that sends weights before it says what they are is cut off', async () => {
    await expectCutOff([skeletonChunk()], 'OUT_WIRE_MALFORMED');
  });

  it('that opens twice is cut off', async () => {
    await expectCutOff([open(), open()], 'OUT_WIRE_MALFORMED');
  });

  it('that announces more than a model may have is cut off before anything is allocated', async () => {
    const blobs = open().blobs.map((blob) => ({ ...blob, bytes: 2 ** 32 - 1 }));
    await expectCutOff([open({ blobs })], 'OUT_MODEL_TRANSFER');
  });

  it('that sends a piece out of place, or past the end, is cut off', async () => {
    const chunk = skeletonChunk() as Extract<RoverFrame, { kind: 'chunk' }>;
    await expectCutOff([open(), { ...chunk, offset: 50 }], 'OUT_MODEL_TRANSFER');
    await expectCutOff([open(), { ...chunk, blob: 999 }], 'OUT_MODEL_TRANSFER');
    await expectCutOff([open(), chunk, { ...chunk, offset: 100, bytes: new Uint8Array(1_000_000) }], 'OUT_MODEL_TRANSFER');
    await expectCutOff([open(), chunk, { ...chunk, blob: 1 }], 'OUT_MODEL_TRANSFER');
  });

  it('whose weights do not have their digest is cut off, and nothing is kept of them', async () => {
    const bytes = new Uint8Array(upload().contents[0]!);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    await expectCutOff([open(), { kind: 'chunk', blob: 0, offset: 0, bytes }], 'OUT_MODEL_TRANSFER');
    expect(site.store.bytes).toBe(0);
  });

  it('whose graph is broken, or not the one it describes, gets the reader’s code', async () => {
    await expectCutOff(graph(new TextEncoder().encode('no graph')), 'OUT_MODEL_ONNX');
    const { contents } = upload();
    const whole: RoverFrame = { kind: 'chunk', blob: 0, offset: 0, bytes: contents[0]! };
    await expectCutOff([open({ cuts: [1_000_000] }), whole], 'OUT_MODEL_TENSOR');
    await expectCutOff([open({ specs: [] }), whole], 'OUT_MODEL_TRANSFER');
    const blobs = open().blobs.map((blob, index) => (index === 1 ? { ...blob, bytes: blob.bytes + 4 } : blob));
    await expectCutOff([open({ blobs }), whole], 'OUT_MODEL_TRANSFER');
  });

  it('that plans with layers that there are not, or weights that it never announced, is cut off', async () => {
    const { contents } = upload();
    const whole: RoverFrame = { kind: 'chunk', blob: 0, offset: 0, bytes: contents[0]! };
    await expectCutOff([open(), whole, { kind: 'plan', plan: 0, ranges: [[0, 1000]] }], 'OUT_MODEL_TENSOR');
    await expectCutOff([...graph(contents[0]!), { kind: 'plan', plan: 0, ranges: [[0, 3]] }], 'OUT_MODEL_TRANSFER');
  });

  it('that asks before anything is ready, with wrong tensors, or too much at once, gets the code for that query', async () => {
    const transport = await plane.connect(site.address);
    const heard: HostFrame[] = [];
    let until: { readonly count: number; readonly resolve: () => void } | null = null;
    transport.onFrame = (bytes) => {
      const frame = decodeHostFrame(bytes);
      if (frame.kind === 'failed' || frame.kind === 'result') heard.push(frame);
      if (heard.length === until?.count) until.resolve();
    };
    const { contents } = upload();
    const range = [0, 1] as const;
    transport.send(encodeFrame(open()));
    transport.send(encodeFrame({ kind: 'chunk', blob: 0, offset: 0, bytes: contents[0]! }));
    for (let id = 0; id < 20; id += 1) transport.send(encodeFrame({ kind: 'query', id, range, tensors: new Map() }));
    await new Promise<void>((resolve) => (until = { count: 20, resolve }));
    const codes = new Set(heard.map((frame) => (frame.kind === 'failed' ? frame.code : 'answered')));
    expect([...codes].every((code) => ['OUT_MODEL_TRANSFER', 'OUT_ELASTIC_OVERLOADED'].includes(code))).toBe(true);
    transport.close();
  });

  it('does not disturb the others', async () => {
    let promoted: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (promoted = resolve));
    const network = new SharedNetwork({
      chain,
      clock,
      open: openOrt,
      onEvent: (event) => event.kind === 'plan' && promoted(),
    });
    await network.start();
    network.attach(await plane.connect(site.address), everything);
    for (let index = 0; index < 5; index += 1) await say([Uint8Array.of(index)]);
    await ready;
    expect((await network.infer(query(chain, 1))).plan).toBe(0);
    expect(site.errors).toHaveLength(5);
    await network.close();
  });
});

describe('a host', () => {
  let listener: Listener;
  afterEach(() => listener.close());

  /** A host that answers each frame of a rover with whatever `answer` makes of its kind. */
  async function against(answer: (transport: Transport, kind: number, bytes: Uint8Array) => void): Promise<Error> {
    listener = await plane.listen('hostile', (transport) => {
      transport.onFrame = (bytes) => answer(transport, bytes[0] ?? 0, bytes);
    });
    const session = await openOrt(pyramid());
    let failure: Error | null = null;
    let heard: () => void = () => undefined;
    const lost = new Promise<void>((resolve) => (heard = resolve));
    let promoted: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (promoted = resolve));
    const network = new SharedNetwork({
      chain,
      clock,
      open: openOrt,
      onEvent: (event) => {
        if (event.kind === 'plan') promoted();
        if (event.kind !== 'lost') return;
        failure = event.error;
        heard();
      },
    });
    await network.start();
    network.attach(await plane.connect(listener.address), everything);
    await Promise.race([lost, ready]);
    const inputs = query(chain, 3);
    const { outputs } = await network.infer(inputs);
    expect(largestDifference(await session.run(inputs), outputs)).toBeLessThanOrEqual(1e-4);
    await lost;
    await network.close();
    return failure!;
  }

  const send = (transport: Transport, frame: HostFrame): void => void transport.send(encodeFrame(frame));

  it.each<[string, (transport: Transport) => void, string]>([
    ['sends junk', (transport) => transport.send([Uint8Array.of(7)]), 'OUT_WIRE_MALFORMED'],
    ['confirms what was never sent', (transport) => send(transport, { kind: 'ack', blob: 3, bytes: 9 }), 'OUT_MODEL_TRANSFER'],
    ['has plans of its own', (transport) => send(transport, { kind: 'ready', plan: 77 }), 'OUT_MODEL_TRANSFER'],
    ['gives up', (transport) => send(transport, { kind: 'failed', id: null, code: 'OUT_EDGE_QUOTA', message: 'no' }), 'OUT_EDGE_QUOTA'],
    [
      'invents a code',
      (transport) => send(transport, { kind: 'failed', id: null, code: '__proto__', message: 'no' }),
      'OUT_ELASTIC_REMOTE',
    ],
    ['hangs up', (transport) => transport.close(), 'OUT_ELASTIC_LOST'],
  ])('that %s leaves the rover its own answers', async (_, misbehave, code) => {
    expect(await against((transport, kind) => kind === 0x01 && misbehave(transport))).toMatchObject({ code });
  });

  it.each<[string, HostFrame]>([
    ['no tensor', { kind: 'result', id: 0, computeMs: 1, tensors: new Map() }],
    ['an error', { kind: 'failed', id: 0, code: 'OUT_INTERNAL', message: 'broken' }],
  ])('that answers a query with %s is left; the rover answers by itself', async (_, answer) => {
    const error = await against((transport, kind, bytes) => {
      if (kind === 0x01) send(transport, { kind: 'have', blobs: [] });
      if (kind === 0x02) {
        const chunk = decodeRoverFrame(bytes);
        if (chunk.kind === 'chunk') send(transport, { kind: 'ack', blob: chunk.blob, bytes: chunk.offset + chunk.bytes.byteLength });
      }
      if (kind === 0x03) send(transport, { kind: 'ready', plan: 0 });
      if (kind === 0x04) send(transport, answer);
    });
    expect(['OUT_MODEL_TENSOR', 'OUT_INTERNAL']).toContain((error as { code?: string }).code);
  });
});
