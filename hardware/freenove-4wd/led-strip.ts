// The eight WS2812B LEDs of board v2 on the SPI data line. One WS2812 bit is three SPI bits at 2.4 MHz (data sheet, data transfer time): 110 is a one
// (0.83 µs high), 100 a zero (0.42 µs), both within ±0.15 µs of 0.8 and 0.4.
import { closeSync, openSync, writeSync } from 'node:fs';
import { OutriderError } from '../../shared/errors.ts';

/** Red, green, blue, 0 to 255 each. */
export type Colour = readonly [number, number, number];

export const LED_COUNT = 8;
const SPI_BITS_PER_SEC = 2.4e6;
/** Low for longer than 280 µs: the LEDs take over what they got. */
const RESET_BYTES = Math.ceil((300e-6 * SPI_BITS_PER_SEC) / 8);

/** The bytes that show colours on a strip: green, red, blue, most significant bit first; then the reset. */
export function ws2812Bytes(colours: readonly Colour[]): Uint8Array {
  const out = new Uint8Array(colours.length * 9 + RESET_BYTES);
  let at = 0;
  for (const [red, green, blue] of colours) {
    for (const value of [green, red, blue]) {
      let bits = 0;
      const byte = Math.max(0, Math.min(255, Math.round(value)));
      for (let bit = 7; bit >= 0; bit -= 1) bits = (bits << 3) | ((byte >> bit) & 1 ? 0b110 : 0b100);
      out.set([(bits >> 16) & 0xff, (bits >> 8) & 0xff, bits & 0xff], at);
      at += 3;
    }
  }
  return out;
}

export interface LedStrip {
  /** False when the device did not take it. Colours beyond the eighth are ignored. */
  show(colours: readonly Colour[]): boolean;
  close(): void;
}

/** Opens the SPI device; its clock must stand at 2.4 MHz (docs/raspberry-pi.md). Throws OUT_HARDWARE_BUS. */
export function openLedStrip(path: string): LedStrip {
  let device: number;
  try {
    device = openSync(path, 'w');
  } catch (cause) {
    throw new OutriderError('OUT_HARDWARE_BUS', `${path}: ${(cause as Error).message}`, { cause });
  }
  const show = (colours: readonly Colour[]): boolean => {
    const bytes = ws2812Bytes(colours.slice(0, LED_COUNT));
    try {
      return writeSync(device, bytes) === bytes.length;
    } catch {
      return false;
    }
  };
  return {
    show,
    close: () => {
      show(Array.from({ length: LED_COUNT }, () => [0, 0, 0] as const));
      closeSync(device);
    },
  };
}
