// A live edge site on loopback for benchmarks, and rovers that offload the reference modules to it.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineSite } from '../../edge/config.ts';
import { hostFunctionRegistry } from '../../edge/host/host-functions/registry.ts';
import { grantHostFunctions } from '../../edge/host/host-functions/host-function-source.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { encodeBundle, makeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../../shared/elastic/instantiate.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { InferenceSettings } from '../../shared/inference/inference-settings.ts';
import type { Frame } from '../../shared/modules/object-detection/records.ts';
import type { Identity } from '../../shared/security/identity-folder.ts';
import { enrolRover, securedFolder } from './secured-bench-site.ts';

export interface BenchSite {
  readonly live: LiveSite;
  /** What a rover shows to this site; null: the site trusts everybody, on loopback. */
  identity(rover: string): Promise<Identity | null>;
  close(): Promise<void>;
}

const SITE = 'bench';

export async function benchSite(options: {
  readonly hosts: number;
  readonly spareWorkers: number;
  readonly inference?: Omit<InferenceSettings, 'models'>;
  readonly callDeadlineMs?: number;
  /** With a CA of its own and mutual TLS everywhere; default false. */
  readonly secured?: boolean;
}): Promise<BenchSite> {
  const data = await mkdtemp(join(tmpdir(), 'outrider-bench-'));
  const { hosts, spareWorkers, inference, callDeadlineMs = 5000 } = options;
  const host = { spareWorkers, callDeadlineMs, instancesMax: 512, memoryBytes: 64 * 2 ** 30, inference: { ...inference } };
  const folder = options.secured === true ? await securedFolder(data, SITE) : null;
  const security = folder === null ? {} : { security: { folder } };
  const live = await startEdgeSite(
    defineSite({ site: SITE, data, hosts, gatewayPort: 0, mqttPort: 0, logLevel: 'error', host, ...security }),
  );
  return {
    live,
    identity: async (rover) => (folder === null ? null : enrolRover(folder, live, rover)),
    close: async () => {
      await live.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** The same module under a digest that no host has seen. */
export function unseen(bundle: ModuleBundle): ModuleBundle {
  return makeBundle({ ...bundle.manifest, version: `${bundle.manifest.version}-${randomBytes(4).toString('hex')}` }, bundle.files, null);
}

/** A rover with one module. `mission` separates shared modules. */
export async function benchRover<H>(site: BenchSite, rover: string, bundle: ModuleBundle, mission = 'bench') {
  const clock = new SystemClock();
  const identity = await site.identity(rover);
  const secured = identity === null ? {} : { tls: identity.tls };
  const bus = await connectMqttBus({ url: site.live.brokerUrl, clientId: memberClientId('rover', rover), ...secured });
  const encoded = encodeBundle(bundle);
  const handler = new OffloadHandler({
    ...{ site: SITE, mission, rover, clock, bus, session: randomBytes(4).toString('hex') },
    ...(identity === null ? {} : { credential: identity.credential }),
    dataPlane: new TcpDataPlane(identity === null ? {} : { tls: { client: identity.tls } }),
    bundles: { get: () => ({ digest: bundle.digest, bytes: encoded.byteLength, encoded: () => encoded }) },
  });
  await handler.start();
  const { manifest } = bundle;
  const names = manifest.hostInterfaces.map(({ name }) => name);
  const context = { site: SITE, mission, instance: rover, nowSec: () => clock.nowSec(), emit: () => undefined };
  const module = new ElasticModule<H>({
    ...{ manifest, channelId: `${rover}-${manifest.name}`.slice(0, 64), clock, site: handler },
    createLocal: async () => instantiateOnboard(bundle, await grantHostFunctions(manifest, names, hostFunctionRegistry(), context)),
  });
  await module.start();
  return {
    module,
    close: async (): Promise<void> => {
      await module.close();
      await handler.close();
      await bus.close();
    },
  };
}

/** A camera frame of noise-free grey with a few coloured patches, so that the detector has something to do. */
export function benchFrame(width = 160, height = 120): Frame {
  const pixels = new Uint8Array(width * height * 3).fill(120);
  for (let y = 60; y < 90; y += 1) for (let x = 40; x < 60; x += 1) pixels.set([220, 40, 30], (y * width + x) * 3);
  return { width, height, pixels, focalPx: width * 0.8, centreX: width / 2, horizonRow: height / 2, cameraHeightM: 0.12 };
}
