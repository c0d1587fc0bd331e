// What an Offload Manager is made of; everything that touches the world comes through a port.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import type { Tracer } from '../../shared/ports/tracer.ts';
import type { Authenticator } from './authenticator.ts';
import type { BalanceRule } from './evacuation.ts';
import type { TenantQuotas } from './tenant-quota.ts';

export interface ManagerOptions {
  readonly site: string;
  readonly clock: Clock;
  readonly bus: MessageBus;
  readonly logger: Logger;
  readonly authenticate: Authenticator;
  /** 32 secret bytes of the site, kept over restarts: the keys of instances follow from it. */
  readonly siteKey: Uint8Array;
  /** Short id, new with each start of a manager: instance ids never repeat. */
  readonly session: string;
  /** Given by the election where several managers may run; default 0: there is no other. */
  readonly term?: number;
  /** Whether messages of the broker reach this manager now; default: whenever its connection stands. */
  readonly hears?: () => boolean;
  /** Goes on with the traces of rovers; default: nothing is traced. */
  readonly tracer?: Tracer;
  readonly quotas?: TenantQuotas;
  /** When to even out the load of the hosts. */
  readonly balance?: BalanceRule;
  /** A host that says nothing for so long counts as lost [s]; default 5. */
  readonly hostLeaseSec?: number;
  /** How long a host whose connection broke may take to come back [s]; default 0.75. */
  readonly hostGraceSec?: number;
  /** How long instances of a mission outlive it [s]; default 5. */
  readonly missionLingerSec?: number;
  /** How long to listen for retained state before answering rovers [s]; default 0.25. */
  readonly settleSec?: number;
}

export const COMMAND_TIMEOUT_SEC = 5;
