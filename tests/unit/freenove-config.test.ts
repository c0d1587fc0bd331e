import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { freenoveRoverSchema } from '../../robot/freenove/main.ts';
import { checkConfig, parseYaml } from '../../shared/config/load-yaml.ts';
import { isOutriderError } from '../../shared/errors.ts';

const problemsOf = (section: unknown): string => {
  try {
    checkConfig(section, 'rover.yaml', freenoveSchema);
    return '';
  } catch (error) {
    if (!isOutriderError(error, 'OUT_CONFIG_INVALID')) throw error;
    return error.message;
  }
};

describe('a Freenove’s YAML', () => {
  it('has the kit’s wiring where nothing is written', () => {
    const config = freenoveSchema.parse({});
    const channels = Object.values(config.motors).map(({ forwardChannel, reverseChannel }) => [forwardChannel, reverseChannel]);
    expect(channels).toEqual([
      [1, 0],
      [2, 3],
      [7, 6],
      [5, 4],
    ]);
    expect(config).toMatchObject({ board: 2, adc: 'auto', sonar: { triggerLine: 27, echoLine: 22 }, buzzerLine: 17, lineSensors: null });
  });

  it('the file that comes with Outrider is right, and says what the defaults say', async () => {
    const text = await readFile(new URL('../../hardware/freenove-4wd/rover.yaml', import.meta.url), 'utf8');
    const config = parseYaml(text, 'rover.yaml', freenoveRoverSchema);
    expect(config.freenove).toEqual(freenoveSchema.parse({}));
    expect(config).toMatchObject({ body: 'freenove-4wd', lidar: { model: 'ld19' }, watchdog: { silenceSec: 0.3 } });
  });

  it.each([
    ['two motors on one channel', { motors: { leftFront: { forwardChannel: 7 } } }, 'no two motors may share a channel'],
    ['a motor with one channel', { motors: { leftFront: { forwardChannel: 0 } } }, 'must differ'],
    ['a board that there is not', { board: 3 }, 'board'],
    [
      'a curve that falls',
      {
        speedCurve: [
          { radPerSec: 0, duty: 900 },
          { radPerSec: 5, duty: 800 },
        ],
      },
      'must both rise',
    ],
    ['a line beyond the header', { buzzerLine: 40 }, 'buzzerLine'],
    ['an unknown key', { motor: {} }, 'motor'],
  ])('refuses %s', (_, section, text) => {
    expect(problemsOf(section)).toContain(text);
  });

  it('lidar and line sensors cannot share the UART’s lines', () => {
    const file = (port: string) => ({
      body: 'freenove-4wd',
      id: 'car-1',
      lidar: { model: 'ld06', port },
      freenove: { lineSensors: [14, 15, 23] },
    });
    expect(() => checkConfig(file('/dev/serial0'), 'rover.yaml', freenoveRoverSchema)).toThrow(/BCM 14 and 15 are the UART/);
    expect(checkConfig(file('/dev/ttyUSB0'), 'rover.yaml', freenoveRoverSchema).lidar?.port).toBe('/dev/ttyUSB0');
  });

  it('a watchdog must be faster than half a second', () => {
    const file = { body: 'freenove-4wd', id: 'car-1', watchdog: { silenceSec: 0.6 } };
    expect(() => checkConfig(file, 'rover.yaml', freenoveRoverSchema)).toThrow(/silenceSec/);
  });
});
