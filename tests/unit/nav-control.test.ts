// Path following, velocity limits and recovery behaviours, by physical case.
import { describe, expect, it } from 'vitest';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { integrate, STOP, type Twist2 } from '../../shared/geometry/twist2.ts';
import { defineNavigatorConfig } from '../../robot/navigation/behaviour/navigator-config.ts';
import { PathTracker } from '../../robot/navigation/control/path-tracker.ts';
import { RegulatedPurePursuit } from '../../robot/navigation/control/pure-pursuit.ts';
import { Recovery } from '../../robot/navigation/control/recovery.ts';
import { ScanProjector } from '../../robot/navigation/control/scan-points.ts';
import { limitVelocity } from '../../robot/navigation/control/velocity-limits.ts';

const { pursuit: PURSUIT, limits: LIMITS, recovery: RECOVERY } = defineNavigatorConfig({ id: 'rover' });
const DT = 0.1;

interface Drive {
  readonly poses: Pose2[];
  readonly twists: Twist2[];
  readonly arrived: boolean;
}

function drive(path: PathTracker, start: Pose2, headingRad: number | null, clearanceM = 2, maxSec = 40): Drive {
  const pursuit = new RegulatedPurePursuit(PURSUIT);
  let pose = start;
  let twist = STOP;
  const poses: Pose2[] = [];
  const twists: Twist2[] = [];
  for (let t = 0; t < maxSec; t += DT) {
    path.update(pose);
    const { command, arrived } = pursuit.step(pose, twist.linearMPerSec, path, clearanceM, headingRad);
    twist = limitVelocity(command, twist, DT, LIMITS);
    pose = integrate(pose, twist, DT);
    poses.push(pose);
    twists.push(twist);
    if (arrived && Math.abs(twist.linearMPerSec) < 0.05) return { poses, twists, arrived };
  }
  return { poses, twists, arrived: false };
}

const CORNER = Float64Array.of(0, 0, 3, 0, 3, 3);

describe('regulated pure pursuit', () => {
  it('drives to the end of a path with a corner and ends on its heading', () => {
    const { poses, arrived } = drive(new PathTracker(CORNER), IDENTITY, Math.PI);
    const end = poses.at(-1) ?? IDENTITY;
    expect(arrived).toBe(true);
    expect(Math.hypot(end.x - 3, end.y - 3)).toBeLessThan(PURSUIT.positionToleranceM + 0.05);
    expect(Math.abs(angleDifference(end.theta, Math.PI))).toBeLessThan(0.2);
  });

  it('stays within 0.25 m of the path', () => {
    const { poses } = drive(new PathTracker(CORNER), IDENTITY, null);
    for (const { x, y } of poses) expect(Math.min(Math.abs(y) + Math.max(0, x - 3), Math.abs(x - 3) + Math.max(0, -y))).toBeLessThan(0.25);
  });

  it('turns on the spot first when the path leads behind it', () => {
    const { twists } = drive(new PathTracker(Float64Array.of(0, 0, -3, 0)), IDENTITY, null);
    expect(twists.slice(0, 6).every(({ linearMPerSec }) => linearMPerSec === 0)).toBe(true);
    expect(twists.slice(0, 6).every(({ angularRadPerSec }) => angularRadPerSec !== 0)).toBe(true);
  });

  it('slows down near obstacles and in tight curves', () => {
    const straight = new PathTracker(Float64Array.of(0, 0, 10, 0));
    const top = (clearanceM: number): number =>
      Math.max(...drive(straightCopy(straight), IDENTITY, null, clearanceM).twists.map(({ linearMPerSec }) => linearMPerSec));
    expect(top(2)).toBeCloseTo(PURSUIT.maxLinearMPerSec, 1);
    expect(top(0.15)).toBeLessThan(PURSUIT.maxLinearMPerSec * 0.6);
  });

  it('never exceeds velocity and acceleration limits', () => {
    const { twists } = drive(new PathTracker(CORNER), { x: 0, y: 0, theta: 2 }, 0);
    let last = STOP;
    for (const twist of twists) {
      expect(Math.abs(twist.angularRadPerSec)).toBeLessThanOrEqual(LIMITS.maxAngularRadPerSec + 1e-9);
      expect(Math.abs(twist.linearMPerSec)).toBeLessThanOrEqual(LIMITS.maxLinearMPerSec + 1e-9);
      expect(twist.linearMPerSec - last.linearMPerSec).toBeLessThanOrEqual(LIMITS.maxAccelerationMPerSec2 * DT + 1e-9);
      expect(last.linearMPerSec - twist.linearMPerSec).toBeLessThanOrEqual(LIMITS.maxDecelerationMPerSec2 * DT + 1e-9);
      last = twist;
    }
  });
});

function straightCopy(path: PathTracker): PathTracker {
  return new PathTracker(Float64Array.of(0, 0, path.lengthM, 0));
}

describe('velocity limits', () => {
  it('slow down a whole arc when a wheel cannot follow, so that its radius stays', () => {
    const limits = {
      ...LIMITS,
      maxLinearMPerSec: 1,
      maxWheelMPerSec: 1,
      wheelBaseM: 0.24,
      maxAngularAccelerationRadPerSec2: 100,
      maxAccelerationMPerSec2: 100,
    };
    const { linearMPerSec: v, angularRadPerSec: w } = limitVelocity({ linearMPerSec: 1, angularRadPerSec: 2 }, STOP, DT, limits);
    expect(v + w * 0.12).toBeCloseTo(1, 9);
    expect(w / v).toBeCloseTo(2, 9);
  });

  it('brake before reversing', () => {
    const { linearMPerSec } = limitVelocity(
      { linearMPerSec: -0.3, angularRadPerSec: 0 },
      { linearMPerSec: 0.1, angularRadPerSec: 0 },
      DT,
      LIMITS,
    );
    expect(linearMPerSec).toBe(0);
  });
});

describe('path tracker', () => {
  it('follows a path that crosses itself in order', () => {
    const path = new PathTracker(Float64Array.of(0, 0, 2, 0, 2, 2, 1, 2, 1, -2));
    let last = 0;
    for (let s = 0; s <= path.lengthM; s += 0.1) {
      const at = path.pointAt(s);
      path.update({ ...at, theta: 0 });
      expect(path.progressM).toBeGreaterThanOrEqual(last);
      expect(path.progressM).toBeCloseTo(s, 6);
      last = path.progressM;
    }
  });

  it('thins the way ahead but keeps its ends', () => {
    const points = Float64Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? i / 20 : Math.sin(i)));
    const thinned = new PathTracker(points).ahead(48);
    expect(thinned).toHaveLength(48);
    expect(thinned[0]).toEqual([points[0], points[1]]);
    expect(thinned.at(-1)).toEqual([points[398], points[399]]);
  });
});

describe('scan projector', () => {
  it('moves points by what the rover has driven since the scan, and takes −Infinity as near', () => {
    const scan = {
      stampSec: 0,
      sequence: 0,
      angleMinRad: 0,
      angleIncrementRad: Math.PI / 2,
      rangeMinM: 0.1,
      rangeMaxM: 10,
      rangesM: Float32Array.of(2, Infinity, Number.NaN, -Infinity),
    };
    const { xy, count } = new ScanProjector().project(scan, { x: 0.1, y: 0, theta: 0 }, { linearMPerSec: 1, angularRadPerSec: 0 }, 0.2);
    expect(count).toBe(2);
    expect(xy[0]).toBeCloseTo(1.9, 6);
    expect(Math.hypot((xy[2] as number) + 0.1, xy[3] as number)).toBeCloseTo(0.1, 6);
  });
});

describe('recovery behaviours', () => {
  const run = (name: 'back_up' | 'spin' | 'wait' | 'clear_costmap', moves: boolean): { outcome: string; seconds: number; pose: Pose2 } => {
    let pose = IDENTITY;
    const recovery = new Recovery(name, RECOVERY, 0, pose);
    for (let t = 0; ; t += DT) {
      const { command, outcome } = recovery.step(t, pose, moves);
      if (outcome !== 'running') return { outcome, seconds: t, pose };
      if (moves) pose = integrate(pose, command, DT);
      if (t > 60) throw new Error('a recovery behaviour must end');
    }
  };

  it('backs up, spins, waits and clears, each with a named result', () => {
    expect(run('back_up', true)).toMatchObject({ outcome: 'succeeded' });
    expect(run('back_up', true).pose.x).toBeLessThan(-RECOVERY.backUpM + 0.02);
    expect(run('spin', true)).toMatchObject({ outcome: 'succeeded' });
    expect(run('wait', false)).toMatchObject({ outcome: 'succeeded' });
    expect(run('clear_costmap', false)).toMatchObject({ outcome: 'succeeded', seconds: 0 });
  });

  it('ends as blocked when the rover may not move', () => {
    expect(run('back_up', false)).toMatchObject({ outcome: 'blocked' });
    expect(run('spin', false)).toMatchObject({ outcome: 'blocked' });
    expect(run('spin', false).seconds).toBeLessThan(RECOVERY.timeoutSec);
  });
});
