// The Map Server under load: four rovers at 10 scans a second on a site of 100 m × 100 m at 5 cm, in both builds.
import { readBundle } from '../shared/elastic/bundle.ts';
import { compileWasm, instantiateNative } from '../shared/elastic/instantiate.ts';
import type { ModuleInstance } from '../shared/elastic/module-instance.ts';
import { inlineRegistration } from '../shared/modules/host-impl/registration.ts';
import { atLeast, atMost, quantile, type Bench } from './bench-result.ts';
import { exploration, fullSite, ROVERS, SCANS_PER_SEC, type Update } from './support/mapping-load.ts';

const MEASURED_SEC = 30;
/** The rovers' own rate: ten scans a second each. */
const REAL_TIME_UPDATES_PER_SEC = ROVERS.length * SCANS_PER_SEC;

interface Published {
  atMs: number[];
}

async function instantiate(kind: 'native' | 'wasm', published: Published): Promise<ModuleInstance> {
  const bundle = await readBundle(new URL('../modules/map-server/', import.meta.url).pathname);
  const host = {
    registration: inlineRegistration(), // these rovers know their starts: nothing is registered
    'map-view': {
      publishTile: () => void published.atMs.push(performance.now()),
      publishObject: () => undefined,
      publishMetadata: () => undefined,
    },
  };
  return kind === 'native' ? instantiateNative(bundle, host) : (await compileWasm(bundle)).instantiate(host);
}

async function measure(kind: 'native' | 'wasm', log: (line: string) => void): Promise<Record<string, number>> {
  const published: Published = { atMs: [] };
  const server = await instantiate(kind, published);
  for (const rover of ROVERS) server.call('join', [rover, 0, 0, 0]);
  const apply = ({ rover, stampSec, patches }: Update): unknown => server.call('update', [rover, stampSec, patches]);
  for (const update of fullSite()) apply(update);
  server.call('flush', [100]);
  for (const update of exploration(101, 5)) apply(update); // warm-up
  log(`${kind}: site mapped, ${published.atMs.length} tiles published`);

  const memoryBytes = server.memoryBytes();
  const callMs: number[] = [];
  const toTileMs: number[] = [];
  let tiles = 0;
  let cells = 0;
  let updates = 0;
  let wallMs = 0;
  for (const update of exploration(106, MEASURED_SEC)) {
    published.atMs.length = 0;
    const callStartedMs = performance.now();
    apply(update);
    const tookMs = performance.now() - callStartedMs;
    callMs.push(tookMs);
    wallMs += tookMs;
    updates += 1;
    for (const atMs of published.atMs) toTileMs.push(atMs - callStartedMs);
    tiles += update.patches.length;
    cells += update.patches.length * 4096;
  }
  const wallSec = wallMs / 1000;
  const snapshotStartedMs = performance.now();
  const snapshotBytes = server.snapshot().byteLength;
  const snapshotMs = performance.now() - snapshotStartedMs;
  return {
    updates_per_s: updates / wallSec,
    patches_per_s: tiles / wallSec,
    mcells_per_s: cells / wallSec / 1e6,
    real_time_factor: updates / wallSec / REAL_TIME_UPDATES_PER_SEC,
    call_p50_ms: quantile(callMs, 0.5),
    call_p99_ms: quantile(callMs, 0.99),
    update_to_tile_p50_ms: quantile(toTileMs, 0.5),
    update_to_tile_p99_ms: quantile(toTileMs, 0.99),
    tiles_published: toTileMs.length,
    // The native build's state lies on the heap of its process; its snapshot says how much it is.
    ...(kind === 'wasm' ? { memory_mib: memoryBytes / 2 ** 20 } : {}),
    snapshot_mib: snapshotBytes / 2 ** 20,
    snapshot_ms: snapshotMs,
  };
}

export const bench: Bench = {
  name: 'mapserver',
  description: 'Map Server: 4 rovers at 10 scans/s on 100 m × 100 m at 5 cm; every tile is published at most once a second of message time',
  async run({ log }) {
    const native = await measure('native', log);
    const wasm = await measure('wasm', log);
    return {
      results: {
        load: { rovers: ROVERS.length, scans_per_s_each: SCANS_PER_SEC, site_m: [100, 100], cell_m: 0.05, measured_s: MEASURED_SEC },
        native,
        wasm,
        wasm_to_native_time: (native.updates_per_s ?? Number.NaN) / (wasm.updates_per_s ?? Number.NaN),
      },
      targets: {
        wasm_real_time_factor: atLeast(wasm.real_time_factor ?? null, 5),
        wasm_update_to_tile_p99_ms: atMost(wasm.update_to_tile_p99_ms ?? null, 50),
        wasm_memory_mib: atMost(wasm.memory_mib ?? null, 128),
      },
    };
  },
};
