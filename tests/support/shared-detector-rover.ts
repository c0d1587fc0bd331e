// A rover whose detector's network is shared with the hosts of a live site, over a link of limited rate; all that it sends is looked at.
import { carriedBundles } from '../../robot/offload/carried-bundles.ts';
import { type DetectorNetwork, openDetectorNetwork } from '../../robot/offload/incremental/detector-network.ts';
import { SharedDetector, type SharedDetectorOptions } from '../../robot/offload/incremental/shared-detector.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { decodeRoverFrame, type RoverFrame } from '../../shared/incremental/frames.ts';
import { copyTensors } from '../../shared/incremental/tensor-codec.ts';
import { modelledLayerTimes } from '../../shared/onnx/layer-work.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import type { DataPlane } from '../../shared/ports/data-plane.ts';
import { type Logger, SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type ShapedLink, startShapedLink } from '../../bench/support/shaped-link.ts';

export type Query = Extract<RoverFrame, { kind: 'query' }>;

/** The rover is modelled so slow that hosts are worth it: the whole network on board takes so long [s]. */
const ONBOARD_SEC = 1;
const QUERY = 0x04;

export interface SharingRover {
  readonly detector: SharedDetector;
  readonly network: DetectorNetwork;
  /** Every query that left the rover. */
  readonly queries: Query[];
  /** Bytes that left it. */
  upBytes(): number;
  /** Resolves when the detector logs this text, with what it said beside it; texts before the call do not count. */
  logged(text: string, fits?: (said: Readonly<Record<string, unknown>>) => boolean): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

export async function sharingRover(options: {
  readonly rover: string;
  readonly site: string;
  readonly brokerUrl: string;
  readonly bundle: ModuleBundle;
  readonly models: string;
  readonly mbitPerSec: number;
  readonly minLayersOnboard?: number;
  readonly k?: number;
}): Promise<SharingRover> {
  const { rover, site, bundle, models, mbitPerSec, minLayersOnboard = 0, k = 0.8 } = options;
  const clock = new SystemClock();
  const links = new Map<string, ShapedLink>();
  const queries: Query[] = [];
  const bus = await connectMqttBus({ url: options.brokerUrl, clientId: `rover-${rover}` });
  const handler = new OffloadHandler({
    ...{ site, rover, clock, bus, mission: 'drill', session: rover, bundles: carriedBundles([bundle]) },
    dataPlane: slowPlane(links, mbitPerSec, queries),
  });
  await handler.start();
  const waiting: {
    readonly text: string;
    readonly fits: (said: Readonly<Record<string, unknown>>) => boolean;
    readonly resolve: (said: Readonly<Record<string, unknown>>) => void;
  }[] = [];
  const hear = (said: unknown, text?: string): void => {
    const facts = said as Readonly<Record<string, unknown>>;
    for (const entry of waiting.splice(0)) {
      if (entry.text === text && entry.fits(facts)) entry.resolve(facts);
      else waiting.push(entry);
    }
  };
  const logger: Logger = { ...SILENT_LOGGER, info: hear, warn: hear };
  const open = ortNetworks();
  const network = await openDetectorNetwork('hazards', [models], open);
  const made: SharedDetectorOptions = {
    ...{ manifest: bundle.manifest, rover, site: handler, clock, open, minLayersOnboard, k, logger },
    load: () => Promise.resolve(network),
    timesOf: ({ chain }) => Promise.resolve(modelledLayerTimes(chain, 1)),
    holdBackSec: (share) => share * ONBOARD_SEC,
  };
  const detector = new SharedDetector(made);
  await detector.start();
  return {
    ...{ detector, network, queries },
    upBytes: () => [...links.values()].reduce((sum, link) => sum + link.upBytes, 0),
    logged: (text, fits = () => true) => new Promise((resolve) => waiting.push({ text, fits, resolve })),
    close: async () => {
      await detector.close();
      await handler.close();
      await bus.close();
      for (const link of links.values()) await link.close();
    },
  };
}

/** TCP through one shaped relay for each address; queries are noted as they leave. */
function slowPlane(links: Map<string, ShapedLink>, mbitPerSec: number, queries: Query[]): DataPlane {
  const plane = new TcpDataPlane();
  return {
    listen: (name, onTransport) => plane.listen(name, onTransport),
    connect: async (address, how) => {
      const link = links.get(address) ?? (await startShapedLink({ targetPort: Number(new URL(address).port), mbitPerSec }));
      links.set(address, link);
      const transport = await plane.connect(`tcp://127.0.0.1:${link.port}`, how);
      const send = transport.send.bind(transport);
      transport.send = (parts) => {
        if (parts[0]?.[0] === QUERY) {
          const frame = decodeRoverFrame(new Uint8Array(Buffer.concat(parts)));
          if (frame.kind === 'query') queries.push({ ...frame, tensors: copyTensors(frame.tensors) });
        }
        return send(parts);
      };
      return transport;
    },
  };
}
