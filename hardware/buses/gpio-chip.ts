// Where the 40-pin header's GPIO lines lie in sysfs. Up to kernel 6.5 BCM n was GPIO n; since 6.6 chips are numbered from a base (512 on a
// Raspberry Pi 4, another on a Pi 5, where further chips come first), so the chip is found by its label and its base is read.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OutriderError } from '../../shared/errors.ts';

export const GPIO_ROOT = '/sys/class/gpio';

/** Drivers of the header's chip: Pi 1–3 (and the compatible name some kernels show for the 4), Pi 4, Pi 5. */
const HEADER_LABELS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'];

export interface GpioChip {
  readonly label: string;
  /** Global number of the chip's line 0. */
  readonly base: number;
  /** Lines of the chip. */
  readonly lines: number;
}

/** The chip that serves the header. Throws OUT_HARDWARE_GPIO when sysfs GPIO is missing or no chip is known, naming those that are there. */
export async function findHeaderChip(root: string = GPIO_ROOT): Promise<GpioChip> {
  let names: string[];
  try {
    names = (await readdir(root)).filter((name) => /^gpiochip\d+$/.test(name));
  } catch (cause) {
    throw new OutriderError('OUT_HARDWARE_GPIO', `${root}: ${(cause as Error).message}`, { cause });
  }
  const found: string[] = [];
  for (const name of names.sort()) {
    const [label, base, lines] = await Promise.all(['label', 'base', 'ngpio'].map((file) => readText(join(root, name, file))));
    if (label === undefined || base === undefined || lines === undefined) continue;
    const chip = { label, base: Number(base), lines: Number(lines) };
    if (HEADER_LABELS.includes(label) && Number.isInteger(chip.base) && chip.lines > 27) return chip;
    found.push(label);
  }
  throw new OutriderError(
    'OUT_HARDWARE_GPIO',
    `${root}: no chip of a Raspberry Pi header (${HEADER_LABELS.join(', ')}); there is ${found.length === 0 ? 'none' : found.join(', ')}`,
  );
}

/** sysfs number of a header line. Throws OUT_HARDWARE_GPIO when the header has no such line. */
export function lineNumber(chip: GpioChip, bcm: number): number {
  if (!Number.isInteger(bcm) || bcm < 0 || bcm > 27)
    throw new OutriderError('OUT_HARDWARE_GPIO', `BCM ${bcm}: the header has lines 0 to 27`);
  return chip.base + bcm;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
