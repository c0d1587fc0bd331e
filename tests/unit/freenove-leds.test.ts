import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { openFreenove } from '../../hardware/freenove-4wd/freenove-body.ts';
import { type Colour, openLedStrip, ws2812Bytes } from '../../hardware/freenove-4wd/led-strip.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

const SPI_BIT_US = 1 / 2.4;

/** What a chain of WS2812B makes of the line (data sheet): pulses are told by their length, a long low ends the frame. */
function receive(bytes: Uint8Array): { colours: Colour[]; lowUs: number } {
  const line = [...bytes].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> (7 - bit)) & 1));
  const bits: number[] = [];
  let lowUs = 0;
  for (let at = 0; at < line.length;) {
    let high = 0;
    while (line[at] === 1) [high, at] = [high + 1, at + 1];
    let low = 0;
    while (at < line.length && line[at] === 0) [low, at] = [low + 1, at + 1];
    if (high > 0) {
      const highUs = high * SPI_BIT_US;
      const isOne = Math.abs(highUs - 0.8) <= 0.15;
      expect(isOne || Math.abs(highUs - 0.4) <= 0.15).toBe(true);
      bits.push(isOne ? 1 : 0);
    }
    lowUs = low * SPI_BIT_US;
  }
  const values = Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((sum, bit) => 2 * sum + bit, 0));
  const colours = Array.from({ length: values.length / 3 }, (_, i): Colour => {
    const [green, red, blue] = values.slice(3 * i, 3 * i + 3) as [number, number, number];
    return [red, green, blue];
  });
  return { colours, lowUs };
}

describe('WS2812B over SPI', () => {
  it('pulses within the data sheet’s times show exactly the colours, then a reset of 280 µs', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.array(fc.tuple(byte, byte, byte), { minLength: 1, maxLength: 8 }), (colours) => {
        const seen = receive(ws2812Bytes(colours));
        expect(seen.colours).toEqual(colours);
        expect(seen.lowUs).toBeGreaterThan(280);
      }),
    );
  });

  describe('device', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'leds-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it('gets eight LEDs at most, and darkness in the end', async () => {
      const path = join(folder, 'spidev0.0');
      await writeFile(path, '');
      const strip = openLedStrip(path);
      expect(strip.show(Array.from({ length: 9 }, (): Colour => [255, 0, 300]))).toBe(true);
      strip.close();
      const { colours } = receive(await readFile(path));
      expect(colours).toEqual([...Array.from({ length: 8 }, () => [255, 0, 255]), ...Array.from({ length: 8 }, () => [0, 0, 0])]);
    });

    it('says that it is not there', () => {
      expect(() => openLedStrip(join(folder, 'nowhere', 'spidev'))).toThrow(expect.objectContaining({ code: 'OUT_HARDWARE_BUS' }));
    });
  });

  it('are refused on board v1, where they hang on a line that SPI does not reach', async () => {
    const config = freenoveSchema.parse({ board: 1, leds: {} });
    await expect(openFreenove(config, new VirtualClock(), null)).rejects.toMatchObject({ code: 'OUT_HARDWARE_UNSUPPORTED' });
  });
});
