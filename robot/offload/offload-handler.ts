// The Offload Handler: steps 2 to 6 of the offload sequence on behalf of the rover's elastic modules.
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import type {
  MoveAdvice,
  OffloadReport,
  PrepareOptions,
  PrepareResult,
  RemoteEndpoint,
  RemoteSite,
} from '../../shared/elastic/remote-site.ts';
import { MqttDataPlane } from '../../shared/elastic/transports/mqtt.ts';
import { ReachablePlane } from '../../shared/elastic/transports/reachable-plane.ts';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DataPlane } from '../../shared/ports/data-plane.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import { NO_TRACER, traced, traceOf, type Tracer } from '../../shared/ports/tracer.ts';
import type { Grant, ModuleNeeds, Offer, OffloadReply } from '../../shared/protocol/offload.ts';
import type { BundleSource } from './bundle-source.ts';
import { openShare, transferBundle } from './bundle-transfer.ts';
import { ManagerClient } from './manager-client.ts';
import { StepTimes } from './step-times.ts';

export interface OffloadHandlerOptions {
  readonly site: string;
  readonly mission: string;
  readonly rover: string;
  /** Unique per process run, `[A-Za-z0-9_-]{1,16}`; fixed in simulation. */
  readonly session: string;
  readonly clock: Clock;
  readonly bus: MessageBus;
  /** Direct ways to hosts; the broker is the way where there is none. */
  readonly dataPlane: DataPlane;
  readonly bundles: BundleSource;
  readonly credential?: string;
  /** What a module needs beyond its manifest. */
  readonly needs?: (manifest: ModuleManifest) => Partial<Pick<ModuleNeeds, 'accelerator' | 'maxLatencyMs'>>;
  /** Picks one of the offers (best first); default the first. Null declines all. */
  readonly choose?: (offers: readonly Offer[], manifest: ModuleManifest) => Offer | null;
  /** How long the manager may take for one answer [s]; default 5. */
  readonly requestTimeoutSec?: number;
  readonly logger?: Logger;
  /** Goes on with the traces of moves; default: nothing is traced. */
  readonly tracer?: Tracer;
}

type Reserved = Extract<OffloadReply, { kind: 'reserved' }>;
type Redirect = Extract<OffloadReply, { kind: 'redirect' }>;

/** `shared`: a host serves the network over this connection, under this epoch. */
export type ShareResult =
  | {
      readonly kind: 'shared';
      readonly transport: Transport;
      readonly hostId: string;
      readonly instanceId: string;
      readonly epoch: number;
      readonly stepsMs: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Negotiations that one move makes while offers are void by the time they are taken. */
const NEGOTIATION_ATTEMPTS = 3;
/** A cut transfer goes on where it stopped, so often. */
const TRANSFER_ATTEMPTS = 3;
const TRANSFER_IDLE_SEC = 15;
/** A shared module may be on its way by another rover, or be restarting. */
const WAIT_FOR_SHARED_SEC = 20;

export class OffloadHandler implements RemoteSite {
  readonly #options: OffloadHandlerOptions;
  readonly #manager: ManagerClient;
  readonly #logger: Logger;
  readonly #tracer: Tracer;
  readonly #overBroker: MqttDataPlane;

  constructor(options: OffloadHandlerOptions) {
    const { site, rover, session, bus, clock } = options;
    this.#options = options;
    this.#logger = options.logger ?? SILENT_LOGGER;
    this.#tracer = options.tracer ?? NO_TRACER;
    this.#overBroker = new MqttDataPlane({ bus, clock, site, self: rover, session });
    this.#manager = new ManagerClient({ site, rover, session, bus, clock, credential: options.credential ?? null, logger: this.#logger });
  }

  get reachable(): boolean {
    return this.#manager.connected;
  }

  start(): Promise<void> {
    return this.#manager.start();
  }

  close(): Promise<void> {
    return this.#manager.close();
  }

  onAdvice(listener: (advice: MoveAdvice) => void): () => void {
    return this.#manager.onAdvice(({ instance, ...advice }) => listener({ instanceId: instance, ...advice }));
  }

  prepare(manifest: ModuleManifest, options: PrepareOptions): Promise<PrepareResult> {
    return this.#orRefused(manifest, options, () => this.#prepare(manifest, options));
  }

  /** A place at a host for the module's network alone, and the connection over which its weights go up and queries run. */
  share(manifest: ModuleManifest, options: PrepareOptions): Promise<ShareResult> {
    return this.#orRefused(manifest, options, () => this.#share(manifest, options));
  }

  async #orRefused<T>(
    manifest: ModuleManifest,
    options: PrepareOptions,
    work: () => Promise<T>,
  ): Promise<T | { readonly kind: 'refused'; readonly reason: string }> {
    const { rover } = this.#options;
    try {
      return await work();
    } catch (error) {
      // What the world does is a refusal with its reason; a programming error is thrown on.
      if (!isOutriderError(error) && options.signal?.aborted !== true) throw error;
      const reason = isOutriderError(error) ? `${error.code}: ${error.message}` : String(error);
      this.#logger.warn({ rover, module: manifest.name, reason }, 'no place at the edge');
      return { kind: 'refused', reason };
    }
  }

  async locate(endpoint: RemoteEndpoint): Promise<RemoteEndpoint | 'unknown' | null> {
    const timeoutSec = this.#options.requestTimeoutSec ?? 5;
    try {
      const reply = await this.#manager.ask({ kind: 'locate', instance: endpoint.instanceId }, { timeoutSec });
      if (reply.kind !== 'located') return null;
      if (reply.grant === null) return 'unknown';
      return reply.grant.epoch >= endpoint.epoch ? this.#endpoint(reply.grant) : null;
    } catch (error) {
      if (isOutriderError(error, 'OUT_EDGE_TIMEOUT')) return null;
      throw error;
    }
  }

  async release({ instanceId, hostId, epoch }: Pick<RemoteEndpoint, 'instanceId' | 'hostId' | 'epoch'>): Promise<void> {
    // The host ends an instance whose rover does not come back by itself: nobody is waited for who cannot be reached.
    if (!this.reachable) return;
    const timeoutSec = this.#options.requestTimeoutSec ?? 5;
    try {
      await this.#manager.ask({ kind: 'release', instance: instanceId, host: hostId, epoch }, { timeoutSec });
    } catch (error) {
      this.#logger.warn({ instance: instanceId, error: (error as Error).message }, 'release not confirmed');
    }
  }

  async #share(manifest: ModuleManifest, options: PrepareOptions): Promise<ShareResult> {
    const steps = new StepTimes(this.#options.clock);
    const answer = await this.#reserve(manifest, options, steps, false);
    if (answer.kind === 'redirect')
      throw new OutriderError('OUT_EDGE_TRANSFER', `${manifest.name} is shared by rovers: its network cannot be`);
    const { instance, host, ticket, addresses } = answer;
    const { signal, traceparent } = options;
    const transport = await this.#way(addresses).connect(signal === undefined ? {} : { signal });
    const { epoch } = await openShare(transport, {
      ...{ clock: this.#options.clock, ticket, idleSec: TRANSFER_IDLE_SEC },
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(signal === undefined ? {} : { signal }),
    });
    steps.mark('connect');
    return { kind: 'shared', transport, hostId: host, instanceId: instance, epoch, stepsMs: steps.all() };
  }

  async #prepare(manifest: ModuleManifest, options: PrepareOptions): Promise<PrepareResult> {
    const steps = new StepTimes(this.#options.clock);
    const { signal, traceparent } = options;
    const answer = await this.#reserve(manifest, options, steps, true);
    if (answer.kind === 'redirect') {
      const { grant } = answer;
      const report = { hostId: grant.host, stepsMs: steps.all(), bundleBytesSent: 0, warm: true };
      return { kind: 'redirect', endpoint: this.#endpoint(grant), report };
    }
    if (answer.started !== undefined) {
      const endpoint = this.#endpoint({ ...answer, addresses: answer.started });
      const report = { hostId: answer.host, stepsMs: steps.all(), bundleBytesSent: 0, warm: true };
      return { kind: 'prepared', endpoint, abandon: () => this.release(endpoint), report };
    }
    const bundle = this.#options.bundles.get(manifest);
    const result = await this.#transfer(answer, bundle, signal, traceparent, steps);
    steps.add('transfer', result.transferSec);
    steps.add('initialise', result.initialiseSec);
    const { instance, host, token } = answer;
    const endpoint = this.#endpoint({ instance, host, epoch: result.epoch, addresses: [...result.addresses], token });
    const report: OffloadReport = { hostId: host, stepsMs: steps.all(), bundleBytesSent: result.bytesSent, warm: result.bytesSent === 0 };
    return { kind: 'prepared', endpoint, abandon: () => this.release(endpoint), report };
  }

  /**
   * Negotiates, takes an offer and has it reserved; a shared module may be at a host already. With `start`, a host that has the module loaded
   * starts the instance with its place.
   */
  async #reserve(manifest: ModuleManifest, options: PrepareOptions, steps: StepTimes, start: boolean): Promise<Reserved | Redirect> {
    if (!this.reachable) throw new OutriderError('OUT_EDGE_TIMEOUT', 'the broker of the site cannot be reached');
    const bundle = this.#options.bundles.get(manifest);
    let answer = await this.#negotiate(manifest, bundle.digest, options);
    steps.mark('request');
    let reserved: Reserved | null = null;
    for (let attempt = 1; answer.kind === 'offers' && reserved === null; attempt += 1) {
      const reply = await this.#accept(answer.offers, manifest, options, start);
      if (reply.kind === 'reserved') reserved = reply;
      // The manager changed, or the offer is too old: asked anew. Anything else is a refusal of the whole: the next trigger negotiates.
      else if (reply.kind !== 'refused' || reply.code !== 'OUT_EDGE_OFFER' || attempt === NEGOTIATION_ATTEMPTS) throw refusal(reply);
      else answer = await this.#negotiate(manifest, bundle.digest, options);
    }
    if (answer.kind === 'redirect') return answer;
    if (reserved === null) throw refusal(answer);
    steps.mark('reserve');
    return reserved;
  }

  #negotiate(manifest: ModuleManifest, digest: string, options: PrepareOptions) {
    const { mission, needs: extraNeeds } = this.#options;
    const { name, version, sharing } = manifest;
    const needs: ModuleNeeds = {
      memoryBytes: manifest.memoryMaxBytes,
      hostInterfaces: manifest.hostInterfaces.map((host) => host.name),
      accelerator: false,
      maxLatencyMs: null,
      ...extraNeeds?.(manifest),
    };
    const timeoutSec = sharing === 'shared' ? WAIT_FOR_SHARED_SEC : (this.#options.requestTimeoutSec ?? 5);
    return traced(this.#tracer.join('request', options.traceparent, { module: name }), (span) =>
      this.#manager.ask(
        {
          kind: 'negotiate',
          mission,
          needs,
          epoch: options.epoch,
          module: { name, version, digest, sharing },
          reason: options.reason.slice(0, 200),
          preferHost: options.preferHost ?? null,
          excludeHost: options.excludeHost ?? null,
          ...traceOf(span),
        },
        withSignal(timeoutSec, options.signal),
      ),
    );
  }

  /** Takes the chosen offer. */
  async #accept(offers: readonly Offer[], manifest: ModuleManifest, { signal, traceparent }: PrepareOptions, start: boolean) {
    const chosen = this.#options.choose === undefined ? offers[0] : this.#options.choose(offers, manifest);
    if (chosen === undefined || chosen === null)
      throw new OutriderError('OUT_EDGE_NO_HOST', `none of ${offers.length} offers was good enough`);
    const timeoutSec = (this.#options.requestTimeoutSec ?? 5) + 1;
    return traced(this.#tracer.join('reserve', traceparent, { host: chosen.host }), (span) =>
      this.#manager.ask({ kind: 'accept', offer: chosen.offer, start, ...traceOf(span) }, withSignal(timeoutSec, signal)),
    );
  }

  async #transfer(
    reserved: Reserved,
    bundle: ReturnType<BundleSource['get']>,
    signal: AbortSignal | undefined,
    traceparent: string | undefined,
    steps: StepTimes,
  ) {
    const { clock } = this.#options;
    const { host, ticket } = reserved;
    for (let attempt = 1; ; attempt += 1) {
      let span = this.#tracer.join('transfer', traceparent, { host, attempt });
      const sent = (bytes: number): void => {
        span.set({ bytes });
        span.end();
        span = this.#tracer.join('initialise', traceparent, { host });
      };
      try {
        const beganSec = clock.nowSec();
        const transport = await this.#way(reserved.addresses).connect(signal === undefined ? {} : { signal });
        steps.add('reach', clock.nowSec() - beganSec);
        const options = { clock, ticket, idleSec: TRANSFER_IDLE_SEC, sent, ...traceOf(span), ...(signal === undefined ? {} : { signal }) };
        const result = await transferBundle(transport, bundle, options);
        span.end();
        return result;
      } catch (error) {
        span.end(error);
        const cut = isOutriderError(error, 'OUT_EDGE_TRANSFER') && error.details['final'] !== true;
        if (!cut || attempt >= TRANSFER_ATTEMPTS || signal?.aborted === true) throw error;
        this.#logger.info({ host, attempt, error: (error as Error).message }, 'transfer broke off; going on');
      }
    }
  }

  #way(addresses: readonly string[]): ReachablePlane {
    const { dataPlane, clock } = this.#options;
    return new ReachablePlane((scheme) => (scheme === 'mqtt' ? this.#overBroker : dataPlane), addresses, clock);
  }

  #endpoint({ instance, host, epoch, addresses, token }: Grant): RemoteEndpoint {
    const way = this.#way(addresses);
    return {
      hostId: host,
      instanceId: instance,
      epoch,
      token,
      connect: (options = {}) => way.connect(options),
      ...(addresses.length > 1 ? { connectBetter: (current: Transport) => way.connectBetter(current) } : {}),
    };
  }
}

const withSignal = (timeoutSec: number, signal: AbortSignal | undefined) =>
  signal === undefined ? { timeoutSec } : { timeoutSec, signal };

function refusal(reply: OffloadReply): OutriderError {
  const why = reply.kind === 'refused' ? `${reply.code}: ${reply.reason}` : `the manager answered ${reply.kind}`;
  return new OutriderError('OUT_EDGE_NO_HOST', why);
}
