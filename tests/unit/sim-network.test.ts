import { describe, expect, it } from 'vitest';
import type { Transport } from '../../shared/ports/transport.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { InProcessDataPlane } from '../../sim/network/in-process-data-plane.ts';
import { LINKS } from '../../sim/network/link-model.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { matchesFilter } from '../../sim/network/topic-filter.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

function setUp() {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, new SeededRandom(1));
  network.setLink('rover', LINKS.lan);
  return { clock, network, broker: new InProcessBroker(network, { node: 'edge' }), plane: new InProcessDataPlane(network) };
}

describe('topic filters', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['+/b', 'a/b', true],
    ['a/b/c', 'a/b', false],
    ['a', 'a/b', false],
  ])('%s matches %s: %s', (filter, topic, expected) => {
    expect(matchesFilter(filter.split('/'), topic.split('/'))).toBe(expected);
  });
});

describe('in-process bus', () => {
  it('delivers in order after a latency, and retained messages to late subscribers', async () => {
    const { clock, broker } = setUp();
    const rover = broker.connect('rover', { node: 'rover' });
    const edge = broker.connect('edge-manager', { node: 'edge' });
    const seen: string[] = [];
    await clock.runUntilSettled(
      edge.subscribe('site/+/state', ({ topic, payload, retained }) => void seen.push(`${topic} ${text(payload)} ${retained}`)),
    );
    const before = clock.nowSec();
    await clock.runUntilSettled(
      Promise.all([
        rover.publish('site/1/state', 'a', { qos: 1, retain: true }),
        rover.publish('site/1/state', 'b', { qos: 1, retain: true }),
        rover.publish('site/2/other', 'c'),
      ]),
    );
    expect(clock.nowSec()).toBeGreaterThan(before + LINKS.lan.latencySec);
    await clock.run({ untilSec: before + 1 });
    expect(seen).toEqual(['site/1/state a false', 'site/1/state b false']);
    const late: string[] = [];
    await clock.runUntilSettled(rover.subscribe('site/#', ({ payload, retained }) => void late.push(`${text(payload)} ${retained}`)));
    await clock.run({ untilSec: before + 2 });
    expect(late).toEqual(['b true']);
  });

  it('an empty retained message clears the topic', async () => {
    const { clock, broker } = setUp();
    const bus = broker.connect('a');
    await clock.runUntilSettled(bus.publish('t', 'x', { retain: true, qos: 1 }));
    await clock.runUntilSettled(bus.publish('t', '', { retain: true, qos: 1 }));
    const seen: string[] = [];
    await clock.runUntilSettled(bus.subscribe('t', ({ payload }) => void seen.push(text(payload))));
    await clock.run({ untilSec: clock.nowSec() + 1 });
    expect(seen).toEqual([]);
  });

  it('keeps QoS 1 through an outage, drops QoS 0, sends the will, and subscribes again', async () => {
    const { clock, network, broker } = setUp();
    const rover = broker.connect('rover', {
      node: 'rover',
      will: { topic: 'presence/rover', payload: new TextEncoder().encode('lost'), retain: true },
    });
    const edge = broker.connect('manager', { node: 'edge' });
    const seen: string[] = [];
    const heard: string[] = [];
    const changes: boolean[] = [];
    rover.onConnectionChange((connected) => changes.push(connected));
    await clock.runUntilSettled(edge.subscribe('#', ({ payload }) => void seen.push(text(payload))));
    await clock.runUntilSettled(rover.subscribe('command', ({ payload }) => void heard.push(text(payload))));
    network.setOnline('rover', false);
    const kept = rover.publish('t', 'kept', { qos: 1 });
    await clock.run({ untilSec: 5 });
    expect(rover.connected).toBe(false);
    expect(seen).toEqual(['lost']);
    await rover.publish('t', 'dropped');
    await clock.runUntilSettled(edge.publish('command', 'while away', { qos: 1, retain: true }));
    network.setOnline('rover', true);
    await clock.runUntilSettled(kept);
    await clock.run({ untilSec: 12 });
    expect(seen).toEqual(['lost', 'while away', 'kept']);
    expect(heard).toEqual(['while away']);
    expect(changes).toEqual([false, true]);
  });

  it('a clean close sends no will; a crash sends it', async () => {
    const { clock, network, broker } = setUp();
    const seen: string[] = [];
    const watch = broker.connect('watch');
    await clock.runUntilSettled(watch.subscribe('will/+', ({ topic }) => void seen.push(topic)));
    const will = (id: string) => ({ topic: `will/${id}`, payload: new Uint8Array([1]), retain: false });
    const clean = broker.connect('clean', { node: 'n1', will: will('clean') });
    broker.connect('crashed', { node: 'n2', will: will('crashed') });
    await clock.runUntilSettled(clean.close());
    network.crash('n2');
    await clock.run({ untilSec: clock.nowSec() + 5 });
    expect(seen).toEqual(['will/crashed']);
  });

  it('clients come back after the broker was away, and retained messages survive', async () => {
    const { clock, broker } = setUp();
    const a = broker.connect('a', { node: 'rover' });
    await clock.runUntilSettled(a.publish('map/tile', 'v1', { qos: 1, retain: true }));
    broker.stop();
    expect(a.connected).toBe(false);
    const waiting = a.publish('map/tile', 'v2', { qos: 1, retain: true });
    await clock.run({ untilSec: 10 });
    broker.start();
    await clock.runUntilSettled(waiting);
    const seen: string[] = [];
    await clock.runUntilSettled(a.subscribe('map/#', ({ payload }) => void seen.push(text(payload))));
    await clock.run({ untilSec: clock.nowSec() + 1 });
    expect(seen).toEqual(['v2']);
  });

  it('a tap hears what the broker takes and has, in the same instant, and costs the network nothing', async () => {
    const { clock, network, broker } = setUp();
    const rover = broker.connect('rover', { node: 'rover' });
    await clock.runUntilSettled(rover.publish('site/1/state', 'old', { qos: 1, retain: true }));
    const [events, bytes] = [clock.events, network.bytes];
    const seen: string[] = [];
    const end = await broker.tap().subscribe('site/+/state', ({ payload, retained }) => void seen.push(`${text(payload)} ${retained}`));
    expect(seen).toEqual(['old true']);
    expect([clock.events, network.bytes]).toEqual([events, bytes]);
    const published = rover.publish('site/1/state', 'new', { qos: 1 });
    expect(seen).toEqual(['old true']);
    await clock.runUntilSettled(published);
    expect(seen).toEqual(['old true', 'new false']);
    await end();
    await clock.runUntilSettled(rover.publish('site/1/state', 'later', { qos: 1 }));
    expect(seen).toHaveLength(2);
  });

  it('a handler that throws disturbs nobody else', async () => {
    const clock = new VirtualClock();
    const errors: string[] = [];
    const broker = new InProcessBroker(new SimulatedNetwork(clock, new SeededRandom(1)), {
      onHandlerError: (error) => errors.push(String(error)),
    });
    const a = broker.connect('a');
    const seen: string[] = [];
    await clock.runUntilSettled(
      a.subscribe('t', () => {
        throw new Error('bad handler');
      }),
    );
    await clock.runUntilSettled(a.subscribe('t', ({ payload }) => void seen.push(text(payload))));
    await clock.runUntilSettled(a.publish('t', 'x', { qos: 1 }));
    await clock.run({ untilSec: 1 });
    expect(seen).toEqual(['x']);
    expect(errors).toEqual(['Error: bad handler']);
  });
});

describe('in-process data plane', () => {
  async function connect(setup: ReturnType<typeof setUp>) {
    const { clock, plane } = setup;
    let far: Transport | null = null;
    const listener = await plane.at('edge').listen('host', (transport) => (far = transport));
    const near = await clock.runUntilSettled(plane.at('rover').connect(listener.address));
    return { near, far: far as unknown as Transport, listener };
  }

  it('carries frames whole and in order, and takes the time that their size needs', async () => {
    const setup = setUp();
    const { clock } = setup;
    const { near, far } = await connect(setup);
    const sizes: number[] = [];
    const times: number[] = [];
    far.onFrame = (frame) => {
      sizes.push(frame.byteLength);
      times.push(clock.nowSec());
    };
    const start = clock.nowSec();
    near.send([new Uint8Array(3), new Uint8Array(4)]);
    near.send([new Uint8Array(1_000_000)]);
    near.send([new Uint8Array(1)]);
    await clock.run({ untilSec: start + 5 });
    expect(sizes).toEqual([7, 1_000_000, 1]);
    expect((times[1] as number) - start).toBeGreaterThan(1_000_000 / LINKS.lan.bytesPerSec);
    expect((times[1] as number) - start).toBeLessThan(1_000_000 / LINKS.lan.bytesPerSec + 1.5);
    expect(times[2]).toBeGreaterThanOrEqual(times[1] as number);
  });

  it('says when the buffer is full and when it has drained', async () => {
    const setup = setUp();
    const { near, far } = await connect(setup);
    far.onFrame = () => undefined;
    let drained = 0;
    near.onDrain = () => (drained += 1);
    expect(near.send([new Uint8Array(100_000)])).toBe(true);
    expect(near.send([new Uint8Array(2_000_000)])).toBe(false);
    await setup.clock.run({ untilSec: 5 });
    expect(drained).toBe(1);
    expect(near.send([new Uint8Array(10)])).toBe(true);
  });

  it('delivers what was sent before a clean close, then tells the peer', async () => {
    const setup = setUp();
    const { near, far } = await connect(setup);
    const seen: string[] = [];
    far.onFrame = (frame) => void seen.push(`frame ${frame.byteLength}`);
    far.onClose = (error) => void seen.push(`closed ${error === null ? 'cleanly' : error.message}`);
    near.send([new Uint8Array(50_000)]);
    near.close();
    await setup.clock.run({ untilSec: 5 });
    expect(seen).toEqual(['frame 50000', 'closed cleanly']);
  });

  it('goes on after a short outage and breaks after a long one', async () => {
    const setup = setUp();
    const { clock, network } = setup;
    const { near, far } = await connect(setup);
    const got: number[] = [];
    const closes: (string | null)[] = [];
    far.onFrame = (frame) => void got.push(frame[0] as number);
    near.onClose = (error) => void closes.push(error?.message ?? null);
    network.setOnline('rover', false);
    near.send([new Uint8Array([1])]);
    await clock.run({ untilSec: 2 });
    expect(got).toEqual([]);
    network.setOnline('rover', true);
    await clock.run({ untilSec: 3 });
    expect(got).toEqual([1]);
    network.setOnline('rover', false);
    await clock.run({ untilSec: 10 });
    expect(closes).toHaveLength(1);
    expect(closes[0]).toMatch(/no answer for/);
  });

  it('learns after an outage that the peer has closed meanwhile', async () => {
    const setup = setUp();
    const { clock, network } = setup;
    const { near, far } = await connect(setup);
    const closes: (string | null)[] = [];
    far.onClose = (error) => void closes.push(error?.message ?? null);
    network.setOnline('rover', false);
    near.close();
    await clock.run({ untilSec: 2 });
    expect(closes).toEqual([]);
    network.setOnline('rover', true);
    await clock.run({ untilSec: 3 });
    expect(closes).toHaveLength(1);
  });

  it('breaks when the peer crashes, and refuses connections to nobody', async () => {
    const setup = setUp();
    const { clock, network, plane } = setup;
    const { near, listener } = await connect(setup);
    const closes: (string | null)[] = [];
    near.onClose = (error) => void closes.push(error?.message ?? null);
    network.crash('edge');
    await clock.run({ untilSec: 2 });
    expect(closes[0]).toMatch(/gone/);
    const attempt = plane.at('rover').connect(listener.address);
    attempt.catch(() => undefined);
    await expect(clock.runUntilSettled(attempt)).rejects.toMatchObject({ code: 'OUT_TRANSPORT_UNREACHABLE' });
    const nobody = plane.at('rover').connect('in-process://elsewhere/x/9');
    nobody.catch(() => undefined);
    await expect(clock.runUntilSettled(nobody)).rejects.toMatchObject({ code: 'OUT_TRANSPORT_UNREACHABLE' });
  });
});
