// What the page knows and how messages change it, without a browser.
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../edge/dashboard/src/link/inbox.ts';
import { chooseMission, wishOf } from '../../edge/dashboard/src/state/choose-mission.ts';
import { createFleetState, shownRovers, type FleetState } from '../../edge/dashboard/src/state/fleet-state.ts';
import { PoseTrack } from '../../edge/dashboard/src/state/pose-track.ts';
import { elapsedSec, reduce, type FleetMessage } from '../../edge/dashboard/src/state/reduce.ts';
import { Store } from '../../edge/dashboard/src/state/store.ts';
import { Trail } from '../../edge/dashboard/src/state/trail.ts';
import { Viewport } from '../../edge/dashboard/src/map/viewport.ts';
import { inflateCells } from '../../edge/dashboard/src/map/inflate.ts';
import { formatCount, formatDuration, formatLatency } from '../../edge/dashboard/src/view/format.ts';
import { sparkline } from '../../edge/dashboard/src/view/sparkline.ts';
import { encodeTileCells } from '../../shared/mapping/tile-codec.ts';
import type { MissionStatus } from '../../shared/protocol/mission.ts';
import { ScriptedFleet } from './dashboard-fleet.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const report = new ScriptedFleet({ speed: 1 }).step(0.2);
const rover = report.rovers[0];
if (rover === undefined) throw new Error('the scripted fleet has no rover');

function statusMessage(site: string, change: Partial<MissionStatus>): FleetMessage {
  return { kind: 'status', site, value: { ...report.status, ...change } };
}

function feed(state: FleetState, ...messages: FleetMessage[]): void {
  for (const [index, message] of messages.entries()) reduce(state, message, 1000 * index);
}

describe('inbox', () => {
  it('reads each message that the dashboard subscribes', () => {
    expect(readMessage('outrider/s/rover/rover-1/state', bytes(rover.state))?.kind).toBe('state');
    expect(readMessage('outrider/s/rover/rover-1/goal', bytes(rover.goal))?.kind).toBe('goal');
    expect(readMessage('outrider/s/mission/sar-1/status', bytes(report.status))).toMatchObject({ kind: 'status', site: 's' });
    expect(readMessage('outrider/s/mission/sar-1/map/metadata', bytes(report.metadata))?.kind).toBe('metadata');
    expect(readMessage('outrider/s/mission/sar-1/map/tile/0_0', bytes(report.tiles[0]))?.kind).toBe('tile');
    expect(readMessage('outrider/s/host/edge-1/status', bytes(report.hosts[0]))?.kind).toBe('host');
  });

  it('drops what does not match its schema, naming topic and path', () => {
    const message = readMessage('outrider/s/rover/rover-1/state', bytes({ ...rover.state, pose: { x: 'far', y: 0, theta: 0 } }));
    expect(message).toMatchObject({ kind: 'dropped', reason: expect.stringContaining('pose.x') });
    expect(readMessage('outrider/s/rover/rover-1/state', new Uint8Array([0xff, 0x00]))).toMatchObject({ kind: 'dropped' });
  });

  it('drops a rover that speaks for another', () => {
    expect(readMessage('outrider/s/rover/rover-2/state', bytes(rover.state))).toMatchObject({ kind: 'dropped' });
  });

  it('ignores foreign topics and deleted retained messages', () => {
    expect(readMessage('elsewhere/x', bytes({}))).toBeNull();
    expect(readMessage('outrider/s/rover/rover-1/state', new Uint8Array())).toBeNull();
  });
});

describe('reduce', () => {
  it('counts drops and says why the last one was dropped', () => {
    const state = createFleetState();
    feed(state, { kind: 'dropped', reason: 'a' }, { kind: 'dropped', reason: 'b' });
    expect(state.connection).toMatchObject({ dropped: 2, lastDropReason: 'b' });
  });

  it('keeps the newer revision of a tile whatever the order', () => {
    const state = createFleetState();
    const tile = { x: 0, y: 0, stampSec: 0, cells: '' };
    feed(state, { kind: 'tile', id: '0_0', value: { ...tile, revision: 5 } }, { kind: 'tile', id: '0_0', value: { ...tile, revision: 4 } });
    expect(state.tiles.get('0_0')?.revision).toBe(5);
  });

  it('takes the tiles of a Map Server that starts over, and keeps the old picture until they come', () => {
    const state = createFleetState();
    const tile = { x: 0, y: 0, stampSec: 0, cells: 'old' };
    feed(
      state,
      { kind: 'metadata', value: { ...report.metadata, revision: 9 } },
      { kind: 'tile', id: '0_0', value: { ...tile, revision: 9 } },
      { kind: 'metadata', value: { ...report.metadata, revision: 0 } },
    );
    expect(state.tiles.get('0_0')?.cells).toBe('old');
    feed(state, { kind: 'tile', id: '0_0', value: { ...tile, cells: 'new', revision: 0 } });
    expect(state.tiles.get('0_0')?.cells).toBe('new');
  });

  it('removes withdrawn objects', () => {
    const state = createFleetState();
    const fleet = new ScriptedFleet({ speed: 1 });
    let object = fleet.step(0.2).objects[0];
    while (object === undefined) object = fleet.step(0.2).objects[0];
    feed(state, { kind: 'object', value: object });
    expect(state.objects.size).toBe(1);
    feed(state, { kind: 'object', value: { ...object, status: 'withdrawn' } });
    expect(state.objects.size).toBe(0);
  });

  it('tells onboard → moving → edge as one move', () => {
    const state = createFleetState();
    for (const placement of ['onboard', 'moving', 'edge-2']) {
      const modules = [{ module: 'object-detection', placement, epoch: 0, calls: 0, latencyMs: null, modelled: false }];
      feed(state, { kind: 'state', value: { ...rover.state, modules } });
    }
    expect(state.rovers.get('rover-1')?.moves.get('object-detection')).toMatchObject({ from: 'onboard', to: 'edge-2' });
  });

  it('says once that the broker is lost and once that it is back', () => {
    const state = createFleetState();
    for (const phase of ['online', 'lost', 'lost', 'connecting', 'online'] as const) feed(state, { kind: 'connection', phase });
    expect(state.log.filter((line) => line.event.text.includes('lost'))).toHaveLength(1);
  });

  it('forgets the trail when a rover starts a new run', () => {
    const state = createFleetState();
    const at = (stampSec: number, x: number): FleetMessage => ({
      kind: 'state',
      value: { ...rover.state, stampSec, pose: { x, y: 0, theta: 0 } },
    });
    feed(state, at(100, 0), at(101, 1), at(102, 2), at(0.5, 0));
    expect(state.rovers.get('rover-1')?.trail.points).toHaveLength(1);
  });

  it('lets a running mission go on between its messages, at its speed, and a paused one stand', () => {
    expect(elapsedSec({ ...report.status, phase: 'running', elapsedSec: 10, speed: 4 }, 1000, 2500)).toBeCloseTo(16);
    expect(elapsedSec({ ...report.status, phase: 'paused', elapsedSec: 10, speed: 4 }, 1000, 2500)).toBe(10);
  });

  it('orders rovers as their mission lists them, so that colours stay', () => {
    const state = createFleetState();
    feed(state, statusMessage('s', { rovers: ['zeta', 'rover-1'] }), { kind: 'choose', site: 's', mission: 'sar-1' });
    for (const id of ['rover-1', 'stranger', 'zeta']) {
      feed(state, { kind: 'presence', value: { rover: id, status: 'online', mission: null } });
    }
    expect(shownRovers(state).map((record) => record.id)).toEqual(['zeta', 'rover-1']);
  });
});

describe('chooseMission', () => {
  const open = { site: null, mission: null };

  it('prefers a mission under way, and leaves a finished one for it', () => {
    const state = createFleetState();
    feed(state, statusMessage('s', { mission: 'old', phase: 'completed' }));
    expect(chooseMission(state, open)).toEqual({ site: 's', mission: 'old' });
    feed(state, { kind: 'choose', site: 's', mission: 'old' }, statusMessage('s', { mission: 'new', phase: 'running' }));
    expect(chooseMission(state, open)).toEqual({ site: 's', mission: 'new' });
  });

  it('stays with the mission on show while it is under way', () => {
    const state = createFleetState();
    feed(state, statusMessage('s', { mission: 'a' }), statusMessage('s', { mission: 'b' }), { kind: 'choose', site: 's', mission: 'b' });
    expect(chooseMission(state, open)).toEqual({ site: 's', mission: 'b' });
  });

  it('keeps to the site of the address', () => {
    const state = createFleetState();
    feed(state, statusMessage('other', {}));
    expect(chooseMission(state, wishOf('?site=north'))).toEqual({ site: 'north', mission: null });
    expect(wishOf('?site=%23&mission=a%2Fb')).toEqual(open);
  });
});

describe('PoseTrack', () => {
  it('glides without jumps and arrives', () => {
    const track = new PoseTrack();
    for (let step = 0; step <= 10; step += 1) track.push({ x: 0.2 * step, y: 0, theta: 0 }, 200 * step);
    let last = track.at(2000)?.x ?? Number.NaN;
    for (let ms = 2000; ms <= 2600; ms += 16) {
      const x = track.at(ms)?.x ?? Number.NaN;
      expect(x - last).toBeLessThan(0.03);
      expect(x).toBeGreaterThanOrEqual(last);
      last = x;
    }
    expect(last).toBeCloseTo(2);
    expect(track.moving(2600)).toBe(false);
  });

  it('turns the short way round', () => {
    const track = new PoseTrack();
    track.push({ x: 0, y: 0, theta: 3 }, 0);
    track.push({ x: 0, y: 0, theta: -3 }, 200);
    for (let ms = 200; ms < 500; ms += 10) expect(Math.abs(track.at(ms)?.theta ?? 0)).toBeGreaterThan(2.9);
  });

  it('does not glide through walls after a large correction', () => {
    const track = new PoseTrack();
    track.push({ x: 0, y: 0, theta: 0 }, 0);
    track.push({ x: 9, y: 0, theta: 0 }, 200);
    expect(track.at(200)?.x).toBe(9);
  });
});

describe('parts', () => {
  it('keeps a trail bounded and its newest points exact', () => {
    const trail = new Trail();
    for (let step = 0; step < 20_000; step += 1) trail.push(step * 0.2, 0);
    expect(trail.points.length).toBeLessThanOrEqual(3000);
    expect(trail.points.at(-1)?.[0]).toBeCloseTo(19_999 * 0.2);
  });

  it('keeps the map point under the pointer when zooming, and fits an area inside its padding', () => {
    const viewport = new Viewport();
    viewport.width = 800;
    viewport.height = 500;
    viewport.fit({ minX: -5, minY: 2, maxX: 25, maxY: 22 }, { top: 20, right: 20, bottom: 60, left: 20 }, false);
    expect(viewport.screenY(22)).toBeGreaterThanOrEqual(20);
    expect(viewport.screenY(2)).toBeLessThanOrEqual(440.001);
    expect(viewport.screenX(-5)).toBeGreaterThanOrEqual(20);
    const before = [viewport.mapX(123), viewport.mapY(77)];
    viewport.zoomAt(123, 77, 1.7);
    expect(viewport.mapX(123)).toBeCloseTo(before[0] ?? 0);
    expect(viewport.mapY(77)).toBeCloseTo(before[1] ?? 0);
  });

  it('inflates a tile as the Map Server packs it, and refuses one cell more or less', async () => {
    const cells = Int8Array.from({ length: 4096 }, (_, index) => (index % 102) - 1);
    await expect(inflateCells(encodeTileCells(cells), 4096)).resolves.toEqual(cells);
    await expect(inflateCells(encodeTileCells(cells), 4095)).rejects.toThrow(/more than 4095/);
    await expect(inflateCells(encodeTileCells(cells), 4097)).rejects.toThrow(/4096 cells instead of 4097/);
    await expect(inflateCells('not base64!', 4096)).rejects.toThrow(/correctly encoded|Invalid character/i);
  });

  it('calls a view once per frame, and only for what it shows', () => {
    const frames: (() => void)[] = [];
    const store = new Store({ schedule: (flush) => void frames.push(flush), nowMs: () => 0 });
    let objects = 0;
    let rovers = 0;
    store.show(['objects'], () => (objects += 1));
    store.show(['rovers'], () => (rovers += 1));
    for (let step = 0; step < 5; step += 1) store.dispatch({ kind: 'state', value: rover.state });
    for (const flush of frames) flush();
    expect({ frames: frames.length, objects, rovers }).toEqual({ frames: 1, objects: 1, rovers: 2 });
  });

  it('writes figures as people read them', () => {
    expect([0, 42.9, 727, 3750].map(formatDuration)).toEqual(['0:00', '0:42', '12:07', '1:02:30']);
    expect([0.42, 8.34, 65.2, 1300].map(formatLatency)).toEqual(['0.42\u202fms', '8.3\u202fms', '65\u202fms', '1.30\u202fs']);
    expect(formatCount(1_234_567)).toBe('1\u2009234\u2009567');
    expect(sparkline([{ stampSec: 0, value: 50 }])).toBe('');
    expect(
      sparkline([
        { stampSec: 0, value: 50 },
        { stampSec: 10, value: 62 },
      ]),
    ).toBe('M0.0 20.0L72.0 2.0');
  });
});
