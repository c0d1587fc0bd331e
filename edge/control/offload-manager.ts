// The Offload Manager: a rover's first contact at a site. Authenticates, negotiates, keeps the placements, and recovers what is lost.
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { AnsweredRequests } from '../../shared/bus/request-reply.ts';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import { NO_TRACER } from '../../shared/ports/tracer.ts';
import type { Timer } from '../../shared/ports/clock.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { missionEvent, type MissionEvent } from '../../shared/protocol/mission.ts';
import { offloadReply, type OffloadReply, offloadRequest, type OffloadRequest } from '../../shared/protocol/offload.ts';
import { DEFAULT_BALANCE, Evacuation } from './evacuation.ts';
import { Failover } from './failover.ts';
import { HostCommander } from './host-commander.ts';
import { COMMAND_TIMEOUT_SEC, type ManagerOptions } from './manager-options.ts';
import { MissionCleanup } from './mission-cleanup.ts';
import { Negotiator } from './negotiator.ts';
import { PlacementBook } from './placement-book.ts';
import { PlacementKeeper } from './placement-keeper.ts';
import { Reservations } from './reservations.ts';
import { ResourceManager } from './resource-manager.ts';

const TICK_SEC = 0.25;

export class OffloadManager {
  readonly resources: ResourceManager;
  readonly book: PlacementBook;
  readonly failover: Failover;
  readonly #options: ManagerOptions;
  readonly #channel: MessageChannel;
  readonly #hosts: HostCommander;
  readonly evacuation: Evacuation;
  readonly #keeper: PlacementKeeper;
  readonly #negotiator: Negotiator;
  readonly #cleanup: MissionCleanup;
  readonly #reservations = new Reservations();
  readonly #answered = new AnsweredRequests<OffloadReply>();
  #ticks = 0;
  #deaf = false;
  #timer: Timer | null = null;

  constructor(options: ManagerOptions) {
    const { site, clock, bus, logger, siteKey, session } = options;
    this.#options = options;
    this.#channel = new MessageChannel(bus, logger);
    const channel = this.#channel;
    const hosts = new HostCommander({ site, channel, clock, inbox: `manager-${session}`, term: options.term ?? 0 });
    const book = new PlacementBook({ channel, site, clock });
    const resources = new ResourceManager({
      clock,
      leaseSec: options.hostLeaseSec ?? 5,
      graceSec: options.hostGraceSec ?? 0.75,
      onLost: (host, why) => this.#keeper.hostLost(host, why),
      onChanged: (status) => {
        this.#keeper.hostChanged(status);
        if (this.#timer !== null) this.evacuation.hostChanged(status);
      },
    });
    const failover = new Failover({
      clock,
      logger,
      siteKey,
      book,
      resources,
      hosts,
      tracer: options.tracer ?? NO_TRACER,
      restartTimeoutSec: COMMAND_TIMEOUT_SEC,
      tell: ({ mission, rover }, text) => this.#tell(mission, 'failover', rover, text),
    });
    const balance = options.balance ?? DEFAULT_BALANCE;
    this.evacuation = new Evacuation({ site, clock, channel, book, failover, resources, balance });
    const reservations = this.#reservations;
    const tellLost = (mission: string, text: string): void => this.#tell(mission, 'edge', null, text);
    this.#keeper = new PlacementKeeper({ book, failover, hosts, reservations, resources: () => resources, clock, logger, tellLost });
    this.#negotiator = new Negotiator({ manager: options, resources, reservations, keeper: this.#keeper, hosts });
    const end = (mission: string): void => this.#keeper.endMission(mission);
    this.#cleanup = new MissionCleanup({ site, clock, channel, lingerSec: options.missionLingerSec ?? 5, end });
    this.#hosts = hosts;
    this.book = book;
    this.resources = resources;
    this.failover = failover;
  }

  /** Messages that were dropped as malformed. */
  get malformed(): number {
    return this.#channel.malformed;
  }

  /** Reads what hosts and an earlier manager left on the broker, then answers rovers. */
  async start(): Promise<void> {
    const { site, clock } = this.#options;
    await this.book.start();
    await this.#hosts.start();
    await this.#channel.on(hostStatus, { site }, (status, { places }) => {
      if (places['host'] === status.host) this.resources.observe(status);
    });
    await this.#cleanup.start();
    await clock.sleep(this.#options.settleSec ?? 0.25);
    this.#keeper.adoptOrphans();
    await this.#channel.on(offloadRequest, { site }, (request, { places }) => {
      if (places['rover'] === request.rover) void this.#answer(request);
    });
    this.#timer = clock.every(TICK_SEC, () => this.#tick());
  }

  /** Tells a host to give up what it runs (or to take modules again). Rejects with OUT_EDGE_UNKNOWN, OUT_EDGE_TIMEOUT. */
  async drain(host: string, draining: boolean): Promise<void> {
    if (this.resources.host(host) === null) {
      const known = this.resources.hosts().map((status) => status.host);
      throw new OutriderError('OUT_EDGE_UNKNOWN', `the site has no host ${host}; it has ${known.join(', ') || 'none'}`);
    }
    await this.#hosts.command(host, { kind: 'drain', draining }, COMMAND_TIMEOUT_SEC);
  }

  async close(): Promise<void> {
    this.#timer?.stop();
    this.#cleanup.close();
    await this.#channel.close();
  }

  async #answer(request: OffloadRequest): Promise<void> {
    const { site } = this.#options;
    const reply = await this.#answered.answer(`${request.rover}/${request.id}`, () => this.#decide(request));
    this.#channel.tell(offloadReply, { site, rover: request.rover }, reply);
  }

  async #decide(request: OffloadRequest): Promise<OffloadReply> {
    const { rover, credential, id, kind } = request;
    try {
      const identity = await this.#options.authenticate({ rover, credential });
      if (identity === null)
        throw new OutriderError('OUT_EDGE_UNAUTHORIZED', `${rover}: the site does not know this rover or its credential`);
      return await this.#negotiator.handle(request, identity);
    } catch (error) {
      const code = isOutriderError(error) ? error.code : 'OUT_INTERNAL';
      const reason = (error as Error).message.slice(0, 500);
      this.#options.logger.warn({ rover, kind, code, reason }, 'offload request refused');
      return { kind: 'refused', id, code, reason };
    }
  }

  #tick(): void {
    // Without a broker nobody can say anything: silence then means nothing.
    const { bus, hears = () => true } = this.#options;
    const deaf = !bus.connected || !hears();
    if (!deaf && this.#deaf) this.resources.renewLeases();
    this.#deaf = deaf;
    if (!deaf) this.resources.expire();
    for (const { instance } of this.#reservations.expire(this.#options.clock.nowSec())) this.resources.settle(instance);
    this.failover.step();
    if (++this.#ticks % 4 !== 0 || deaf) return;
    this.#keeper.tendOrphans();
    this.evacuation.balance();
  }

  #tell(mission: string, kind: MissionEvent['kind'], rover: string | null, text: string): void {
    const stampSec = this.#options.clock.nowSec();
    this.#channel.tell(missionEvent, { site: this.#options.site, mission }, { stampSec, kind, rover, text: text.slice(0, 300) });
  }
}
