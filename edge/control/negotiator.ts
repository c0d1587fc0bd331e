// Negotiation with rovers: offers, reservations, redirects to shared modules, where an instance is, giving it back.
import { OutriderError } from '../../shared/errors.ts';
import { NO_TRACER, type Span, traced, traceOf } from '../../shared/ports/tracer.ts';
import type { Grant, OffloadReply, OffloadRequest } from '../../shared/protocol/offload.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import { instanceKey, issueTicket, issueToken } from '../tokens.ts';
import type { RoverIdentity } from './authenticator.ts';
import { FairShare, type TenantUse } from './fair-share.ts';
import type { HostCommander } from './host-commander.ts';
import { COMMAND_TIMEOUT_SEC, type ManagerOptions } from './manager-options.ts';
import type { PlacementKeeper } from './placement-keeper.ts';
import type { Candidate, ResourceManager } from './resource-manager.ts';
import { type Negotiation, RESERVATION_VALID_SEC, type Reservations } from './reservations.ts';
import { checkQuota } from './tenant-quota.ts';

export interface NegotiatorOptions {
  readonly manager: ManagerOptions;
  readonly resources: ResourceManager;
  readonly reservations: Reservations;
  readonly keeper: PlacementKeeper;
  readonly hosts: HostCommander;
}

const OFFER_VALID_SEC = 5;
const MAX_OFFERS = 4;
/** How soon to ask again for what is under way. */
const RETRY_SEC = 0.1;

type Acceptance = Extract<OffloadRequest, { kind: 'accept' }>;

export class Negotiator {
  readonly #options: NegotiatorOptions;
  readonly #fairness = new FairShare();
  #count = 0;

  constructor(options: NegotiatorOptions) {
    this.#options = options;
  }

  /** Throws coded errors, which become refusals. */
  handle(request: OffloadRequest, identity: RoverIdentity): Promise<OffloadReply> | OffloadReply {
    const { tracer = NO_TRACER } = this.#options.manager;
    const { rover } = identity;
    switch (request.kind) {
      case 'negotiate': {
        const { traceparent, module } = request;
        return traced(tracer.join('negotiate', traceparent, { rover, module: module.name }), (span) => {
          const reply = this.#negotiate(request, identity);
          span.set({ reply: reply.kind });
          return reply;
        });
      }
      case 'accept':
        return traced(tracer.join('accept', request.traceparent, { rover }), (span) => this.#accept(request, identity, span));
      case 'locate':
        return this.#locate(request.id, request.instance, identity);
      case 'release':
        return this.#release(request, identity);
    }
  }

  #negotiate(request: Negotiation, { rover, tenant }: RoverIdentity): OffloadReply {
    const { manager, resources, reservations, keeper } = this.#options;
    const { id, module, mission, needs } = request;
    if (module.sharing === 'shared') {
      const running = keeper.book.shared(mission, module.name, tenant);
      if (running?.status === 'running') return { kind: 'redirect', id, grant: this.#grant(running, rover) };
      const bringing = reservations.bringing(mission, module, tenant);
      if (running !== null || (bringing !== null && bringing.request.rover !== rover)) return { kind: 'wait', id, retrySec: RETRY_SEC };
    }
    for (const { instance } of reservations.dropOffers(rover, module.name)) resources.settle(instance);
    checkQuota(tenant, needs.memoryBytes, keeper.book.all(), manager.quotas ?? {});
    const { fit, unfit } = resources.candidates({
      ...{ needs, tenant, digest: module.digest },
      prefer: request.preferHost,
      exclude: request.excludeHost,
    });
    const [best] = fit;
    const nowSec = manager.clock.nowSec();
    const fairness = this.#fairness;
    fairness.check(tenant, needs.memoryBytes, this.#use(), resources.capacityBytes(), nowSec);
    if (best === undefined) {
      fairness.turnedAway(tenant, needs.memoryBytes, nowSec);
      const why = unfit.length === 0 ? 'the site has no hosts now' : unfit.join('; ');
      throw new OutriderError('OUT_EDGE_NO_HOST', `no place for ${module.name}: ${why}`);
    }
    fairness.served(tenant);
    const incarnation = manager.term === undefined ? manager.session : `${manager.session}-${manager.term}`;
    const instance = `${module.name.slice(0, 32)}-${incarnation}-${++this.#count}`;
    const untilSec = nowSec + OFFER_VALID_SEC;
    const offers = fit.slice(0, MAX_OFFERS).map((candidate, index) => toOffer(candidate, `${instance}_${index}`));
    const byOffer = new Map(offers.map(({ offer, host }) => [offer, host]));
    reservations.add({ instance, tenant, request, offers: byOffer, host: null, untilSec });
    resources.promise(instance, best.host, needs.memoryBytes, untilSec);
    return { kind: 'offers', id, offers };
  }

  async #accept({ id, offer, start }: Acceptance, { rover, tenant }: RoverIdentity, span: Span): Promise<OffloadReply> {
    const { manager, resources, reservations, hosts } = this.#options;
    const reservation = reservations.byOffer(offer);
    const host = reservation?.offers.get(offer);
    if (reservation === null || host === undefined || reservation.host !== null) {
      throw new OutriderError('OUT_EDGE_OFFER', `offer ${offer} has expired, was taken, or is of an earlier manager`);
    }
    if (reservation.request.rover !== rover || reservation.tenant !== tenant) {
      throw new OutriderError('OUT_EDGE_UNAUTHORIZED', `offer ${offer} was not made to ${rover}`);
    }
    const { instance, request } = reservation;
    const { module, mission, epoch, needs } = request;
    reservation.host = host;
    span.set({ host, instance });
    reservation.untilSec = manager.clock.nowSec() + RESERVATION_VALID_SEC;
    resources.promise(instance, host, needs.memoryBytes, reservation.untilSec);
    const key = instanceKey(manager.siteKey, instance);
    const ticket = issueTicket(manager.siteKey, instance);
    const owner = module.sharing === 'shared' ? null : rover;
    const place = { instance, epoch, module, mission, rover: owner, requestedBy: rover, tenant, memoryMaxBytes: needs.memoryBytes, key };
    try {
      const command = { kind: 'reserve', ...place, ticket, validSec: RESERVATION_VALID_SEC, start, ...traceOf(span) } as const;
      const reply = await hosts.command(host, command, COMMAND_TIMEOUT_SEC);
      if (reply.kind !== 'reserved') {
        throw new OutriderError('OUT_EDGE_NO_HOST', `${host}: ${reply.kind === 'refused' ? reply.reason : `answered ${reply.kind}`}`);
      }
      const { addresses, started } = reply;
      return { kind: 'reserved', id, instance, host, epoch, addresses, ticket, token: issueToken(key, rover), started };
    } catch (error) {
      reservations.remove(instance);
      throw error;
    } finally {
      resources.settle(instance);
    }
  }

  /** What runs and what is on its way, by tenant. */
  #use(): TenantUse[] {
    const { keeper, reservations } = this.#options;
    const coming = reservations.all().map(({ tenant, request }) => ({ tenant, memoryBytes: request.needs.memoryBytes }));
    return [...keeper.book.all().map(({ tenant, memoryMaxBytes }) => ({ tenant, memoryBytes: memoryMaxBytes })), ...coming];
  }

  #locate(id: string, instance: string, { rover, tenant }: RoverIdentity): OffloadReply {
    const { keeper, resources } = this.#options;
    const record = keeper.book.get(instance);
    if (record === null || record.tenant !== tenant || (record.rover !== null && record.rover !== rover)) {
      return { kind: 'located', id, grant: null };
    }
    const sound = record.status === 'running' && record.host !== null && resources.isSound(record.host);
    if (sound) return { kind: 'located', id, grant: this.#grant(record, rover) };
    // A shared instance comes back by itself; a per-rover one is the rover's to restore.
    return record.rover === null ? { kind: 'wait', id, retrySec: RETRY_SEC } : { kind: 'located', id, grant: null };
  }

  async #release(request: Extract<OffloadRequest, { kind: 'release' }>, { rover, tenant }: RoverIdentity): Promise<OffloadReply> {
    const { keeper, reservations, resources, hosts } = this.#options;
    const { id, instance, host, epoch } = request;
    const reservation = reservations.get(instance);
    const record = keeper.book.get(instance);
    if ((record?.tenant ?? reservation?.tenant ?? tenant) !== tenant) return { kind: 'released', id };
    // A running shared instance has other users; it goes when its mission ends, or when its state was taken away.
    const retired = resources.hosted(host, instance)?.state === 'retired';
    if (record !== null && record.rover === null && !retired) return { kind: 'released', id };
    const owner = record?.rover ?? reservation?.request.rover ?? rover;
    if (owner !== rover) throw new OutriderError('OUT_EDGE_UNAUTHORIZED', `${instance} is not ${rover}'s to release`);
    if (record === null && reservation === null) return { kind: 'released', id };
    reservations.remove(instance);
    resources.settle(instance);
    keeper.forget(instance);
    // An unanswered stop does no harm: a host is told again while it lists what the book does not hold.
    await hosts.command(host, { kind: 'stop', instance, epoch, checkpoint: 'discard' }, COMMAND_TIMEOUT_SEC).catch(() => undefined);
    return { kind: 'released', id };
  }

  #grant(record: PlacementRecord, rover: string): Grant {
    const { instance, host, epoch, addresses } = record;
    return { instance, host: host ?? '', epoch, addresses, token: issueToken(instanceKey(this.#options.manager.siteKey, instance), rover) };
  }
}

function toOffer({ host, load, warm, accelerator }: Candidate, offer: string) {
  return { offer, host, load, warm, accelerator, validSec: OFFER_VALID_SEC };
}
