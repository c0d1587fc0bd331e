// Old versions of a module's state migrate up, step by step, in both builds; what no step leads from is refused.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { bothBuilds } from '../support/module-values.ts';

const IMPORTS = "import type { f64, i32 } from 'outrider/portable';\n";

const FIRST = `${IMPORTS}
export class Odometer {
  kilometres: f64 = 0;
  /** Adds a way. @offloadable */
  add(kilometres: f64): f64 { this.kilometres += kilometres; return this.kilometres; }
}`;

const THIRD = `${IMPORTS}
export interface OdometerV1 { kilometres: f64 }
export interface OdometerV2 { metres: f64; trips: i32 }
/** Metres since 2. @migrates 1 */
export function toMetres(old: OdometerV1): OdometerV2 { return { metres: old.kilometres * 1000, trips: old.kilometres > 0 ? 1 : 0 }; }
/** A log of trips since 3. @migrates 2 */
export function toLog(old: OdometerV2): Odometer {
  const next = new Odometer();
  next.metres = old.metres;
  for (let trip: i32 = 0; trip < old.trips; trip += 1) next.log.push(old.metres / old.trips);
  return next;
}
export class Odometer {
  metres: f64 = 0;
  log: f64[] = [];
  /** Adds a way [m]. @offloadable */
  add(metres: f64): f64 { this.metres += metres; this.log.push(metres); return this.metres; }
  /** The ways. @offloadable */
  ways(): f64[] { return this.log; }
}`;

describe('state of an older version', { timeout: 120_000 }, () => {
  let home: string;
  let first: ModuleBundle;
  let third: ModuleBundle;

  const build = async (source: string, stateVersion: number): Promise<ModuleBundle> => {
    const directory = await mkdtemp(path.join(home, 'v'));
    const config = { name: 'odometer', version: '1.0.0', description: 'Ways.', entry: 'odometer.ts', sharing: 'per-rover' };
    await writeFile(
      path.join(directory, 'module.json'),
      JSON.stringify({ ...config, stateVersion, memoryMaxBytes: 16_777_216, onboard: 'native', engine: 'assemblyscript' }),
    );
    await writeFile(path.join(directory, 'odometer.ts'), source);
    return (await buildModule(directory)).bundle;
  };

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'outrider-migrate-'));
    [first, third] = [await build(FIRST, 1), await build(THIRD, 3)];
  }, 120_000);

  afterAll(() => rm(home, { recursive: true, force: true }));

  it('migrates up in both builds, from either build, with equal snapshots', async () => {
    const old = await bothBuilds(first, {});
    for (const instance of [old.native, old.wasm]) instance.call('add', [1.5]);
    expect(Buffer.from(old.wasm.snapshot())).toEqual(Buffer.from(old.native.snapshot()));
    for (const snapshot of [old.native.snapshot(), old.wasm.snapshot()]) {
      const { native, wasm } = await bothBuilds(third, {});
      for (const instance of [native, wasm]) {
        instance.restore(snapshot);
        expect(instance.call('ways', [])).toEqual([1500]);
        expect(instance.call('add', [250])).toBe(1750);
      }
      expect(Buffer.from(wasm.snapshot())).toEqual(Buffer.from(native.snapshot()));
    }
  });

  it('refuses state that is newer than the module, with both versions named', async () => {
    const { native, wasm } = await bothBuilds(third, {});
    const old = await bothBuilds(first, {});
    for (const instance of [old.native, old.wasm]) {
      expect(() => instance.restore(native.snapshot())).toThrow(/version 3; this module knows up to 1/);
      expect(() => instance.restore(wasm.snapshot())).toThrow(expect.objectContaining({ code: 'OUT_MODULE_SNAPSHOT' }));
    }
  });

  it('refuses at build time a chain with a gap', async () => {
    await expect(build(THIRD.replace('@migrates 2', '@migrates 3'), 4)).rejects.toMatchObject({
      code: 'OUT_MODULE_BUILD',
      message: expect.stringContaining('@migrates 1') as string,
    });
  });
});
