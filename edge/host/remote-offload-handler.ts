// The Remote Offload Handler: takes reservations from the manager and bundles from rovers, and readies an instance for its state.
import { MAX_BUNDLE_BYTES, decodeTransfer, encodeTransfer, type TransferControl } from '../../shared/protocol/offload-transfer.ts';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import type { Timer } from '../../shared/ports/clock.ts';
import type { Listener } from '../../shared/ports/data-plane.ts';
import { NO_SPAN, NO_TRACER, type Span, traced, type Tracer } from '../../shared/ports/tracer.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import type { HostedInstance } from '../../shared/protocol/host.ts';
import type { ExecutionHandler, Placed } from './execution-handler.ts';
import type { HostPorts } from './host-ports.ts';
import type { LoadedModule } from './sandbox/sandbox.ts';
import { PartialUploads } from './partial-uploads.ts';

interface Reserved {
  readonly placed: Placed;
  readonly lapse: Timer;
}

interface Session {
  readonly transport: Transport;
  ticket: string | null;
  digest: string | null;
  busy: boolean;
  /** Of the rover that brings the bundle. */
  traceparent: string | undefined;
  /** From the ticket until the bundle is here. */
  receiving: Span;
  /** Closes the connection where no ticket comes. */
  readonly greeting: Timer;
}

/** Connections without a ticket are closed after this [s]: idle sockets must not pile up. */
const GREETING_SEC = 5;
const MAX_SESSIONS = 256;

export class RemoteOffloadHandler {
  readonly #ports: HostPorts;
  readonly #execution: ExecutionHandler;
  readonly #changed: () => void;
  readonly #tracer: Tracer;
  readonly #reserved = new Map<string, Reserved>();
  readonly #uploads = new PartialUploads();
  readonly #sessions = new Set<Session>();
  #listeners: readonly Listener[] = [];

  constructor(ports: HostPorts, execution: ExecutionHandler, changed: () => void) {
    this.#ports = ports;
    this.#execution = execution;
    this.#changed = changed;
    this.#tracer = ports.tracer ?? NO_TRACER;
  }

  get addresses(): readonly string[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** Memory promised to rovers that have not come yet [bytes]. */
  promisedBytes(): number {
    let bytes = 0;
    for (const { placed } of this.#reserved.values()) bytes += placed.memoryMaxBytes;
    return bytes;
  }

  /** Places whose rover has not come yet. */
  reserved(): HostedInstance[] {
    return [...this.#reserved.values()].map(({ placed: { key: _key, ...known } }) => ({
      ...known,
      state: 'reserved',
      addresses: [],
      calls: 0,
      connected: 0,
    }));
  }

  async start(): Promise<void> {
    const { host, dataPlane, overBroker } = this.#ports;
    const accept = (transport: Transport): void => this.#accept(transport);
    const direct = await dataPlane.listen(`${host}-handler`, accept);
    this.#listeners = overBroker === undefined ? [direct] : [direct, await overBroker.listen('handler', accept)];
  }

  async close(): Promise<void> {
    for (const { lapse } of this.#reserved.values()) lapse.stop();
    for (const { transport } of this.#sessions) transport.close();
    for (const listener of this.#listeners) await listener.close();
  }

  /** Digests of bundles that need not be sent. */
  async warmDigests(): Promise<string[]> {
    return this.#ports.clock.hold(this.#ports.repository.digests());
  }

  /** Keeps a place; throws OUT_EDGE_NO_HOST when there is none. */
  reserve(placed: Placed, ticket: string, validSec: number): void {
    const { resources, clock } = this.#ports;
    const promised = this.promisedBytes() + this.#execution.promisedBytes();
    if (promised + placed.memoryMaxBytes > resources.memoryTotalBytes) {
      throw new OutriderError(
        'OUT_EDGE_NO_HOST',
        `${placed.memoryMaxBytes} bytes are asked for, ${resources.memoryTotalBytes - promised} are free`,
      );
    }
    this.cancel(placed.instance);
    const lapse = clock.after(validSec, () => {
      this.#reserved.delete(ticket);
      this.#changed();
    });
    const { instance, epoch, module, mission, rover, requestedBy, tenant, memoryMaxBytes, key } = placed;
    const kept = { instance, epoch, module, mission, rover, requestedBy, tenant, memoryMaxBytes, key };
    this.#reserved.set(ticket, { placed: kept, lapse });
    this.#changed();
  }

  /**
   * The instance of a reserved place whose bundle is compiled here: its rover need not come for it first. Resolves with the instance's
   * addresses, or null where the bundle has to be brought or read. Throws OUT_EDGE_TRANSFER for a module that is not what was negotiated.
   */
  async startAtOnce(ticket: string, traceparent: string | undefined): Promise<readonly string[] | null> {
    const placed = this.#reserved.get(ticket)?.placed;
    const loaded = placed === undefined ? null : this.#ports.sandbox.cached(placed.module.digest);
    return placed === undefined || loaded === null ? null : this.#startInstance(placed, loaded, traceparent);
  }

  /** The manager does not want the place any more. */
  cancel(instance: string): void {
    for (const [ticket, { placed, lapse }] of this.#reserved) {
      if (placed.instance !== instance) continue;
      lapse.stop();
      this.#reserved.delete(ticket);
    }
  }

  #accept(transport: Transport): void {
    if (this.#sessions.size >= MAX_SESSIONS) return transport.close(new OutriderError('OUT_EDGE_LIMIT', 'too many transfers at a time'));
    const greeting = this.#ports.clock.after(GREETING_SEC, () => {
      if (session.ticket === null) transport.close(new OutriderError('OUT_EDGE_TRANSFER', 'no ticket was shown'));
    });
    const session: Session = { transport, greeting, ticket: null, digest: null, busy: false, traceparent: undefined, receiving: NO_SPAN };
    this.#sessions.add(session);
    transport.onClose = (error) => {
      greeting.stop();
      session.receiving.end(error ?? 'the rover went before the bundle was here');
      this.#sessions.delete(session);
    };
    transport.onFrame = (frame) => {
      this.#receive(session, frame).catch((error: unknown) => this.#fail(session, error));
    };
    return undefined;
  }

  async #receive(session: Session, frame: Uint8Array): Promise<void> {
    const message = decodeTransfer(frame);
    if (session.busy) throw new OutriderError('OUT_EDGE_TRANSFER', 'more arrived while the instance was being made');
    if (message.kind === 'open' && session.ticket === null) return this.#open(session, message);
    if (message.kind === 'share' && session.ticket === null) return this.#share(session, message);
    if (message.kind === 'chunk' && session.digest !== null) {
      const whole = this.#uploads.append(session.digest, message.bytes);
      if (whole !== null) await this.#store(session, session.digest, whole);
      return undefined;
    }
    throw new OutriderError('OUT_EDGE_TRANSFER', `${message.kind} is out of place`);
  }

  async #open(session: Session, { ticket, digest, bytes, traceparent }: Extract<TransferControl, { kind: 'open' }>): Promise<void> {
    const placed = this.#redeem(ticket);
    if (placed.module.digest !== digest) throw new OutriderError('OUT_EDGE_TRANSFER', 'the ticket is for another bundle');
    if (bytes > MAX_BUNDLE_BYTES) throw new OutriderError('OUT_EDGE_TRANSFER', `${bytes} bytes are too many for a bundle`);
    session.ticket = ticket;
    session.busy = true;
    session.traceparent = traceparent;
    session.receiving = this.#tracer.join('receive bundle', traceparent, { module: placed.module.name });
    const loaded = await this.#warm(digest);
    session.busy = false;
    session.receiving.set({ warm: loaded !== null, bytes });
    if (loaded !== null) {
      session.receiving.end();
      this.#send(session, { kind: 'have', bytes });
      return this.#makeInstance(session, loaded);
    }
    session.digest = digest;
    this.#send(session, { kind: 'have', bytes: this.#uploads.open(digest, bytes) });
    return undefined;
  }

  /** From here on the connection belongs to the network that the rover shares. */
  #share(session: Session, { ticket, traceparent }: Extract<TransferControl, { kind: 'share' }>): void {
    const placed = this.#redeem(ticket);
    const { instance, epoch } = placed;
    session.ticket = ticket;
    const span = this.#tracer.join('share network', traceparent, { instance });
    this.#send(session, { kind: 'serving', instance, epoch });
    session.greeting.stop();
    this.#sessions.delete(session);
    traced(span, () => this.#execution.serveNetwork(placed, session.transport));
    this.cancel(instance);
  }

  #redeem(ticket: string): Placed {
    const reserved = this.#reserved.get(ticket);
    if (reserved === undefined) throw new OutriderError('OUT_EDGE_UNAUTHORIZED', 'the ticket is unknown, was used, or has expired');
    return reserved.placed;
  }

  /** Compiled here already, or in the repository that the hosts of the site share. */
  async #warm(digest: string): Promise<LoadedModule | null> {
    const { sandbox, repository, clock } = this.#ports;
    const cached = sandbox.cached(digest);
    if (cached !== null) return cached;
    const held = await clock.hold(repository.get(digest));
    return held === null ? null : clock.hold(sandbox.load(digest, held));
  }

  async #store(session: Session, digest: string, bundle: Uint8Array): Promise<void> {
    const { sandbox, repository, clock } = this.#ports;
    session.busy = true;
    // Loading verifies it: nothing that is not what its digest says gets into the repository.
    const loaded = await clock.hold(sandbox.load(digest, bundle));
    await clock.hold(repository.put(digest, bundle));
    session.receiving.end();
    await this.#makeInstance(session, loaded);
  }

  async #makeInstance(session: Session, loaded: LoadedModule): Promise<void> {
    session.busy = true;
    const reserved = this.#reserved.get(session.ticket ?? '');
    if (reserved === undefined) throw new OutriderError('OUT_EDGE_UNAUTHORIZED', 'the reservation lapsed during the transfer');
    const { instance, epoch } = reserved.placed;
    const addresses = await this.#startInstance(reserved.placed, loaded, session.traceparent);
    this.#send(session, { kind: 'ready', instance, epoch, addresses: [...addresses] });
  }

  /** The place is the instance's from here on. */
  #startInstance(placed: Placed, loaded: LoadedModule, traceparent: string | undefined): Promise<readonly string[]> {
    const { instance, module } = placed;
    this.cancel(instance);
    this.#checkManifest(placed, loaded.manifest);
    const span = this.#tracer.join('start instance', traceparent, { instance, module: module.name });
    return traced(span, () => this.#execution.startEmbryo(placed, loaded));
  }

  /** What was negotiated must be what the bundle says of itself: a small promise must not bring a large module. */
  #checkManifest({ module, memoryMaxBytes }: Placed, manifest: { name: string; sharing: string; memoryMaxBytes: number }): void {
    if (manifest.name !== module.name || manifest.sharing !== module.sharing || manifest.memoryMaxBytes > memoryMaxBytes) {
      throw new OutriderError(
        'OUT_EDGE_TRANSFER',
        `the bundle is ${manifest.name} (${manifest.sharing}, ${manifest.memoryMaxBytes} bytes), not what was negotiated`,
      );
    }
  }

  #send(session: Session, frame: TransferControl): void {
    session.transport.send(encodeTransfer(frame));
  }

  #fail(session: Session, error: unknown): void {
    const code = isOutriderError(error) ? error.code : 'OUT_INTERNAL';
    const reason = (error as Error).message.slice(0, 500);
    session.receiving.end(error);
    this.#ports.logger.warn({ peer: session.transport.description, code, reason }, 'transfer refused');
    this.#send(session, { kind: 'failed', code, reason });
    session.transport.close();
  }
}
