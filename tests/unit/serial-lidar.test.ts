// Serial lidars as ports of the rover, on sensors that answer at the byte level.
import { describe, expect, it } from 'vitest';
import { LD19 } from '../../hardware/lidars/ld06.ts';
import { openNodeSerial } from '../../hardware/lidars/node-serial.ts';
import { SerialLidar } from '../../hardware/lidars/serial-lidar.ts';
import { SLAMTEC_A1, SLAMTEC_C1 } from '../../hardware/lidars/slamtec.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { FakeLd19, FakePort, FakeSlamtec, type FakeSensor } from '../support/fake-lidar.ts';

/** A box of 2 m ahead, 1 m to the right (clockwise 90°), nothing measurable behind, 3 m to the left. */
const scene = (clockwiseDeg: number): number => {
  if (clockwiseDeg > 330 || clockwiseDeg < 30) return 2000;
  if (clockwiseDeg > 60 && clockwiseDeg < 120) return 1000;
  return clockwiseDeg > 240 && clockwiseDeg < 300 ? 3000 : 0;
};

const SENSORS = [
  ['LD19', LD19, () => new FakeLd19(scene)],
  ['Slamtec A1', SLAMTEC_A1, () => new FakeSlamtec('A1', scene)],
  ['Slamtec C1', SLAMTEC_C1, () => new FakeSlamtec('C1', scene)],
] as const;

function plugIn(sensor: FakeSensor, model: (typeof SENSORS)[number][1], mountYawRad = 0) {
  const clock = new VirtualClock();
  const port = new FakePort(sensor, clock);
  const warnings: string[] = [];
  const silent = { debug: () => {}, info: () => {}, error: () => {} };
  const logger = {
    ...silent,
    warn: (fields: Record<string, unknown>) => void warnings.push(String(fields['reason'])),
    child: () => logger,
  };
  const lidar = new SerialLidar({ model, path: '/dev/lidar', open: port.open, clock, mountYawRad, logger });
  return { clock, port, lidar, warnings, run: (sec: number) => clock.run({ untilSec: clock.nowSec() + sec }) };
}

const rangeAt = (scan: LidarScan | null, bearingDeg: number): number => {
  if (scan === null) return expect.fail('no scan');
  const ray = Math.round(((bearingDeg * Math.PI) / 180 - scan.angleMinRad) / scan.angleIncrementRad) % scan.rangesM.length;
  return scan.rangesM[ray] as number;
};

describe.each(SENSORS)('a serial %s', (name, model, makeSensor) => {
  it('turns its clockwise points into counter-clockwise scans, nothing measured being NaN', async () => {
    const { lidar, run, port } = plugIn(makeSensor(), model);
    await run(1.5);
    const { connected, scan } = lidar.update();
    expect(connected).toBe(true);
    expect(port.opened).toEqual([{ path: '/dev/lidar', baudRate: model.baudRate }]);
    expect(rangeAt(scan, 0)).toBeCloseTo(2, 3);
    expect(rangeAt(scan, -90)).toBeCloseTo(1, 3);
    expect(rangeAt(scan, 90)).toBeCloseTo(3, 3);
    expect(rangeAt(scan, 180)).toBeNaN();
    const seen = scan?.rangesM.filter((range) => !Number.isNaN(range)).length ?? 0;
    expect(seen).toBeGreaterThan(170);
    expect(scan?.rangesM).toHaveLength(360);
    lidar.close();
  });

  it('gives a new scan for each revolution, stamped with its middle', async () => {
    const { lidar, run, clock } = plugIn(makeSensor(), model);
    await run(1.5);
    const first = lidar.update().scan;
    await run(1);
    const second = lidar.update().scan;
    const hz = name === 'Slamtec A1' ? 8 : 10;
    expect((second?.sequence ?? 0) - (first?.sequence ?? 0)).toBe(hz);
    expect((second?.stampSec ?? 0) - (first?.stampSec ?? 0)).toBeCloseTo(1, 1);
    const age = clock.nowSec() - (second?.stampSec ?? 0);
    expect(age).toBeGreaterThan(0.4 / hz);
    expect(age).toBeLessThan(1.7 / hz);
    lidar.close();
  });

  it('says disconnected at once when unplugged, and comes back by itself when plugged in', async () => {
    const { lidar, run, port, warnings } = plugIn(makeSensor(), model);
    await run(1.5);
    const before = lidar.update().scan?.sequence ?? -1;
    port.unplug();
    expect(lidar.update().connected).toBe(false);
    await run(3);
    expect(lidar.update()).toMatchObject({ connected: false, scan: { sequence: before } });
    expect(warnings).toEqual(['the device is gone', 'no such file: /dev/lidar']);
    port.plugged = true;
    await run(2.5);
    expect(lidar.update().connected).toBe(true);
    expect(lidar.update().scan?.sequence).toBeGreaterThan(before);
    lidar.close();
  });

  it('mounted a quarter turn to the left, sees its front at +90°', async () => {
    const { lidar, run } = plugIn(makeSensor(), model, Math.PI / 2);
    await run(1.5);
    expect(rangeAt(lidar.update().scan, 90)).toBeCloseTo(2, 3);
    lidar.close();
  });
});

describe('a Slamtec A1', () => {
  it('is asked for its health, turned by a cleared DTR line, started, and stopped when closed', async () => {
    const sensor = new FakeSlamtec('A1', scene);
    const { lidar, run } = plugIn(sensor, SLAMTEC_A1);
    await run(1);
    expect(sensor.heard).toEqual(['a525', 'a552', 'a520']);
    expect(sensor.motorTurns).toBe(true);
    lidar.close();
    expect(sensor.heard.at(-1)).toBe('a525');
    expect(sensor.motorTurns).toBe(false);
  });

  it('asks again when a request was lost', async () => {
    const sensor = new FakeSlamtec('A1', scene);
    sensor.deafFor = 2;
    const { lidar, run } = plugIn(sensor, SLAMTEC_A1);
    await run(3);
    expect(lidar.update().connected).toBe(true);
    lidar.close();
  });

  it('that reports an error is reset, and said why', async () => {
    const sensor = new FakeSlamtec('A1', scene);
    sensor.health = [2, 0x8001];
    const { lidar, run, warnings } = plugIn(sensor, SLAMTEC_A1);
    await run(1);
    expect(lidar.update().connected).toBe(false);
    expect(warnings).toEqual(['the sensor reports error 0x8001']);
    await run(4);
    expect(sensor.heard).toContain('a540');
    expect(lidar.update().connected).toBe(true);
    lidar.close();
  });

  it('whose motor is blocked is stale within 0.6 s, and its port is opened anew', async () => {
    const sensor = new FakeSlamtec('A1', scene);
    const { lidar, run, port, warnings } = plugIn(sensor, SLAMTEC_A1);
    await run(1.5);
    sensor.motorTurns = false;
    await run(0.8);
    expect(lidar.update().connected).toBe(false);
    await run(5);
    expect(warnings).toContain('no scan arrived');
    expect(port.opened.length).toBeGreaterThan(1);
    expect(lidar.update().connected).toBe(true); // opening clears DTR again
    lidar.close();
  });
});

describe('a serial port of this machine', () => {
  it('that is not there rejects with the system’s reason', async () => {
    await expect(openNodeSerial('/dev/no-such-lidar', 115_200, { data: () => {}, closed: () => {} })).rejects.toThrow(/no-such-lidar/);
  });
});
