// The edge as a module's place: one endpoint, the session with it, and the states of the instance that are held here.
import { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Transport } from '../ports/transport.ts';
import { HANDSHAKE_SEC } from './limits.ts';
import type { ModuleManifest } from './module-manifest.ts';
import type { RemoteEndpoint } from './remote-site.ts';
import { Session } from './session.ts';
import { type LeftStates, StateStore } from './state-transfer.ts';
import type { Welcome } from './wire.ts';

export interface EdgePlaceOptions {
  readonly manifest: ModuleManifest;
  readonly clock: Clock;
  readonly channelId: string;
  readonly heartbeatSec: number;
  readonly lostAfterSec: number;
  /** States that places were left with: bases for a return. */
  readonly left: LeftStates;
}

interface Greeting {
  readonly ack: number;
  readonly provision: boolean;
}

export class EdgePlace {
  readonly endpoint: RemoteEndpoint;
  readonly states: StateStore;
  readonly #options: EdgePlaceOptions;
  #session: Session | null = null;
  /** Since when the connection is lost [s], or null. */
  lostSec: number | null = null;
  /** Since when the site says that it does not have the instance (any more) [s], or null. */
  unknownSec: number | null = null;
  /** True while a better connection replaces the present one, whose end is then no loss. */
  switching = false;

  constructor(endpoint: RemoteEndpoint, options: EdgePlaceOptions) {
    this.endpoint = endpoint;
    this.states = new StateStore(options.left);
    this.#options = options;
  }

  get session(): Session {
    if (this.#session === null) throw new OutriderError('OUT_INTERNAL', `${this.endpoint.instanceId} was never connected`);
    return this.#session;
  }

  /** Connects and greets within `timeoutSec`; the session replaces the one before, whose end is no longer told. */
  async connect(greeting: Greeting & { readonly timeoutSec?: number }): Promise<Welcome> {
    const controller = new AbortController();
    const { clock } = this.#options;
    const timer = clock.after(greeting.timeoutSec ?? HANDSHAKE_SEC, () => controller.abort());
    try {
      const transport = await this.endpoint.connect({ signal: controller.signal });
      return await this.greet(transport, greeting);
    } finally {
      timer.stop();
    }
  }

  async greet(transport: Transport, { ack, provision }: Greeting): Promise<Welcome> {
    const { token, epoch, instanceId } = this.endpoint;
    const { session, welcome } = await Session.open(transport, { ...this.#options, token, epoch, ack, provision, states: this.states });
    if (welcome.epoch < epoch || welcome.instanceId !== instanceId) {
      session.close();
      throw new OutriderError(
        'OUT_ELASTIC_RETIRED',
        `${instanceId} of epoch ${epoch} was wanted, ${welcome.instanceId} of ${welcome.epoch} answered`,
      );
    }
    this.#session?.detach();
    this.#session = session;
    return welcome;
  }

  close(): void {
    this.#session?.close();
  }
}
