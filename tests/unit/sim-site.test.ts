import { describe, expect, it } from 'vitest';
import { toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { fleetSchema } from '../../sim/scenario/fleet-schema.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema, type WorldSectionInput } from '../../sim/scenario/world-schema.ts';
import { SimulatedSite } from '../../sim/simulated-site.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';

const ROOM: WorldSectionInput = { sizeM: [8, 6], starts: [{ at: [2, 3] }, { at: [6, 3], yawDeg: 180 }] };

function build(world: WorldSectionInput, fleet: unknown, seed = 1) {
  const clock = new VirtualClock();
  const parsed = fleetSchema.parse(fleet);
  const random = new SeededRandom(seed);
  const site = resolveSite(worldSchema.parse(world), {
    random: random.fork('site'),
    rovers: parsed.rovers.length,
    roverRadiusM: DEFAULT_VEHICLE.radiusM,
  });
  return { clock, site: new SimulatedSite({ clock, site, fleet: parsed, random: random.fork('run') }) };
}

const EXACT_LIDAR = { noiseM: 0, dropout: 0 };
const TWO = { rovers: [{ id: 'a' }, { id: 'b' }], lidar: EXACT_LIDAR, slip: 0 };

describe('simulated site', () => {
  it('scans at 10 Hz: walls ahead, the other rover in between', async () => {
    const { clock, site } = build(ROOM, TWO);
    site.start();
    await clock.run({ untilSec: 1 });
    const { connected, scan } = site.rovers[0]?.lidar.update() ?? { connected: false, scan: null };
    expect(connected).toBe(true);
    expect(scan?.sequence).toBe(10); // the first one right at the start
    const at = (bearingRad: number): number => scan?.rangesM[Math.round((bearingRad + Math.PI) / ((2 * Math.PI) / 360)) % 360] as number;
    // Within the range noise that grows with distance.
    expect(at(0)).toBeCloseTo(4 - DEFAULT_VEHICLE.radiusM, 1);
    expect(at(Math.PI / 2)).toBeCloseTo(2.8, 1);
    expect(at(-Math.PI)).toBeCloseTo(1.8, 1);
  });

  it('unplugs and replugs a lidar by script; stale scans stay stale', async () => {
    const { clock, site } = build(ROOM, { rovers: [{ id: 'a', faults: [{ sensor: 'lidar', fromSec: 1, toSec: 2 }] }] });
    site.start();
    const lidar = site.rovers[0]?.lidar;
    await clock.run({ untilSec: 1.5 });
    expect(lidar?.update().connected).toBe(false);
    expect(lidar?.update().scan?.stampSec).toBeLessThanOrEqual(1);
    await clock.run({ untilSec: 2.5 });
    expect(lidar?.update().connected).toBe(true);
    expect(lidar?.update().scan?.stampSec).toBeGreaterThan(2.3);
  });

  it('two rovers that drive at each other collide and stay apart', async () => {
    const { clock, site } = build(ROOM, TWO);
    site.start();
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds({ linearMPerSec: 0.5, angularRadPerSec: 0 }, DEFAULT_VEHICLE.geometry);
    clock.every(0.1, () => {
      for (const rover of site.rovers) rover.drive.setWheelSpeeds(leftRadPerSec, rightRadPerSec);
    });
    await clock.run({ untilSec: 8 });
    const [a, b] = site.rovers;
    const gap = Math.hypot((a?.body.x ?? 0) - (b?.body.x ?? 0), (a?.body.y ?? 0) - (b?.body.y ?? 0));
    expect(gap).toBeGreaterThanOrEqual(2 * DEFAULT_VEHICLE.radiusM - 1e-9);
    expect(site.collisions).toBeGreaterThanOrEqual(1);
  });

  it('stops a rover within 0.2 s when its drive is unplugged', async () => {
    const { clock, site } = build(ROOM, TWO);
    site.start();
    const rover = site.rovers[0];
    clock.every(0.1, () => rover?.drive.setWheelSpeeds(10, 10));
    await clock.run({ untilSec: 2 });
    expect(rover?.vehicle.twist.linearMPerSec).toBeGreaterThan(0.3);
    rover?.setConnected('drive', false);
    await clock.run({ untilSec: 2.3 });
    expect(rover?.drive.update().connected).toBe(false);
    expect(rover?.vehicle.twist.linearMPerSec).toBeLessThan(0.02);
    rover?.setConnected('drive', null);
    await clock.run({ untilSec: 3 });
    expect(rover?.vehicle.twist.linearMPerSec).toBeGreaterThan(0.3);
  });

  it('movers walk their way, are seen, and wait for a rover in it', async () => {
    const world: WorldSectionInput = {
      ...ROOM,
      movers: [
        {
          id: 'cart',
          way: [
            [4, 1.5],
            [4, 4.5],
          ],
          speedMPerSec: 0.5,
        },
      ],
    };
    const { clock, site } = build(world, { rovers: [{ id: 'a' }], lidar: EXACT_LIDAR, slip: 0 });
    site.start();
    let nearest = Number.POSITIVE_INFINITY;
    clock.every(0.1, () => {
      nearest = Math.min(nearest, site.rovers[0]?.lidar.update().scan?.rangesM[180] ?? Number.POSITIVE_INFINITY);
    });
    await clock.run({ untilSec: 6 });
    expect(nearest).toBeCloseTo(2 - 0.25, 1);
    const blocked = build({ ...world, starts: [{ at: [4, 3] }] }, { rovers: [{ id: 'a' }] });
    blocked.site.start();
    await blocked.clock.run({ untilSec: 10 });
    expect(blocked.site.movers[0]?.y).toBeLessThan(3 - 0.25 - DEFAULT_VEHICLE.radiusM + 1e-9);
  });

  it('people stop before a rover in their way and turn back when it stays', async () => {
    const way: [number, number][] = [
      [4, 1],
      [4, 5],
      [1, 5],
    ];
    const world: WorldSectionInput = { sizeM: [8, 8], starts: [{ at: [4, 3] }], movers: [{ id: 'walker', way, speedMPerSec: 1 }] };
    const { clock, site } = build(world, { rovers: [{ id: 'a' }] });
    site.start();
    const [walker] = site.movers;
    let nearest = Number.POSITIVE_INFINITY;
    let highest = 0;
    clock.every(0.1, () => {
      nearest = Math.min(nearest, Math.hypot((walker?.x ?? 0) - 4, (walker?.y ?? 0) - 3) - 0.25 - DEFAULT_VEHICLE.radiusM);
      if ((walker?.x ?? 0) < 3.5) highest = Math.max(highest, walker?.y ?? 0);
    });
    await clock.run({ untilSec: 14 });
    expect(nearest).toBeGreaterThan(0.2); // it kept its distance …
    expect(highest).toBeGreaterThan(4.5); // … and came round by the way's other end
    expect(site.collisions).toBe(0);
  });

  it('the sonar measures ahead and to the side after a sweep', async () => {
    const { clock, site } = build({ sizeM: [6, 6], starts: [{ at: [3, 3] }] }, { rovers: [{ id: 'a' }] });
    site.start();
    const sonar = site.rovers[0]?.sonar;
    await clock.run({ untilSec: 0.5 });
    expect(sonar?.update().rangeM).toBeCloseTo(2.8, 1);
    sonar?.aim(Math.PI / 4);
    await clock.run({ untilSec: 1 });
    expect(sonar?.update().bearingRad).toBeCloseTo(Math.PI / 4, 6);
    expect(sonar?.update().rangeM).toBeGreaterThan(2.9);
  });

  it('the IMU feels gravity and the turn', async () => {
    const { clock, site } = build(ROOM, TWO);
    site.start();
    const rover = site.rovers[0];
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds({ linearMPerSec: 0, angularRadPerSec: 0.8 }, DEFAULT_VEHICLE.geometry);
    clock.every(0.1, () => rover?.drive.setWheelSpeeds(leftRadPerSec, rightRadPerSec));
    await clock.run({ untilSec: 2 });
    const inputs = rover?.imu.update();
    expect(inputs?.angularVelocityRadPerSec[2]).toBeCloseTo(0.8, 1);
    expect(inputs?.accelerationMPerSec2[2]).toBeGreaterThan(9.4);
  });

  it('hands scans over late when the lidar has a latency', async () => {
    const { clock, site } = build(ROOM, { rovers: [{ id: 'a' }], lidar: { latencySec: 0.25 } });
    site.start();
    await clock.run({ untilSec: 2.011 });
    const scan = site.rovers[0]?.lidar.update().scan;
    expect(2 - (scan?.stampSec ?? 0)).toBeGreaterThan(0.24);
    expect(2 - (scan?.stampSec ?? 0)).toBeLessThan(0.36);
  });

  it('walkers keep to free floor and away from walls, whatever the seed', async () => {
    for (const seed of [1, 2, 3]) {
      const { clock, site } = build({ sizeM: [16, 12], layout: 'warehouse', walkers: 3 }, { rovers: [{ id: 'a' }] }, seed);
      site.start();
      const moved = site.movers.map((mover) => ({ mover, x: mover.x, y: mover.y }));
      clock.every(0.5, () => {
        for (const { x, y, radiusM } of site.movers) expect(site.world.isClear(x, y, radiusM)).toBe(true);
      });
      await clock.run({ untilSec: 10 });
      expect(moved).toHaveLength(3);
      for (const { mover, x, y } of moved) expect(Math.hypot(mover.x - x, mover.y - y)).toBeGreaterThan(0.1);
    }
  });

  it('the sonar hears a wall that it faces, not one at a slant, but the corner behind', async () => {
    const { clock, site } = build({ sizeM: [6, 6], starts: [{ at: [3, 3], yawDeg: 0 }] }, { rovers: [{ id: 'a' }], slip: 0 });
    site.start();
    const sonar = site.rovers[0]?.sonar;
    const rangeAt = async (bearingRad: number): Promise<number> => {
      sonar?.aim(bearingRad);
      await clock.run({ untilSec: clock.nowSec() + 1 });
      return sonar?.update().rangeM ?? Number.NaN;
    };
    expect(await rangeAt(0.3)).toBeCloseTo(2.8 / Math.cos(0.17), 1);
    expect(await rangeAt(Math.PI / 4)).toBeCloseTo(2.8 * Math.SQRT2, 0.5);
    const slanted = build(
      {
        sizeM: [6, 6],
        starts: [{ at: [3, 2], yawDeg: 0 }],
        walls: [
          {
            path: [
              [3.2, 1.2],
              [5.8, 3.2],
            ],
          },
        ],
      },
      { rovers: [{ id: 'a' }] },
    );
    slanted.site.start();
    await slanted.clock.run({ untilSec: 1 });
    // The slanted wall is 1.2 m ahead; its echo goes elsewhere.
    expect(slanted.site.rovers[0]?.sonar?.update().rangeM).toBe(Number.POSITIVE_INFINITY);
  });

  it('a rover with an empty battery stands still and senses nothing', async () => {
    const { clock, site } = build(ROOM, { rovers: [{ id: 'a', batteryFraction: 0.01 }] });
    site.start();
    const rover = site.rovers[0];
    clock.every(0.1, () => rover?.drive.setWheelSpeeds(3, -3));
    await clock.run({ untilSec: 60 });
    expect(rover?.drive.update().connected).toBe(true);
    await clock.run({ untilSec: 400 });
    expect(rover?.power.update().batteryFraction).toBe(0);
    expect(rover?.drive.update().connected).toBe(false);
    expect(rover?.lidar.update().connected).toBe(false);
    expect(rover?.vehicle.twist.angularRadPerSec).toBe(0);
  });
});
