import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findHeaderChip, lineNumber } from '../../hardware/buses/gpio-chip.ts';
import { openGpioBank } from '../../hardware/buses/gpio.ts';
import { hex, openI2cBus } from '../../hardware/buses/i2c.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gpio-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function addChip(base: number, label: string, lines: number): Promise<void> {
  const folder = join(root, `gpiochip${base}`);
  await mkdir(folder);
  await writeFile(join(folder, 'label'), `${label}\n`);
  await writeFile(join(folder, 'base'), `${base}\n`);
  await writeFile(join(folder, 'ngpio'), `${lines}\n`);
}

describe('the header’s GPIO chip', () => {
  it('lies at 0 on a Raspberry Pi 4 up to kernel 6.5', async () => {
    await addChip(0, 'pinctrl-bcm2711', 58);
    await addChip(504, 'raspberrypi-exp-gpio', 8);
    expect(lineNumber(await findHeaderChip(root), 17)).toBe(17);
  });

  it('lies at 512 on a Raspberry Pi 4 from kernel 6.6 on: GPIO17 is 529', async () => {
    await writeFile(join(root, 'export'), '');
    await addChip(512, 'pinctrl-bcm2711', 58);
    await addChip(570, 'raspberrypi-exp-gpio', 8);
    expect(lineNumber(await findHeaderChip(root), 17)).toBe(529);
  });

  it('is found on a Raspberry Pi 5 by its label, after other chips and wherever it lies', async () => {
    await addChip(512, 'gpio-brcmstb@107d508500', 32);
    await addChip(544, 'gpio-brcmstb@107d508520', 4);
    await addChip(569, 'pinctrl-rp1', 54);
    const chip = await findHeaderChip(root);
    expect(chip).toEqual({ label: 'pinctrl-rp1', base: 569, lines: 54 });
    expect(lineNumber(chip, 27)).toBe(596);
  });

  it('names the chips that are there when none is a header', async () => {
    await addChip(0, 'INT33FF:00', 98);
    await expect(findHeaderChip(root)).rejects.toMatchObject({ code: 'OUT_HARDWARE_GPIO', message: expect.stringContaining('INT33FF:00') });
  });

  it('says that sysfs GPIO is missing', async () => {
    await expect(findHeaderChip(join(root, 'nothing'))).rejects.toMatchObject({ code: 'OUT_HARDWARE_GPIO' });
  });

  it('has lines 0 to 27, no others', async () => {
    await addChip(512, 'pinctrl-bcm2711', 58);
    const chip = await findHeaderChip(root);
    for (const bcm of [-1, 28, 1.5, Number.NaN]) expect(() => lineNumber(chip, bcm)).toThrow(/lines 0 to 27/);
  });
});

describe('buses on a machine without them', () => {
  it.skipIf(existsSync('/dev/i2c-1'))('a missing I2C bus is one coded error with a way out', async () => {
    await expect(openI2cBus(1)).rejects.toMatchObject({
      code: 'OUT_HARDWARE_BUS',
      message: '/dev/i2c-1: there is no such device',
      remedy: expect.stringContaining('raspi-config'),
    });
  });

  it.skipIf(existsSync('/sys/class/gpio'))('missing GPIO is one coded error', async () => {
    await expect(openGpioBank()).rejects.toMatchObject({ code: 'OUT_HARDWARE_GPIO' });
  });

  it('writes addresses as data sheets do', () => {
    expect([hex(0x40), hex(8)]).toEqual(['0x40', '0x08']);
  });
});
