// ROS 2 messages and the rover's ports, both ways, on plain objects: angles, ranges, padding, frames, covariances, row order and time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toCameraFrame, toLidarScan, toOdometryReading, toPowerInputs, yawOf } from '../../robot/bridges/ros2/from-ros.ts';
import type { RosBatteryState, RosImage, RosLaserScan } from '../../robot/bridges/ros2/messages.ts';
import { OdometryWheels } from '../../robot/bridges/ros2/odometry-wheels.ts';
import { RosTimeBase, toRosTime, toSeconds } from '../../robot/bridges/ros2/ros-time.ts';
import {
  toCovariance6,
  toMarkers,
  toOccupancyGrid,
  toQuaternion,
  toRosPose,
  toRosTwist,
  toTransform,
} from '../../robot/bridges/ros2/to-ros.ts';
import { WheelOdometry } from '../../robot/odometry.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { compose, distance, inverse, type Pose2, transformPoint } from '../../shared/geometry/pose2.ts';
import { integrate } from '../../shared/geometry/twist2.ts';
import type { MapObject } from '../../shared/protocol/map-view.ts';

const HEADER = { stamp: { sec: 1_790_000_000, nanosec: 250_000_000 }, frame_id: 'laser' };
const RECEPTION = { stampSec: 4, sequence: 7 };

const scanOf = (ranges: readonly number[], change: Partial<RosLaserScan> = {}): RosLaserScan => ({
  header: HEADER,
  angle_min: -Math.PI / 2,
  angle_max: Math.PI / 2,
  angle_increment: Math.PI / (ranges.length - 1),
  time_increment: 0,
  scan_time: 0.1,
  range_min: 0.15,
  range_max: 12,
  ranges: Float32Array.from(ranges),
  intensities: new Float32Array(0),
  ...change,
});

/** Where the hits of a scan lie, sensor frame [m]. */
const hits = (scan: NonNullable<ReturnType<typeof toLidarScan>>): [number, number][] =>
  [...scan.rangesM].flatMap((range, index) => {
    const angle = scan.angleMinRad + index * scan.angleIncrementRad;
    return Number.isFinite(range) ? [[range * Math.cos(angle), range * Math.sin(angle)] as [number, number]] : [];
  });

const anglesFinite = { noNaN: true, noDefaultInfinity: true, min: -Math.PI, max: Math.PI } as const;
const coordinate = fc.double({ min: -500, max: 500, noNaN: true });
const pose = fc.record({ x: coordinate, y: coordinate, theta: fc.double(anglesFinite) });

describe('a LaserScan', () => {
  it('keeps its order when it turns counter-clockwise: left is positive', () => {
    const scan = toLidarScan(scanOf([1, 2, 3]), RECEPTION);
    expect(scan).toMatchObject({ stampSec: 4, sequence: 7, angleMinRad: -Math.PI / 2, angleIncrementRad: Math.PI / 2, rangeMaxM: 12 });
    expect([...(scan?.rangesM ?? [])]).toEqual([1, 2, 3]);
  });

  it('is reversed when the lidar turns clockwise, so that every hit stays where it was', () => {
    const clockwise = scanOf([3, 2, 1], { angle_min: Math.PI / 2, angle_max: -Math.PI / 2, angle_increment: -Math.PI / 2 });
    expect(toLidarScan(clockwise, RECEPTION)).toEqual(toLidarScan(scanOf([1, 2, 3]), RECEPTION));
  });

  it('of a lidar mounted upside down or turned has its hits where the rover sees them', () => {
    const ahead = scanOf([1, 2, 4]);
    const [right, front, left] = hits(toLidarScan(ahead, RECEPTION, { yawRad: 0, flipped: true }) as never);
    expect(right?.[1]).toBeCloseTo(-4, 6); // what the lidar has on its left is on the rover's right
    expect(front?.[0]).toBeCloseTo(2, 6);
    expect(left?.[1]).toBeCloseTo(1, 6);
    const turned = hits(toLidarScan(ahead, RECEPTION, { yawRad: Math.PI / 2, flipped: false }) as never);
    expect(turned[1]?.[1]).toBeCloseTo(2, 6); // its front looks left
  });

  it('tells nothing in range from no measurement (REP-117), also in the older ways', () => {
    const { rangesM } = toLidarScan(scanOf([Infinity, -Infinity, Number.NaN, 0, 0.1, 12.5, 12, -1]), RECEPTION) as NonNullable<
      ReturnType<typeof toLidarScan>
    >;
    expect([...rangesM]).toEqual([Infinity, NaN, NaN, NaN, NaN, Infinity, 12, NaN]);
  });

  it('that is none is refused', () => {
    for (const change of [
      { ranges: [] },
      { angle_increment: 0 },
      { angle_increment: Number.NaN },
      { range_max: 0 },
      { angle_min: Infinity },
    ])
      expect(toLidarScan(scanOf([1, 2, 3], change), RECEPTION)).toBeNull();
    expect(toLidarScan(scanOf([1, 2], { ranges: { length: 1e9 } }), RECEPTION)).toBeNull();
  });
});

describe('odometry', () => {
  it('comes back from its quaternion and sits at the right places of the message', () => {
    fc.assert(
      fc.property(pose, (at) => {
        const message = {
          header: HEADER,
          child_frame_id: 'base_link',
          pose: { pose: toRosPose(at), covariance: new Float64Array(36) },
          twist: { twist: toRosTwist({ linearMPerSec: 0.3, angularRadPerSec: -0.2 }), covariance: new Float64Array(36) },
        };
        const reading = toOdometryReading(message);
        expect(reading?.twist).toEqual({ linearMPerSec: 0.3, angularRadPerSec: -0.2 });
        expect(distance(reading?.pose as Pose2, at)).toBe(0);
        expect(Math.abs(angleDifference(reading?.pose.theta as number, at.theta))).toBeLessThan(1e-9);
      }),
    );
  });

  it('has a yaw also on a tilted floor and with a quaternion of another length; an unset one has none', () => {
    const half = 0.1 / 2; // roll of 0.1 rad after a yaw of 1 rad
    const yaw = toQuaternion(1);
    const tilted = { x: yaw.w * Math.sin(half), y: yaw.z * Math.sin(half), z: yaw.z * Math.cos(half), w: yaw.w * Math.cos(half) };
    expect(yawOf(tilted)).toBeCloseTo(1, 9);
    expect(yawOf({ x: 0, y: 0, z: 3 * yaw.z, w: 3 * yaw.w })).toBeCloseTo(1, 9);
    expect(yawOf({ x: 0, y: 0, z: 0, w: 0 })).toBeNull();
    expect(yawOf({ x: 0, y: 0, z: Number.NaN, w: 1 })).toBeNull();
  });

  it('leads an agent with wheels of any geometry along the same way, forwards, backwards and on the spot', () => {
    const step = fc.record({
      linearMPerSec: fc.double({ min: -1, max: 1, noNaN: true }),
      angularRadPerSec: fc.double({ min: -3, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), pose, (twists, start) => {
        const geometry = { wheelRadiusM: 0.1, wheelBaseM: 0.4 };
        const wheels = new OdometryWheels({ geometry, maxSpeedMPerSec: 2 });
        const agent = new WheelOdometry(geometry);
        const read = () =>
          agent.update({
            connected: true,
            stampSec: 0,
            leftPositionRad: wheels.leftRad,
            rightPositionRad: wheels.rightRad,
            leftVelocityRadPerSec: 0,
            rightVelocityRadPerSec: 0,
          });
        wheels.advance(start, 0);
        read();
        let at = start;
        twists.forEach((twist, index) => {
          at = integrate(at, twist, 0.1);
          expect(wheels.advance(at, 0.1 * (index + 1))).toBe(true);
          read();
        });
        const expected = compose(inverse(start), at);
        expect(distance(agent.pose, expected)).toBeLessThan(1e-6);
        expect(Math.abs(angleDifference(agent.pose.theta, expected.theta))).toBeLessThan(1e-9);
      }),
    );
  });

  it('that was reset is a new beginning, and an overtaken message changes nothing', () => {
    const wheels = new OdometryWheels({ geometry: { wheelRadiusM: 0.1, wheelBaseM: 0.4 }, maxSpeedMPerSec: 1 });
    wheels.advance({ x: 9, y: 9, theta: 1 }, 10);
    expect(wheels.advance({ x: 0, y: 0, theta: 0 }, 10.1)).toBe(true); // 12.7 m in 0.1 s
    expect([wheels.leftRad, wheels.rightRad, wheels.resets]).toEqual([0, 0, 1]);
    wheels.advance({ x: 0.1, y: 0, theta: 0 }, 10.2);
    expect(wheels.leftRad).toBeCloseTo(1, 9);
    expect(wheels.advance({ x: 0, y: 0, theta: 0 }, 10.1)).toBe(false);
    expect(wheels.leftRad).toBeCloseTo(1, 9);
  });
});

describe('a picture', () => {
  const picture = (encoding: string, step: number, data: number[], size: { width: number; height: number }): RosImage => ({
    ...{ header: HEADER, encoding, is_bigendian: 0, step, data: Uint8Array.from(data) },
    ...size,
  });

  it.each([
    ['rgb8', 8, [1, 2, 3, 4, 5, 6, 99, 99, 7, 8, 9, 10, 11, 12, 99, 99]],
    ['bgr8', 7, [3, 2, 1, 6, 5, 4, 99, 9, 8, 7, 12, 11, 10]],
    ['bgra8', 8, [3, 2, 1, 0, 6, 5, 4, 0, 9, 8, 7, 0, 12, 11, 10, 0]],
    ['rgba8', 8, [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 10, 11, 12, 0]],
  ])('in %s with rows of %d bytes becomes rgb8 without padding', (encoding, step, data) => {
    const frame = toCameraFrame(picture(encoding, step, data, { width: 2, height: 2 }), RECEPTION);
    expect(frame).toMatchObject({ width: 2, height: 2, encoding: 'rgb8', stampSec: 4, sequence: 7 });
    expect([...(frame?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('in grey has equal channels', () => {
    const frame = toCameraFrame(picture('mono8', 3, [10, 20, 0, 30, 40, 0], { width: 2, height: 2 }), RECEPTION);
    expect([...(frame?.data ?? [])]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40]);
  });

  it('that promises more bytes than it has, or has an unknown encoding, is refused', () => {
    expect(toCameraFrame(picture('rgb8', 6, [1, 2, 3], { width: 2, height: 2 }), RECEPTION)).toBeNull();
    expect(toCameraFrame(picture('rgb8', 5, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], { width: 2, height: 2 }), RECEPTION)).toBeNull();
    expect(toCameraFrame(picture('yuv422', 4, [1, 2, 3, 4, 5, 6, 7, 8], { width: 2, height: 2 }), RECEPTION)).toBeNull();
    expect(toCameraFrame(picture('mono8', 1 << 20, [1], { width: 1 << 20, height: 1 << 20 }), RECEPTION)).toBeNull();
  });
});

describe('a battery', () => {
  const battery = (change: Partial<RosBatteryState>): RosBatteryState => ({
    ...{ header: HEADER, voltage: 7.4, current: -1.5, percentage: 0.6, present: true },
    ...change,
  });

  it('that discharges draws positive power', () => {
    expect(toPowerInputs(battery({}), 3)).toEqual({
      connected: true,
      stampSec: 3,
      batteryFraction: 0.6,
      voltageV: 7.4,
      powerW: 11.100000000000001,
    });
  });

  it('tells its charge by voltage where the driver has no percentage, and takes percent for a fraction', () => {
    expect(toPowerInputs(battery({ percentage: Number.NaN }), 0)).toBeNull();
    expect(toPowerInputs(battery({ percentage: Number.NaN }), 0, { emptyV: 6.4, fullV: 8.4 })?.batteryFraction).toBeCloseTo(0.5, 9);
    expect(toPowerInputs(battery({ percentage: 60 }), 0)?.batteryFraction).toBeCloseTo(0.6, 9);
    expect(toPowerInputs(battery({ current: Number.NaN }), 0)?.powerW).toBe(0);
    expect(toPowerInputs(battery({ present: false, voltage: 0 }), 0)).toBeNull();
  });
});

describe('time', () => {
  it('survives the way to ROS and back within a microsecond, with nanoseconds in range', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 4e9, noNaN: true }), (seconds) => {
        const stamp = toRosTime(seconds);
        expect(Number.isInteger(stamp.sec) && stamp.nanosec >= 0 && stamp.nanosec < 1e9).toBe(true);
        expect(Math.abs(toSeconds(stamp) - seconds)).toBeLessThan(1e-6);
      }),
    );
    expect(toRosTime(1.999_999_999_9)).toEqual({ sec: 2, nanosec: 0 });
  });

  it('is unknown before the first synchronisation', () => {
    const base = new RosTimeBase();
    expect([base.known, base.toRos(1), base.toClockSec(HEADER.stamp)]).toEqual([false, null, null]);
    base.synchronise(1_790_000_000, 5);
    expect(base.toClockSec(HEADER.stamp)).toBeCloseTo(5.25, 6);
    expect(base.toRos(5.25)).toEqual(HEADER.stamp);
  });
});

describe('what ROS tools get', () => {
  it('is a grid that begins at the lower left and keeps −1, 0 … 100', () => {
    const cells = Int8Array.from([0, 100, -1, 50, 0, 0]);
    const grid = toOccupancyGrid(
      { width: 3, height: 2, resolutionM: 0.05, originX: -1, originY: 2, cells },
      { ...HEADER, frame_id: 'map' },
    );
    expect(grid.info).toMatchObject({
      width: 3,
      height: 2,
      resolution: 0.05,
      origin: { position: { x: -1, y: 2, z: 0 }, orientation: { w: 1 } },
    });
    expect([...grid.data]).toEqual([...cells]);
    expect(grid.data).not.toBe(cells);
    expect(grid.data).toBeInstanceOf(Int8Array);
  });

  it('is a transform that maps the child’s coordinates into the parent’s', () => {
    fc.assert(
      fc.property(pose, pose, (mapToOdom, inOdom) => {
        const { transform, child_frame_id } = toTransform(mapToOdom, { ...HEADER, frame_id: 'map' }, 'odom');
        const yaw = yawOf(transform.rotation) as number;
        const byRos = transformPoint({ x: transform.translation.x, y: transform.translation.y, theta: yaw }, inOdom);
        expect(child_frame_id).toBe('odom');
        expect(distance(byRos, compose(mapToOdom, inOdom))).toBeLessThan(1e-6);
      }),
    );
  });

  it('is a covariance of 36 numbers, row-major over x, y, z, roll, pitch, yaw', () => {
    const covariance = toCovariance6([1, 2, 3, 2, 4, 5, 3, 5, 6]);
    expect(covariance).toBeInstanceOf(Float64Array);
    expect(covariance.length).toBe(36);
    const at = (row: number, column: number): number => covariance[row * 6 + column] as number;
    expect([at(0, 0), at(0, 1), at(0, 5), at(1, 1), at(1, 5), at(5, 5)]).toEqual([1, 2, 3, 4, 5, 6]);
    for (let i = 0; i < 6; i += 1) for (let j = 0; j < 6; j += 1) expect(at(i, j)).toBe(at(j, i));
    expect([...covariance].filter((value) => value !== 0)).toHaveLength(9);
  });

  it('is a marker per object that keeps its number, is as large as its uncertainty, and goes when the object is withdrawn', () => {
    const object = (id: string, change: Partial<MapObject> = {}): MapObject => ({
      ...{ object: id, class: 'gas-cylinder', status: 'confirmed', x: 1, y: 2, covariance: [0.01, 0, 0.04], sightings: 4 },
      ...{ rovers: ['rover-1'], score: 0.87, firstSeenSec: 1, lastSeenSec: 2, ...change },
    });
    const ids = new Map<string, number>();
    const first = toMarkers([object('o1'), object('o2')], HEADER, ids).markers;
    expect(first.map(({ ns, id, type, action }) => [ns, id, type, action])).toEqual([
      ['outrider/objects', 0, 3, 0],
      ['outrider/labels', 0, 9, 0],
      ['outrider/objects', 1, 3, 0],
      ['outrider/labels', 1, 9, 0],
    ]);
    expect(first[0]?.scale.x).toBeCloseTo(0.8, 9); // four sigmas of 0.2 m
    expect(first[1]?.text).toBe('gas-cylinder 87 %');
    const later = toMarkers([object('o2', { status: 'withdrawn' })], HEADER, ids).markers;
    expect(later.map(({ id, action }) => [id, action])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});
