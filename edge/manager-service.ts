// The Offload Manager of a live site in this process: stands for election, acts while it leads, stands by otherwise.
import { connectMqttBus } from '../shared/bus/mqtt-bus.ts';
import { connectSiteBus } from '../shared/bus/site-bus.ts';
import { SystemClock } from '../shared/clock/system-clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { encodeMessage, topicOf } from '../shared/protocol/message.ts';
import { managerStatus } from '../shared/protocol/manager.ts';
import { ManagerElection, type ManagerRole } from './control/manager-election.ts';
import type { ManagerOptions } from './control/manager-options.ts';
import { OffloadManager } from './control/offload-manager.ts';

export interface ManagerServiceOptions {
  readonly site: string;
  readonly session: string;
  readonly brokerUrl: string;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** PEM texts: the site's own certificate; null on loopback. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
  readonly logger: Logger;
  /** What an acting manager is made of, besides its bus and term. */
  readonly manager: Omit<ManagerOptions, 'bus' | 'term' | 'hears' | 'logger'>;
}

export interface ManagerService {
  readonly role: ManagerRole;
  readonly term: number;
  /** Null while another manager acts. */
  readonly manager: OffloadManager | null;
  /** Whether the broker can be reached. */
  readonly connected: boolean;
  close(): Promise<void>;
}

const CONNECT_ATTEMPT_SEC = 10;

/** Resolves when this manager acts or stands by. */
export async function startManagerService(options: ManagerServiceOptions): Promise<ManagerService> {
  const { site, session, brokerUrl, credentials, tls, logger } = options;
  const access = {
    url: brokerUrl,
    connectTimeoutSec: CONNECT_ATTEMPT_SEC,
    logger,
    ...(credentials === null ? {} : { username: credentials.username, password: credentials.password }),
    ...(tls === null ? {} : { tls }),
  };
  const observer = await connectMqttBus({ ...access, clientId: `manager-${site.slice(0, 40)}-${session}` });
  let manager: OffloadManager | null = null;
  let lock: { readonly connected: boolean } | null = null;
  const election = new ManagerElection({
    site,
    session,
    // Leases are real time, however fast a mission's clock runs.
    clock: new SystemClock(),
    logger,
    observer,
    takeLock: (mayReconnect) =>
      connectSiteBus({
        ...access,
        clientId: `manager-${site}`.slice(0, 64),
        canaryTopic: `outrider/${site}/manager/session`,
        will: { topic: topicOf(managerStatus, { site }), payload: encodeMessage(managerStatus, { status: 'lost', session }), retain: true },
        reconnectSec: 0.1,
        mayReconnect,
      }),
    lead: async (bus, term, hears) => {
      const acting = new OffloadManager({ ...options.manager, bus, term, hears, logger });
      await acting.start();
      manager = acting;
      lock = bus;
      return {
        close: async () => {
          if (manager === acting) manager = null;
          lock = null;
          await acting.close();
        },
      };
    },
  });
  try {
    await election.start();
  } catch (error) {
    await observer.close();
    throw error;
  }
  return {
    get role() {
      return election.role;
    },
    get term() {
      return election.term;
    },
    get manager() {
      return manager;
    },
    get connected() {
      return lock?.connected ?? observer.connected;
    },
    close: async () => {
      await election.close();
      await observer.close();
    },
  };
}
