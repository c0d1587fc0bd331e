// A module of each kind at a site in memory, for tests of what a caller can rely on.
import { ElasticModule, type ElasticModuleOptions } from '../../shared/elastic/elastic-module.ts';
import type { OutriderError } from '../../shared/errors.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Echo, Ledger, echoManifest, ledgerManifest, type EchoHandle, type LedgerHandle } from './elastic-ledger.ts';
import { TestSite, type TestSiteOptions } from './elastic-test-site.ts';

/** A module, its site and the clock that both live by. */
export type Rig<H> = { clock: VirtualClock; site: TestSite; module: ElasticModule<H> };

/** With state: it appends numbers and counts them. */
export function ledger(site: Partial<TestSiteOptions> = {}, options: Partial<ElasticModuleOptions> = {}): Rig<LedgerHandle> {
  const clock = new VirtualClock();
  const manifest = ledgerManifest('per-rover');
  const testSite = new TestSite({ clock, manifest, createInstance: () => new Ledger(), delaySec: () => 0.001, ...site });
  const createLocal = (): Promise<Ledger> => Promise.resolve(new Ledger());
  return {
    clock,
    site: testSite,
    module: new ElasticModule({ manifest, channelId: 'r1', clock, site: testSite, createLocal, ...options }),
  };
}

/** Without state. */
export function echo(site: Partial<TestSiteOptions> = {}, options: Partial<ElasticModuleOptions> = {}): Rig<EchoHandle> {
  const clock = new VirtualClock();
  const manifest = echoManifest();
  const testSite = new TestSite({ clock, manifest, createInstance: () => new Echo(), delaySec: () => 0.001, ...site });
  const createLocal = (): Promise<Echo> => Promise.resolve(new Echo());
  return {
    clock,
    site: testSite,
    module: new ElasticModule({ manifest, channelId: 'r1', clock, site: testSite, createLocal, ...options }),
  };
}

/** Starts the module, does the work, closes the module; time passes as it is waited for. */
export async function inVirtualTime<H>({ clock, module }: Rig<H>, work: () => Promise<void>): Promise<void> {
  await clock.runUntilSettled(
    (async () => {
      await module.start();
      await work();
      await module.close();
    })(),
  );
}

/** How promises end: the value as text, or the error's code. */
export const settled = <T>(promises: Promise<T>[]): Promise<string[]> =>
  Promise.all(promises.map((promise) => promise.then(String, (error: OutriderError) => error.code ?? error.message)));
