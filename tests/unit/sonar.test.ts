import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arcEvidenceNat, DEFAULT_SONAR_MODEL, drawPing } from '../../robot/navigation/sonar/inverse-sonar-model.ts';
import { SonarMapping } from '../../robot/navigation/sonar/sonar-mapping.ts';
import { SonarView } from '../../robot/navigation/sonar/sonar-view.ts';
import { matchSweep } from '../../robot/navigation/sonar/sweep-matcher.ts';
import { SweepPilot } from '../../robot/navigation/sonar/sweep-pilot.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { compose, IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { STOP } from '../../shared/geometry/twist2.ts';
import { LOG_ODDS_HIT, LOG_ODDS_PER_NAT } from '../../shared/mapping/log-odds.ts';
import type { RangeInputs } from '../../shared/ports/range-io.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import { DEFAULT_SONAR, SimulatedSonar } from '../../sim/sensors/sonar.ts';
import { World } from '../../sim/world/world.ts';

const FOV = 0.26;
const ping = (rangeM: number, bearingRad = 0, stampSec = 0, fieldOfViewRad = FOV): RangeInputs => ({
  connected: true,
  stampSec,
  bearingRad,
  fieldOfViewRad,
  rangeMinM: 0.02,
  rangeMaxM: 4,
  rangeM,
});

/** Evidence by cell on a grid whose prior is `known`. */
function draw(reading: RangeInputs, at: Pose2 = IDENTITY, known = new Map<string, number>(), resolutionM = 0.05) {
  const added = new Map<string, number>();
  drawPing(
    {
      resolutionM,
      logOddsOf: (x, y) => known.get(`${x},${y}`) ?? 0,
      add: (x, y, logOdds) => added.set(`${x},${y}`, (added.get(`${x},${y}`) ?? 0) + logOdds),
    },
    reading,
    at,
  );
  return [...added].map(([key, logOdds]) => {
    const [x, y] = key.split(',').map((value) => (Number(value) + 0.5) * resolutionM) as [number, number];
    const awayM = Math.hypot(x - at.x, y - at.y);
    const off = Math.abs(angleDifference(Math.atan2(y - at.y, x - at.x), at.theta + reading.bearingRad));
    return { key, logOdds, awayM, off };
  });
}

describe('the inverse model of a ping', () => {
  it('speaks of its cone alone: free before the echo, maybe occupied at its range, silent behind', () => {
    fc.assert(
      fc.property(
        fc.record({ x: fc.double({ min: -5, max: 5, noNaN: true }), y: fc.double({ min: -5, max: 5, noNaN: true }) }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        fc.double({ min: 0.3, max: 2.4, noNaN: true }),
        ({ x, y }, theta, bearing, rangeM) => {
          const cells = draw(ping(rangeM, bearing), { x, y, theta });
          const band = 2 * (DEFAULT_SONAR_MODEL.deviationM + DEFAULT_SONAR_MODEL.deviationPerM * rangeM);
          for (const { logOdds, awayM, off } of cells) {
            expect(off).toBeLessThanOrEqual(FOV / 2 + 1e-9);
            expect(awayM).toBeLessThanOrEqual(rangeM + band + 1e-9);
            expect(Math.sign(logOdds)).toBe(awayM < rangeM - band ? -1 : 1);
          }
          expect(cells.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('gives the arc one surface’s worth of evidence, however many cells share it', () => {
    // A cell that alone can have thrown the echo back gets what a lidar's return gives.
    expect(Math.abs(LOG_ODDS_PER_NAT * arcEvidenceNat(1, DEFAULT_SONAR_MODEL.reliability) - LOG_ODDS_HIT)).toBeLessThan(1);
    for (const [near, far] of [
      [0.4, 0.8],
      [0.8, 1.6],
    ] as const) {
      const most = (rangeM: number): number => Math.max(...draw(ping(rangeM)).map(({ logOdds }) => logOdds));
      expect(most(near)).toBeGreaterThan(most(far)); // the wider the arc, the less each cell is suspect
    }
    for (const rangeM of [0.4, 0.7, 1]) {
      const shares = draw(ping(rangeM)).flatMap(({ logOdds }) =>
        logOdds > 0 ? [(2 / (1 + Math.exp(-logOdds / LOG_ODDS_PER_NAT)) - 1) / 0.72] : [],
      );
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThan(0.7); // one, but for rounding to a byte
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThan(1.3);
    }
  });

  it('suspects what may be occupied, not what is known to be free', () => {
    const arc = draw(ping(1)).filter(({ logOdds }) => logOdds > 0);
    const suspect = arc.reduce((a, b) => (a.off <= b.off ? a : b));
    const known = new Map(arc.map(({ key }) => [key, key === suspect.key ? 0 : -60]));
    const again = draw(ping(1), IDENTITY, known).filter(({ logOdds }) => logOdds > 0);
    const of = (cells: typeof arc): number => cells.find(({ key }) => key === suspect.key)?.logOdds ?? 0;
    expect(of(again)).toBeGreaterThan(2 * of(arc));
    expect(again.filter(({ key }) => key !== suspect.key).every(({ logOdds }) => logOdds <= 3)).toBe(true);
  });

  it('believes silence only near by and less than an echo, and an invalid reading not at all', () => {
    const silent = draw(ping(Number.POSITIVE_INFINITY));
    expect(silent.every(({ logOdds, awayM }) => logOdds < 0 && awayM <= DEFAULT_SONAR_MODEL.silentClearM)).toBe(true);
    const least = (cells: typeof silent): number => Math.min(...cells.map(({ logOdds }) => logOdds));
    expect(least(silent)).toBeGreaterThan(least(draw(ping(2))) / 2);
    expect(draw(ping(Number.NaN))).toEqual([]);
  });
});

describe('a map by sonar', () => {
  /** Pings from the middle of a round room: from there every surface faces the sensor. */
  function mapped(): SonarMapping {
    const mapping = new SonarMapping({ x: 1, y: 2, theta: 0 });
    for (let turn = 0; turn < 12; turn += 1) {
      for (let step = 0; step < 48; step += 1) mapping.update(ping(1.2, 0, turn + step / 48), { x: 0, y: 0, theta: (step * Math.PI) / 24 });
    }
    return mapping;
  }

  it('comes out of many pings: floor free, the wall occupied at its place, nothing beyond', () => {
    const map = mapped().toOccupancyMap();
    const at = (x: number, y: number): number =>
      map.cells[Math.floor((y - map.originY) / 0.05) * map.width + Math.floor((x - map.originX) / 0.05)] as number;
    for (let turn = 0; turn < 24; turn += 1) {
      const angle = (turn * Math.PI) / 12;
      const along = (awayM: number): number => at(1 + awayM * Math.cos(angle), 2 + awayM * Math.sin(angle));
      expect(along(0.6)).toBeLessThan(25);
      expect(Math.max(along(1.15), along(1.2), along(1.25))).toBeGreaterThan(65);
      expect(along(1.5)).toBe(-1);
    }
  });

  it('moves into another frame with all that is drawn', () => {
    const mapping = mapped();
    const change = { x: 3, y: -1, theta: Math.PI / 2 };
    mapping.rebase(change);
    expect(mapping.takeFrameChange()).toEqual(change);
    expect(mapping.takeFrameChange()).toBeNull();
    const { x, y } = compose(change, { x: 1, y: 2, theta: 0 });
    expect(mapping.mapToOdom).toMatchObject({ x, y });
    const map = mapping.toOccupancyMap();
    const cell = Math.floor((y - map.originY) / 0.05) * map.width + Math.floor((x + 0.5 - map.originX) / 0.05);
    expect(map.cells[cell]).toBeLessThan(25);
  });
});

describe('a sweep against the map', () => {
  const world = new World(
    resolveSite(
      worldSchema.parse({ sizeM: [4, 3], starts: [{ at: [1, 1] }], obstructions: [{ shape: 'box', at: [2.6, 2], sizeM: [0.5, 0.4] }] }),
      {
        random: new SeededRandom(1),
        rovers: 1,
        roverRadiusM: 0.18,
      },
    ),
  );
  /** A full sweep of the simulated sensor from a true pose. */
  function sweepFrom(pose: Pose2, seed: number): RangeInputs[] {
    let nowSec = 0;
    const sonar = new SimulatedSonar(DEFAULT_SONAR, world, new SeededRandom(seed), {
      pose: () => pose,
      others: () => [],
      nowSec: () => nowSec,
    });
    sonar.aim(-Math.PI / 2);
    nowSec = 2;
    return Array.from({ length: 25 }, (_, k) => {
      sonar.aim(-Math.PI / 2 + (k * Math.PI) / 24);
      nowSec += 0.1;
      return sonar.update();
    });
  }
  const places: Pose2[] = [
    { x: 1, y: 1, theta: 0 },
    { x: 1, y: 1, theta: 2.5 },
    { x: 1.5, y: 1.2, theta: 0.8 },
    { x: 1.6, y: 1, theta: -1.5 },
    { x: 1.2, y: 1.6, theta: 1.6 },
  ];

  it('finds back where the rover is when odometry has slipped', () => {
    const mapping = new SonarMapping(IDENTITY, { matching: false });
    for (const [k, place] of places.entries()) for (const reading of sweepFrom(place, k)) mapping.update(reading, place);
    const map = mapping.toOccupancyMap();
    const probe = (x: number, y: number): number => {
      const percent = map.cells[Math.floor((y - map.originY) / 0.05) * map.width + Math.floor((x - map.originX) / 0.05)] ?? -1;
      return percent <= 0 ? 0 : LOG_ODDS_PER_NAT * Math.log(percent / (100 - percent));
    };
    for (const [k, error] of [
      { x: 0.1, y: 0.04, theta: 0.08 },
      { x: -0.06, y: 0.08, theta: -0.1 },
      { x: 0.02, y: -0.08, theta: 0.1 },
    ].entries()) {
      const truth = { x: 1.3, y: 1.2, theta: 0.3 + 0.4 * k };
      const believed = { x: truth.x + error.x, y: truth.y + error.y, theta: truth.theta + error.theta };
      const correction = matchSweep(
        sweepFrom(truth, 20 + k).map((reading) => ({ ping: reading, at: believed })),
        probe,
      );
      expect(correction).not.toBeNull();
      const corrected = compose(correction ?? IDENTITY, believed);
      expect(Math.hypot(corrected.x - truth.x, corrected.y - truth.y)).toBeLessThan(0.06);
      expect(Math.abs(angleDifference(corrected.theta, truth.theta))).toBeLessThan(0.05);
    }
  });

  it('says nothing without a map, or with too few echoes', () => {
    const sweep = sweepFrom({ x: 1, y: 1, theta: 0 }, 1).map((reading) => ({ ping: reading, at: IDENTITY }));
    expect(matchSweep(sweep, () => 0)).toBeNull();
    expect(matchSweep(sweep.slice(0, 3), () => 100)).toBeNull();
  });
});

describe('what the collision monitor sees by sonar', () => {
  it('is blind where nothing was measured, clear where pings met nothing, and moves echoes with the rover', () => {
    const view = new SonarView();
    expect(view.scan(IDENTITY)).toBeNull();
    view.add(ping(1), IDENTITY);
    view.add(ping(Number.POSITIVE_INFINITY, Math.PI / 4, 0.1), IDENTITY);
    const ranges = (now: Pose2): Float32Array => view.scan(now)?.rangesM ?? new Float32Array();
    expect(ranges(IDENTITY)[36]).toBeCloseTo(1);
    expect(ranges(IDENTITY)[45]).toBe(Number.POSITIVE_INFINITY);
    expect(ranges(IDENTITY)[0]).toBeNaN();
    expect(ranges({ x: 0.4, y: 0, theta: 0 })[36]).toBeCloseTo(0.6, 1);
    expect(ranges({ x: 0, y: 0, theta: Math.PI / 2 })[18]).toBeCloseTo(1); // now to the right
  });

  it('keeps an echo although a later ping near by is silent, and forgets it in time', () => {
    const view = new SonarView();
    view.add(ping(0.5), IDENTITY);
    view.add(ping(Number.POSITIVE_INFINITY, 0, 0.5), IDENTITY);
    expect(view.scan(IDENTITY)?.rangesM[36]).toBeCloseTo(0.5);
    view.add(ping(Number.POSITIVE_INFINITY, 0, 2.5), IDENTITY);
    expect(view.scan(IDENTITY)?.rangesM[36]).toBe(Number.POSITIVE_INFINITY);
    view.add(ping(Number.POSITIVE_INFINITY, 1, 9), IDENTITY);
    expect(view.scan(IDENTITY)?.rangesM[36]).toBeNaN();
  });
});

describe('the sweep pilot', () => {
  const moving = { linearMPerSec: 0.2, angularRadPerSec: 0 };

  /** Runs with an ideal servo until the pilot lets the rover go. */
  function sweep(pilot: SweepPilot, at: Pose2, fromSec: number): Set<number> {
    const looked = new Set<number>();
    let bearing = 0;
    for (let k = 0; k < 100; k += 1) {
      const { bearingRad, hold } = pilot.step(ping(1, bearing, fromSec + k / 10), at, STOP, false);
      if (!hold) break;
      bearing = bearingRad;
      looked.add(Math.round((bearing * 180) / Math.PI));
    }
    return looked;
  }

  it('looks all around the front before the rover goes, and again after half a metre', () => {
    const pilot = new SweepPilot();
    const looked = sweep(pilot, IDENTITY, 0);
    for (const bearing of [-90, -45, 0, 45, 90]) expect([...looked].some((at) => Math.abs(at - bearing) <= 4)).toBe(true);
    expect(looked.size).toBeGreaterThan(20);
    expect(pilot.step(ping(1, 0, 20), { x: 0.3, y: 0, theta: 0 }, moving, false).hold).toBe(false);
    expect(pilot.step(ping(1, 0, 21), { x: 0.6, y: 0, theta: 0 }, moving, false).hold).toBe(true);
  });

  it('sweeps where the rover wants to look from, once', () => {
    const pilot = new SweepPilot();
    sweep(pilot, IDENTITY, 0);
    const there = { x: 0.3, y: 0, theta: 0 };
    expect(pilot.step(ping(1, 0, 20), there, STOP, true).hold).toBe(true);
    sweep(pilot, there, 20);
    expect(pilot.step(ping(1, 0, 40), there, STOP, true).hold).toBe(false);
  });

  it('does not hold the rover for ever when the servo is stuck', () => {
    const pilot = new SweepPilot();
    let held = 0;
    for (let k = 0; k < 200 && pilot.step(ping(1, 0, k / 10), IDENTITY, STOP, false).hold; k += 1) held += 1;
    expect(held).toBeGreaterThan(30);
    expect(held).toBeLessThan(80);
  });
});
