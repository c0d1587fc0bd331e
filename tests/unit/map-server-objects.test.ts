import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObjectRecord } from '../../shared/modules/host/map-view.ts';
import { MapServer } from '../../shared/modules/map-server/map-server.ts';
import type { ObservedFrame, Sighting } from '../../shared/modules/map-server/records.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

const published = vi.hoisted(() => ({ objects: new Map<string, ObjectRecord>() }));
vi.mock('../../shared/modules/host/map-view.ts', () => ({
  publishTile: () => undefined,
  publishObject: (item: ObjectRecord) => void published.objects.set(item.object, { ...item, rovers: [...item.rovers] }),
  publishMetadata: () => undefined,
}));

beforeEach(() => published.objects.clear());

function sighting(className: string, x: number, y: number, extra: Partial<Sighting> = {}): Sighting {
  return { className, score: 0.8, x, y, covXX: 0.01, covXY: 0, covYY: 0.01, stampSec: 0, rangeM: 3, ...extra };
}

/** A look from (x, y) towards (atX, atY). */
function look(x: number, y: number, atX: number, atY: number, sightings: Sighting[]): ObservedFrame {
  return { stampSec: 0, x, y, theta: Math.atan2(atY - y, atX - x), halfFovRad: 0.78, maxRangeM: 6, sightings };
}

function serverOf(...rovers: string[]): MapServer {
  const server = new MapServer();
  for (const rover of rovers) server.join(rover, 0, 0, 0);
  return server;
}

const withStatus = (status: string): ObjectRecord[] => [...published.objects.values()].filter((item) => item.status === status);

/** Looks at (5, 5) from `count` places on a circle of `radiusM`. */
function* around(count: number, radiusM: number): Generator<readonly [number, number]> {
  for (let k = 0; k < count; k += 1) yield [5 + radiusM * Math.cos(k), 5 + radiusM * Math.sin(k)];
}

describe('findings', () => {
  it('confirms an object seen three times from different places', () => {
    const server = serverOf('a');
    const states: string[] = [];
    for (const [x, y] of around(3, 2)) {
      server.report('a', states.length * 2, [look(x, y, 5, 5, [sighting('fire', 5, 5)])]);
      states.push([...published.objects.values()].map((item) => item.status).join());
    }
    expect(states).toEqual(['candidate', 'candidate', 'confirmed']);
  });

  it('does not confirm what was seen often, but always from the same place', () => {
    const server = serverOf('a');
    for (let k = 0; k < 50; k += 1) server.report('a', k, [look(3, 5, 5, 5, [sighting('fire', 5, 5)])]);
    expect(withStatus('confirmed')).toEqual([]);
    expect(withStatus('candidate')[0]?.sightings).toBe(50);
  });

  it('takes more sightings of a rover that only turns on the spot', () => {
    const server = serverOf('a');
    const turned = (k: number): ObservedFrame => ({ ...look(3, 5, 5, 5, [sighting('fire', 5, 5)]), theta: (k % 3) * 0.3 - 0.3 });
    for (let k = 0; k < 5; k += 1) server.report('a', 2 * k, [turned(k)]);
    expect(withStatus('confirmed')).toEqual([]);
    server.report('a', 20, [turned(5)]);
    expect(withStatus('confirmed')).toHaveLength(1);
  });

  it('leaves a single wrong sighting a candidate and drops it when later looks miss it', () => {
    const server = serverOf('a');
    server.report('a', 0, [look(3, 5, 5, 5, [sighting('fire', 5, 5)])]);
    expect(withStatus('candidate')).toHaveLength(1);
    let second = 1;
    for (const [x, y] of around(8, 2)) server.report('a', (second += 2), [look(x, y, 5, 5, [])]);
    expect(withStatus('candidate')).toEqual([]);
    expect(withStatus('confirmed')).toEqual([]);
  });

  it('withdraws a finding that is contradicted from close by, and not one that is out of view', () => {
    const server = serverOf('a', 'b');
    let second = 0;
    for (const [x, y] of around(3, 2)) server.report('a', (second += 2), [look(x, y, 5, 5, [sighting('fire', 5, 5, { score: 0.72 })])]);
    expect(withStatus('confirmed')).toHaveLength(1);
    for (const [x, y] of around(12, 2)) server.report('b', (second += 2), [look(x, y, 2 * x - 5, 2 * y - 5, [])]); // looks away
    for (const [x, y] of around(12, 5.5)) server.report('b', (second += 2), [look(x, y, 5, 5, [])]); // too far to tell
    expect(withStatus('confirmed')).toHaveLength(1);
    for (const [x, y] of around(12, 2)) server.report('b', (second += 2), [look(x, y, 5, 5, [])]);
    expect(withStatus('confirmed')).toEqual([]);
    expect(withStatus('withdrawn')).toHaveLength(1);
  });

  it('does not take a wall in between for a contradiction', () => {
    const server = serverOf('a');
    const cells = new Int8Array(4096);
    for (let row = 0; row < 64; row += 1) cells[(row << 6) | 12] = 80; // x = 3.8 … 3.85, y = 3.2 … 6.4
    server.update('a', 1, [{ tileX: 1, tileY: 1, revision: 1, cells }]);
    let second = 2;
    for (const [x, y] of [
      [6, 4],
      [7, 5],
      [6, 6],
    ] as const)
      server.report('a', (second += 2), [look(x, y, 5, 5, [sighting('fire', 5, 5)])]);
    const misses = (): number => server.objects[0]?.misses ?? -1;
    for (let k = 0; k < 9; k += 1) server.report('a', (second += 2), [look(3, 4 + k / 4, 5, 5, [])]);
    expect(misses()).toBe(0);
    server.report('a', (second += 2), [look(7, 5, 5, 5, [])]);
    expect(misses()).toBe(1);
  });

  it('lets the better supported of two classes at one place win', () => {
    const server = serverOf('a');
    let second = 0;
    for (const [x, y] of around(6, 2)) {
      const wrong = second < 6 ? [sighting('survivor', 5.1, 5, { score: 0.7 })] : [];
      server.report('a', (second += 2), [look(x, y, 5, 5, [sighting('gas-cylinder', 5, 5), ...wrong])]);
    }
    expect(withStatus('confirmed').map((item) => item.className)).toEqual(['gas-cylinder']);
  });

  it('keeps two objects of one class that stand two metres apart', () => {
    const server = serverOf('a');
    let second = 0;
    for (const [x, y] of around(5, 3))
      server.report('a', (second += 2), [look(x, y, 5, 5, [sighting('chemical-drum', 4, 5), sighting('chemical-drum', 6, 5)])]);
    expect(
      withStatus('confirmed')
        .map((item) => Math.round(item.x))
        .toSorted((a, b) => a - b),
    ).toEqual([4, 6]);
  });

  it('merges duplicates that better sightings bring together', () => {
    const server = serverOf('a', 'b');
    let second = 0;
    const wide = { covXX: 0.001, covYY: 0.001 };
    for (const [x, y] of around(2, 3)) server.report('a', (second += 2), [look(x, y, 5, 5, [sighting('fire', 5, 5, wide)])]);
    for (const [x, y] of around(2, 2)) server.report('b', (second += 2), [look(x, y, 5, 5, [sighting('fire', 5.8, 5, wide)])]);
    expect(server.objects).toHaveLength(2);
    for (const [x, y] of around(6, 2)) server.report('b', (second += 2), [look(x, y, 5, 5, [sighting('fire', 5.42, 5, wide)])]);
    expect(server.objects).toHaveLength(1);
    expect(server.objects[0]?.rovers.toSorted()).toEqual(['a', 'b']);
    expect(withStatus('withdrawn')).toHaveLength(1);
    expect(withStatus('confirmed')).toHaveLength(1);
  });
});

describe('positions', () => {
  it('come out better than the single sightings, with a covariance that covers the error', () => {
    const random = new SeededRandom(4);
    const server = serverOf('a', 'b');
    let second = 0;
    for (const [x, y] of around(12, 3)) {
      const seen = sighting('fire', 5 + 0.2 * random.gaussian(), 5 + 0.2 * random.gaussian(), { covXX: 0.04, covYY: 0.04 });
      server.report(second % 4 === 0 ? 'a' : 'b', (second += 2), [look(x, y, 5, 5, [seen])]);
    }
    const [found] = withStatus('confirmed');
    const error = Math.hypot((found?.x ?? 0) - 5, (found?.y ?? 0) - 5);
    expect(error).toBeLessThan(0.12);
    expect(error).toBeLessThan(3.1 * Math.sqrt(found?.covXX ?? 0));
    expect(found?.covXX).toBeLessThan(0.01);
    expect(found?.rovers.toSorted()).toEqual(['a', 'b']);
  });

  it('weighs the certain direction of a sighting more than the uncertain one', () => {
    const server = serverOf('a');
    // From the left the bearing fixes y, from below it fixes x.
    server.report('a', 1, [look(2, 5, 5, 5, [sighting('fire', 5.5, 5.01, { covXX: 0.25, covYY: 0.0004 })])]);
    server.report('a', 3, [look(5, 2, 5, 5, [sighting('fire', 4.99, 4.6, { covXX: 0.0004, covYY: 0.25 })])]);
    const [item] = server.objects;
    expect(item?.at.x).toBeCloseTo(5, 1);
    expect(item?.at.y).toBeCloseTo(5, 1);
  });

  it('are turned into the common frame with their covariance', () => {
    const server = new MapServer();
    server.join('a', 10, 0, Math.PI / 2);
    server.report('a', 1, [look(0, 0, 1, 0, [sighting('fire', 2, 1, { covXX: 0.09, covYY: 0.01 })])]);
    const [item] = server.objects;
    expect(item?.at.x).toBeCloseTo(9);
    expect(item?.at.y).toBeCloseTo(2);
    expect((item?.at.yy ?? 0) - (item?.at.xx ?? 0)).toBeCloseTo(0.08);
  });
});

describe('hostile sightings', () => {
  it.each([
    ['no position', { x: Number.NaN }],
    ['an infinite covariance', { covXX: Infinity }],
    ['a covariance that is none', { covXX: 0.01, covYY: 0.01, covXY: 0.5 }],
    ['an absurd uncertainty', { covXX: 1e6, covYY: 1e6 }],
    ['no class', { className: '' }],
    ['an endless class', { className: 'x'.repeat(65) }],
  ])('leaves out one with %s and takes the others', (_, broken) => {
    const server = serverOf('a');
    server.report('a', 1, [look(0, 0, 1, 0, [sighting('fire', 2, 1, broken), sighting('survivor', 3, 0)])]);
    expect(server.objects.map((item) => item.className)).toEqual(['survivor']);
  });

  it('leaves out a frame from nowhere', () => {
    const server = serverOf('a');
    server.report('a', 1, [{ ...look(0, 0, 1, 0, [sighting('fire', 2, 1)]), theta: Number.NaN }]);
    expect(server.objects).toEqual([]);
  });
});
