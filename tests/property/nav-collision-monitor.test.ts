// The collision monitor has the last word: whatever is asked, nothing in its polygons is driven at, and no disc is driven into.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integrate, STOP, type Twist2 } from '../../shared/geometry/twist2.ts';
import { IDENTITY } from '../../shared/geometry/pose2.ts';
import { defineNavigatorConfig } from '../../robot/navigation/behaviour/navigator-config.ts';
import { CollisionMonitor, type MonitorView, wayToContact } from '../../robot/navigation/control/collision-monitor.ts';
import { insidePolygon } from '../../robot/navigation/control/polygon.ts';

const { monitor: OPTIONS } = defineNavigatorConfig({ id: 'rover' });
const monitor = new CollisionMonitor(OPTIONS);

function view(points: readonly (readonly [number, number])[], change: Partial<MonitorView> = {}): MonitorView {
  return {
    points: { xy: Float64Array.from(points.flat()), count: points.length },
    ageSec: 0.05,
    blindAhead: 0,
    blindBehind: 0,
    mayMove: () => false,
    ...change,
  };
}

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const command = fc.record({
  linearMPerSec: fc.double({ min: -1, max: 1, noNaN: true }).filter((v) => Math.abs(v) > 1e-3),
  angularRadPerSec: fc.double({ min: -3, max: 3, noNaN: true }),
});
const point = fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true }));
const footprint = OPTIONS.footprintRadiusM;

describe('collision monitor', () => {
  it('stops for every obstacle inside a stop polygon of the direction of travel, among any others', () => {
    fc.assert(
      fc.property(command, unit, unit, fc.array(point, { maxLength: 30 }), (wish, a, b, others) => {
        const direction = wish.linearMPerSec > 0 ? 'forward' : 'backward';
        for (const polygon of OPTIONS.stopPolygons.filter(({ appliesTo }) => appliesTo === direction)) {
          const xs = polygon.points.map(({ x }) => x);
          const ys = polygon.points.map(({ y }) => y);
          const x = Math.min(...xs) + a * (Math.max(...xs) - Math.min(...xs));
          const y = Math.min(...ys) + b * (Math.max(...ys) - Math.min(...ys));
          expect(insidePolygon(x, y, polygon.points)).toBe(true);
          const verdict = monitor.check(wish, view([...others, [x, y]]));
          expect(verdict.command).toEqual(STOP);
          expect(verdict.action).toBe('stop');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves time to brake: reacting late and then braking as assumed, the body touches no point', () => {
    fc.assert(
      fc.property(command, fc.array(point, { minLength: 1, maxLength: 20 }), (wish, points) => {
        const clear = points.filter(([x, y]) => Math.hypot(x, y) > footprint + OPTIONS.marginM);
        let { command: twist } = monitor.check(wish, view(clear));
        let pose = IDENTITY;
        let elapsed = 0;
        const dt = 0.005;
        while (Math.abs(twist.linearMPerSec) > 1e-6) {
          pose = integrate(pose, twist, dt);
          for (const [x, y] of clear) expect(Math.hypot(x - pose.x, y - pose.y)).toBeGreaterThan(footprint);
          elapsed += dt;
          if (elapsed >= OPTIONS.reactionSec) twist = brake(twist, OPTIONS.decelerationMPerSec2 * dt);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never asks for more than was wished, and keeps the arc when it slows down', () => {
    fc.assert(
      fc.property(command, fc.array(point, { maxLength: 30 }), fc.boolean(), (wish, points, moving) => {
        const { command: allowed } = monitor.check(wish, view(points, { mayMove: () => moving }));
        expect(Math.abs(allowed.linearMPerSec)).toBeLessThanOrEqual(Math.abs(wish.linearMPerSec) + 1e-12);
        expect(allowed.linearMPerSec * wish.angularRadPerSec).toBeCloseTo(allowed.angularRadPerSec * wish.linearMPerSec, 9);
      }),
      { numRuns: 1000 },
    );
  });

  it('stops without a scan, with one older than 0.3 s and when the way ahead is not measured', () => {
    fc.assert(
      fc.property(command, (wish) => {
        expect(monitor.check(wish, null)).toMatchObject({ command: STOP, action: 'no-scan' });
        expect(monitor.check(wish, view([], { ageSec: 0.31 }))).toMatchObject({ command: STOP, action: 'no-scan' });
        expect(monitor.check(wish, view([], { ageSec: 0.3 })).command).toEqual(wish);
        expect(monitor.check(wish, view([], { blindAhead: 0.6, blindBehind: 0.6 }))).toMatchObject({ command: STOP, action: 'no-scan' });
      }),
    );
  });

  it('lets a round rover turn on the spot beside anything, and back away from what is in front', () => {
    const near = view([[footprint + 0.02, 0]]);
    expect(monitor.check({ linearMPerSec: 0, angularRadPerSec: 2 }, near).command.angularRadPerSec).toBe(2);
    expect(monitor.check({ linearMPerSec: -0.2, angularRadPerSec: 0 }, near).command.linearMPerSec).toBe(-0.2);
    expect(monitor.check({ linearMPerSec: 0.2, angularRadPerSec: 0 }, near).command).toEqual(STOP);
  });

  it('keeps twice the room from what may itself be moving', () => {
    const wish = { linearMPerSec: 1, angularRadPerSec: 0 };
    const still = monitor.check(wish, view([[0.8, 0]])).command.linearMPerSec;
    const moving = monitor.check(wish, view([[0.8, 0]], { mayMove: () => true })).command.linearMPerSec;
    expect(still).toBeGreaterThan(moving);
    expect(moving).toBeGreaterThan(0);
  });
});

describe('way to contact', () => {
  it('is where a simulated disc first touches the point', () => {
    fc.assert(
      fc.property(command, point, (wish, [x, y]) => {
        const radius = 0.23;
        if (Math.hypot(x, y) <= radius + 0.01) return;
        const way = wayToContact(wish, x, y, radius);
        const ds = 0.002;
        const seconds = ds / Math.abs(wish.linearMPerSec);
        const halfTurn = (Math.PI * Math.abs(wish.linearMPerSec)) / Math.max(Math.abs(wish.angularRadPerSec), 1e-9);
        const end = Math.min(way, 3, halfTurn) - 0.01;
        let pose = IDENTITY;
        for (let s = 0; s < end; s += ds) {
          expect(Math.hypot(x - pose.x, y - pose.y)).toBeGreaterThan(radius - 1e-6);
          pose = integrate(pose, wish, seconds);
        }
        if (way > 3) return;
        const at = integrate(IDENTITY, wish, way / Math.abs(wish.linearMPerSec));
        expect(Math.hypot(x - at.x, y - at.y)).toBeCloseTo(radius, 5);
      }),
      { numRuns: 300 },
    );
  });
});

function brake(twist: Twist2, by: number): Twist2 {
  const speed = Math.abs(twist.linearMPerSec);
  const scale = Math.max(0, speed - by) / speed;
  return { linearMPerSec: twist.linearMPerSec * scale, angularRadPerSec: twist.angularRadPerSec * scale };
}
