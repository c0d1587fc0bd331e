// Rovers whose start pose nobody knows: the Map Server finds their place by registering maps, on evidence only, and takes it back when that turns.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { compose, inverse, type Pose2 } from '../../shared/geometry/pose2.ts';
import { inlineRegistration } from '../../shared/modules/host-impl/registration.ts';
import type { TileRecord } from '../../shared/modules/host/map-view.ts';
import type { GridRecord, RegistrationOutcome } from '../../shared/modules/host/registration.ts';
import { MapServer } from '../../shared/modules/map-server/map-server.ts';
import type { UpdateReceipt } from '../../shared/modules/map-server/records.ts';
import { building, draw, patchesOf, type Wall } from '../support/building.ts';

type Answer = Omit<RegistrationOutcome, 'ticket'>;

const host = vi.hoisted(() => ({
  tiles: new Map<string, Int8Array>(),
  begin: (_ticket: number, _a: GridRecord, _b: GridRecord): void => undefined,
  take: (): RegistrationOutcome | null => null,
}));
vi.mock('../../shared/modules/host/map-view.ts', () => ({
  publishTile: (tile: TileRecord) => void host.tiles.set(`${tile.tileX},${tile.tileY}`, tile.cells.slice()),
  publishObject: () => undefined,
  publishMetadata: () => undefined,
}));
vi.mock('../../shared/modules/host/registration.ts', () => ({
  beginRegistration: (ticket: number, a: GridRecord, b: GridRecord) => host.begin(ticket, a, b),
  takeRegistration: () => host.take(),
}));

const WALLS = building(1);
const FIRST: Pose2 = { x: 12, y: 8, theta: 0 };
const SECOND: Pose2 = { x: 11, y: 7.3, theta: 2.1 };
const LEFT = [0, 0, 15, 16] as const;
const RIGHT = [8, 0, 24, 16] as const;

/** Registration for real, within the call. */
function register(): void {
  const { beginRegistration, takeRegistration } = inlineRegistration();
  host.begin = beginRegistration;
  host.take = takeRegistration;
}

/** Registration by a script: what it says of a pair is what `say` says, by the number of the question. */
function script(say: (ticket: number) => Answer): void {
  let asked: number | null = null;
  host.begin = (ticket) => void (asked = ticket);
  host.take = () => {
    const ticket = asked;
    asked = null;
    return ticket === null ? null : { ticket, ...say(ticket) };
  };
}

let seconds = 0;
/** The rover sends its map of a part of the building, and once more to hear what came of it. */
function send(
  server: MapServer,
  rover: string,
  walls: readonly Wall[],
  frame: Pose2,
  box: readonly [number, number, number, number],
): UpdateReceipt {
  seconds += 1;
  server.update(rover, seconds, patchesOf(draw(walls, frame, box), seconds));
  return server.update(rover, seconds, []);
}

const errorOf = (receipt: UpdateReceipt, truth: Pose2): { readonly metres: number; readonly radians: number } => {
  const { x, y, theta } = compose(inverse(truth), { x: receipt.x, y: receipt.y, theta: receipt.theta });
  return { metres: Math.hypot(x, y), radians: Math.abs(theta) };
};

/** Share of the published walls of the whole building that lie where they belong, and of all published walls. */
function wallCells(): number {
  let walls = 0;
  for (const cells of host.tiles.values()) for (const cell of cells) if (cell > 90) walls += 1;
  return walls;
}

beforeEach(() => {
  host.tiles.clear();
  seconds = 0;
});

describe('a rover with unknown start pose', () => {
  it('is given its place when the maps overlap enough, and its map becomes part of the common view', () => {
    register();
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    send(server, 'a', WALLS, FIRST, LEFT);
    server.flush(seconds);
    const alone = wallCells();
    expect(send(server, 'b', WALLS, SECOND, [20, 0, 24, 6])).toMatchObject({ placed: false });
    const found = send(server, 'b', WALLS, SECOND, RIGHT);
    expect(found).toMatchObject({ placed: true });
    expect(found.confidence).toBeGreaterThanOrEqual(0.5);
    const error = errorOf(found, compose(inverse(FIRST), SECOND));
    expect(error.metres).toBeLessThan(0.15);
    expect(error.radians).toBeLessThan(0.02);
    server.flush(seconds);
    expect(wallCells()).toBeGreaterThan(1.2 * alone);
  });

  it('moves its own frame to the common one, and stays where it is', () => {
    register();
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    send(server, 'a', WALLS, FIRST, LEFT);
    const { x, y, theta } = send(server, 'b', WALLS, SECOND, RIGHT);
    server.rebase('b', x, y, theta);
    const after = send(server, 'b', WALLS, compose(SECOND, inverse({ x, y, theta })), RIGHT);
    expect(after).toMatchObject({ placed: true });
    expect(Math.hypot(after.x, after.y)).toBeLessThan(1e-9);
    expect(Math.abs(after.theta)).toBeLessThan(1e-9);
  });

  it('never gets a place beside the map of another building', () => {
    register();
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    send(server, 'a', WALLS, FIRST, [0, 0, 24, 16]);
    const other = building(102).map(([x0, y0, x1, y1]) => [x0 * 0.8, y0 * 1.2, x1 * 0.8, y1 * 1.2] as const);
    expect(send(server, 'b', other, SECOND, [0, 0, 19, 19])).toMatchObject({ placed: false, confidence: 0 });
  });

  it('is the origin when it is the first, until a rover comes whose pose is given', () => {
    register();
    const server = new MapServer();
    server.joinUnplaced('a');
    expect(send(server, 'a', WALLS, FIRST, LEFT)).toMatchObject({ placed: true, x: 0, y: 0, theta: 0 });
    server.joinUnplaced('b');
    expect(server.update('b', 3, [])).toMatchObject({ placed: false });
    server.join('c', 1, 2, 0.5);
    expect(server.update('a', 4, [])).toMatchObject({ placed: false });
    expect(server.update('c', 4, [])).toMatchObject({ placed: true, x: 1, y: 2, theta: 0.5 });
  });

  it('keeps its sightings until it has a place', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    expect(() => server.report('b', 1, [])).toThrow(/no place in the common frame yet/);
  });
});

describe('evidence about places', () => {
  const yes = (x: number, confidence = 0.8): Answer => ({ x, y: 0, theta: 0, confidence, accepted: true });
  const no: Answer = { x: 0, y: 0, theta: 0, confidence: 0.1, accepted: false };
  const LARGER = [0, 0, 24, 16] as const;

  it('takes a place back when the grown maps no longer support it', () => {
    script((ticket) => (ticket === 1 ? yes(3) : no));
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    send(server, 'a', WALLS, FIRST, [0, 0, 9, 9]);
    expect(send(server, 'b', WALLS, SECOND, [0, 0, 9, 9])).toMatchObject({ placed: true, x: 3 });
    send(server, 'a', WALLS, FIRST, LARGER);
    expect(send(server, 'b', WALLS, SECOND, LARGER)).toMatchObject({ placed: false });
    server.flush(seconds);
  });

  it.each([
    ['leaves a rover out about which two links disagree', [yes(1), yes(9)], false],
    ['places a rover where two of three links agree', [yes(1), yes(1.1, 0.7), yes(9, 0.6)], true],
  ])('%s', (_, answers, placed) => {
    script((ticket) => answers[ticket - 1] ?? no);
    const server = new MapServer();
    for (let anchor = 0; anchor < answers.length; anchor += 1) {
      server.join(`a${anchor}`, 0, 0, 0);
      send(server, `a${anchor}`, WALLS, FIRST, LEFT);
    }
    server.joinUnplaced('b');
    send(server, 'b', WALLS, SECOND, RIGHT);
    for (let more = 0; more < answers.length; more += 1) server.update('b', (seconds += 1), []);
    expect(server.update('b', (seconds += 1), [])).toMatchObject(placed ? { placed, x: 1 } : { placed });
  });

  it('places a rover along a chain: beside one that was found itself', () => {
    script((ticket) => (ticket === 1 ? yes(2) : ticket === 2 ? no : yes(5, 0.6)));
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.joinUnplaced('b');
    server.joinUnplaced('c');
    send(server, 'a', WALLS, FIRST, LEFT);
    send(server, 'b', WALLS, SECOND, RIGHT);
    send(server, 'c', WALLS, SECOND, RIGHT);
    for (let more = 0; more < 3; more += 1) server.update('c', (seconds += 1), []);
    const receipt = server.update('c', (seconds += 1), []);
    expect(receipt).toMatchObject({ placed: true, confidence: 0.6 });
    expect([2, 5, 7]).toContain(Math.round(receipt.x));
  });
});
