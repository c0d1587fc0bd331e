// CARMEN logs as they come: good ones, and ones that were cut or garbled on the way.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCarmenLine } from '../../robot/recording/carmen-line.ts';
import { loadCarmenLog, readCarmenRecords } from '../../robot/recording/carmen-log.ts';
import { isOutriderError, type OutriderError } from '../../shared/errors.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-carmen-'));
});
afterAll(() => rm(folder, { recursive: true }));

const laser = (t: number, ranges: readonly number[] = [1, 2, 81.91, 2.5, 3]): string =>
  `FLASER ${ranges.length} ${ranges.join(' ')} ${t} 0.5 0.1 ${t + 0.1} 0.6 0.2 ${100 + t} robot ${t}`;
const text =
  ['# a comment', 'PARAM robot_length 0.7 host 0', laser(0), 'ODOM 0.5 0 0 0.3 0 0 100.5 robot 0.5', laser(1), laser(2)].join('\n') + '\n';

async function file(name: string, data: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, data);
  return path;
}

async function failure(work: Promise<unknown>): Promise<OutriderError> {
  try {
    await work;
  } catch (error) {
    if (isOutriderError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a good log', () => {
  it('comes out in order with both poses and with missing returns marked', async () => {
    const log = await loadCarmenLog(await file('good.log', text));
    expect(log.scans.length).toBe(3);
    expect(log.timed).toBe(true);
    expect(log.durationSec).toBeCloseTo(2, 9);
    const { scan, corrected, odometry } = log.scans[1] as (typeof log.scans)[number];
    expect(scan.stampSec).toBeCloseTo(1, 9);
    expect(corrected).toEqual({ x: 1, y: 0.5, theta: 0.1 });
    expect(odometry).toEqual({ x: 1.1, y: 0.6, theta: 0.2 });
    expect([...scan.rangesM]).toEqual([1, 2, Number.NaN, 2.5, 3]);
  });

  it('is the same compressed, whatever the file is called', async () => {
    const plain = await loadCarmenLog(await file('a.log', text));
    const packed = await loadCarmenLog(await file('b.log', gzipSync(text)));
    expect(packed).toEqual(plain);
  });

  it('gives odometry between the scans to those who read record by record', async () => {
    const kinds: string[] = [];
    for await (const record of readCarmenRecords(await file('c.log', text))) kinds.push(record.kind);
    expect(kinds).toEqual(['scan', 'odometry', 'scan', 'scan']);
  });

  it('goes by order where its times are truncated', async () => {
    const line = laser(0).replace(' 100 robot 0', ' 1.01893e+09 robot 1.01893e+09');
    const log = await loadCarmenLog(await file('truncated-times.log', `${line}\n${line}\n${line}\n`));
    expect(log.timed).toBe(false);
    expect(log.scans.map(({ scan }) => scan.stampSec)).toEqual([0, 1, 2]);
  });

  it('may end without a line end', async () => {
    expect((await loadCarmenLog(await file('d.log', text.trimEnd()))).scans.length).toBe(3);
  });

  it('knows the scanner by the number of beams', () => {
    const angles = (count: number): [number, number] => {
      const scan = parseCarmenLine(
        laser(
          0,
          Array.from({ length: count }, () => 1),
        ),
        1,
      );
      if (scan?.kind !== 'scan') throw new Error('not a scan');
      const degree = 180 / Math.PI;
      return [scan.angleMinRad * degree, (scan.angleMinRad + (count - 1) * scan.angleIncrementRad) * degree];
    };
    expect(angles(361)).toEqual([-90, expect.closeTo(90, 6)]);
    expect(angles(360)).toEqual([-90, expect.closeTo(89.5, 6)]);
    expect(angles(180)).toEqual([-90, expect.closeTo(89, 6)]);
    expect(angles(1081)).toEqual([expect.closeTo(-135, 6), expect.closeTo(135, 6)]);
  });

  it('takes the angles and the range of a ROBOTLASER1 line from the line', async () => {
    const line = 'ROBOTLASER1 0 -1.5 3.0 1.5 8.0 0.01 0 3 1.0 8.0 2.0 0 1 2 0.3 4 5 0.6 0 0 0 0 0 12.5 host 0.5\n';
    const { scans } = await loadCarmenLog(await file('new.log', line));
    const { scan, corrected, odometry } = scans[0] as (typeof scans)[number];
    expect([scan.angleMinRad, scan.angleIncrementRad, scan.rangeMaxM]).toEqual([-1.5, 1.5, 8]);
    expect([...scan.rangesM]).toEqual([1, Number.POSITIVE_INFINITY, 2]);
    expect([corrected.x, odometry.x]).toEqual([1, 4]);
  });

  it('finds out that a short-ranged sensor saturates', async () => {
    const line = (t: number): string => laser(t, [...Array.from({ length: 20 }, () => 8.1), 2, 3, 4]);
    const log = await loadCarmenLog(await file('short.log', `${line(0)}\n${line(1)}\n`));
    expect(log.maxRangeM).toBeCloseTo(8.1, 5);
    expect(log.scans[0]?.scan.rangesM[0]).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a broken log', () => {
  it('that is not there is OUT_LOG_UNREADABLE', async () => {
    expect((await failure(loadCarmenLog(join(folder, 'none.log')))).code).toBe('OUT_LOG_UNREADABLE');
  });

  it('whose gzip stream ends early is OUT_LOG_TRUNCATED and says after which line', async () => {
    const packed = gzipSync(Array.from({ length: 500 }, (_, i) => laser(i, [Math.sin(i) + 2, 2, 3])).join('\n'));
    const error = await failure(loadCarmenLog(await file('cut.log.gz', packed.subarray(0, packed.length >> 1))));
    expect(error.code).toBe('OUT_LOG_TRUNCATED');
    expect(error.message).toMatch(/cut\.log\.gz: .* in line \d+/);
  });

  it('whose gzip stream is damaged is OUT_LOG_MALFORMED', async () => {
    const packed = Buffer.from(gzipSync(text));
    packed[packed.length - 6] = (packed[packed.length - 6] as number) ^ 0xff; // the checksum
    expect((await failure(loadCarmenLog(await file('bad.log.gz', packed)))).code).toBe('OUT_LOG_MALFORMED');
  });

  it('whose last line was cut is OUT_LOG_TRUNCATED with the line', async () => {
    const error = await failure(loadCarmenLog(await file('last.log', text.slice(0, -20))));
    expect(error.code).toBe('OUT_LOG_TRUNCATED');
    expect(error.details['line']).toBe(6);
  });

  it.each([
    ['too few ranges for its count', 'FLASER 9 1 2 3 0 0 0 0 0 0 1 host 1', /FLASER has 13 values; 9 ranges/],
    ['a word in place of a range', 'FLASER 2 1 oops 0 0 0 0 0 0 1 host 1', /number 2 of 2\) is "oops"/],
    ['a count that is no count', 'FLASER -3 1 2 0 0 0 0 0 0 1 host 1', /number of ranges is -3/],
    ['a count beyond all scanners', 'FLASER 99999999 1', /0 to 20000/],
    ['no message name', '\u0000\u0001\u0002 garbage', /not with a message name/],
  ])('with %s is OUT_LOG_MALFORMED at its line', async (_, line, message) => {
    const error = await failure(loadCarmenLog(await file('garbled.log', `${laser(0)}\n${line}\n${laser(1)}\n`)));
    expect(error.code).toBe('OUT_LOG_MALFORMED');
    expect(error.message).toMatch(/garbled\.log: line 2: /);
    expect(error.message).toMatch(message);
  });

  it('without any scan is OUT_LOG_MALFORMED', async () => {
    expect((await failure(loadCarmenLog(await file('empty.log', '# nothing\n')))).code).toBe('OUT_LOG_MALFORMED');
  });

  it('that never ends a line does not fill the memory', async () => {
    expect((await failure(loadCarmenLog(await file('endless.log', 'FLASER '.repeat(400_000))))).code).toBe('OUT_LOG_MALFORMED');
  });
});

const data = new URL('../../../shared/data/carmen/', import.meta.url);
const present = await stat(data).then(
  () => true,
  () => false,
);

describe.skipIf(!present)('the published logs (skipped where shared/data/carmen is missing)', () => {
  it.each([
    ['belgioioso-corrected', 395, false],
    ['csail-corrected', 406, false],
    ['csail-raw', 406, true],
    ['fhw-corrected', 488, true],
    ['freiburg-101-corrected', 292, true],
    ['seattle-corrected', 241, true],
  ])('%s has %i scans', async (name, count, timed) => {
    const log = await loadCarmenLog(new URL(`${name}.log.gz`, data).pathname);
    expect(log.scans.length).toBe(count);
    expect(log.timed).toBe(timed);
    expect(log.scans.every(({ scan }, i) => i === 0 || scan.stampSec > (log.scans[i - 1]?.scan.stampSec as number))).toBe(true);
  });

  it('break off with a coded error wherever they are cut', async () => {
    const whole = await readFile(new URL('seattle-corrected.log.gz', data));
    for (const share of [0.01, 0.3, 0.9, 0.999]) {
      const path = await file('share.log.gz', whole.subarray(0, Math.floor(share * whole.length)));
      expect((await failure(loadCarmenLog(path))).code).toBe('OUT_LOG_TRUNCATED');
    }
  });
});
