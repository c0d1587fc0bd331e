// Which of several managers acts. The lock is an MQTT client id that a broker lets one connection at a time have: who connects with it
// cuts off who had it. The term, one higher with each change, fences what the one before may still have under way: hosts refuse it.
// After the lease and the epoch (fencing token) of distributed locks: Gray and Cheriton, 1989.
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { OutriderError } from '../../shared/errors.ts';
import { hostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import { managerStatus, managerTerm } from '../../shared/protocol/manager.ts';

/** What a manager does while it leads. */
export interface Leadership {
  /** Stops acting; called when the lock is lost, too. */
  close(): Promise<void>;
}

export interface ElectionOptions {
  readonly site: string;
  /** This manager's, new with each start. */
  readonly session: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A connection of this manager's own, by which it watches who leads. */
  readonly observer: MessageBus;
  /**
   * Connects under the site's one manager id, with {@link managerWill}. The bus comes back after a broken connection only when
   * `mayReconnect` says so: otherwise two managers would cut each other off in turn.
   */
  readonly takeLock: (mayReconnect: () => Promise<boolean>) => Promise<MessageBus>;
  /** `hears` says whether what is published reaches this manager: a broker that is choosing leaders takes messages and delivers none. */
  readonly lead: (lock: MessageBus, term: number, hears: () => boolean) => Promise<Leadership>;
  /** Silence of the acting manager for so long means that it is dead, whatever the broker says [s]; default 3. */
  readonly leaseSec?: number;
  /** How long a broker may take to send what it has retained [s]; default 0.2. */
  readonly settleSec?: number;
}

export type ManagerRole = 'starting' | 'active' | 'standby';

const STEP_SEC = 0.05;
const BEAT_SEC = 1;
/** The manager's own word does not come back for so long: it is deaf [s]. */
const DEAF_SEC = 2.5;
/** Candidates begin within this time of each other, in an order that their sessions give [s]. */
const STAGGER_SEC = 0.5;

export class ManagerElection {
  readonly #options: ElectionOptions;
  readonly #watch: MessageChannel;
  #highest = 0;
  #failures = 0;
  #other: { readonly session: string; heardSec: number } | null = null;
  #mine: { readonly lock: MessageBus; readonly term: number; readonly channel: MessageChannel; leadership: Leadership | null } | null =
    null;
  #role: ManagerRole = 'starting';
  #settledSec = Number.POSITIVE_INFINITY;
  #campaigning = false;
  #closed = false;
  #timer: Timer | null = null;
  #beat: Timer | null = null;
  #decided: () => void = () => undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#watch = new MessageChannel(options.observer, options.logger);
  }

  get role(): ManagerRole {
    return this.#role;
  }

  /** The newest term that is known here. */
  get term(): number {
    return this.#highest;
  }

  /** Resolves when it is clear whether this manager acts or stands by. */
  async start(): Promise<void> {
    const { site, clock, observer } = this.#options;
    const decision = new Promise<void>((resolve) => (this.#decided = resolve));
    observer.onConnectionChange((connected) => this.#settle(connected));
    await this.#watch.on(managerTerm, { site }, ({ term, session }) => this.#learn(term, session));
    await this.#watch.on(managerStatus, { site }, (status) => {
      if (status.session === this.#options.session) return;
      if (status.status === 'active') {
        this.#learn(status.term, status.session);
        if (status.term === this.#highest) this.#other = { session: status.session, heardSec: clock.nowSec() };
      } else if (this.#other?.session === status.session) {
        this.#other = null;
        this.#settledSec = clock.nowSec() + this.#stagger();
      }
    });
    // A broker that forgets and a manager that died leave the term to the hosts.
    await this.#watch.on(hostStatus, { site }, (status) => {
      if (isHostPresent(status)) this.#highest = Math.max(this.#highest, status.managerTerm);
    });
    this.#settle(observer.connected);
    this.#timer = clock.every(STEP_SEC, () => this.#step());
    await decision;
  }

  async close(): Promise<void> {
    const { site, session } = this.#options;
    this.#closed = true;
    this.#timer?.stop();
    const mine = this.#mine;
    if (mine !== null && mine.lock.connected)
      await mine.channel.publish(managerStatus, { site }, { status: 'offline', session }).catch(() => undefined);
    await this.#standDown();
    await this.#watch.close();
  }

  #settle(connected: boolean): void {
    const { clock, settleSec = 0.2 } = this.#options;
    this.#settledSec = connected ? clock.nowSec() + settleSec : Number.POSITIVE_INFINITY;
  }

  #learn(term: number, session: string): void {
    this.#highest = Math.max(this.#highest, term);
    const mine = this.#mine;
    if (mine === null || session === this.#options.session || term < mine.term) return;
    this.#options.logger.warn({ term, session, mine: mine.term }, 'another manager acts: standing down');
    void this.#standDown();
  }

  #step(): void {
    const { clock, observer, leaseSec = 3 } = this.#options;
    if (this.#closed || this.#mine !== null || this.#campaigning || !observer.connected || clock.nowSec() < this.#settledSec) return;
    if (this.#other !== null && clock.nowSec() - this.#other.heardSec <= leaseSec) {
      this.#decide('standby');
      return;
    }
    this.#campaigning = true;
    void this.#campaign().finally(() => (this.#campaigning = false));
  }

  async #campaign(): Promise<void> {
    const { site, session, clock, logger, takeLock, lead, settleSec = 0.2 } = this.#options;
    let lock: MessageBus | null = null;
    try {
      lock = await takeLock(() => this.#mayReconnect());
      const channel = new MessageChannel(lock, logger);
      // What the manager that was cut off just now had said before.
      await channel.on(managerTerm, { site }, ({ term, session: whose }) => this.#learn(term, whose));
      await clock.sleep(settleSec);
      const term = this.#highest + 1;
      const mine = { lock, term, channel, leadership: null };
      let heardSec = clock.nowSec();
      await channel.on(managerStatus, { site }, (status) => {
        if (status.session === session) heardSec = clock.nowSec();
      });
      if (this.#closed || !lock.connected) throw new OutriderError('OUT_EDGE_FENCED', 'the lock was lost at once');
      this.#mine = mine;
      await channel.publish(managerTerm, { site }, { term, session });
      await this.#say(mine);
      const leadership = await lead(lock, term, () => clock.nowSec() - heardSec <= DEAF_SEC);
      if (this.#mine !== mine) {
        await leadership.close();
        return;
      }
      this.#mine.leadership = leadership;
      this.#beat = clock.every(BEAT_SEC, () => this.#say(mine));
      this.#failures = 0;
      logger.info({ term, session }, 'this manager acts');
      this.#decide('active');
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'did not become the acting manager');
      this.#failures += 1;
      this.#settledSec = clock.nowSec() + this.#stagger();
      await this.#standDown();
      await lock?.close();
    }
  }

  async #say({ lock, term, channel }: { readonly lock: MessageBus; readonly term: number; readonly channel: MessageChannel }) {
    const { site, session, clock } = this.#options;
    if (!lock.connected) return;
    await channel.publish(managerStatus, { site }, { status: 'active', session, term, stampSec: clock.nowSec() }).catch(() => undefined);
  }

  /** The lock's connection broke: an outage, or another manager took it. Only the retained term tells which. */
  async #mayReconnect(): Promise<boolean> {
    const { clock, observer } = this.#options;
    const mine = this.#mine;
    if (mine === null) return false;
    while (!this.#closed && this.#mine === mine && (!observer.connected || clock.nowSec() < this.#settledSec)) await clock.sleep(STEP_SEC);
    return !this.#closed && this.#mine === mine;
  }

  async #standDown(): Promise<void> {
    const mine = this.#mine;
    if (mine === null) return;
    this.#mine = null;
    this.#beat?.stop();
    if (!this.#closed) this.#decide('standby');
    await mine.leadership?.close();
    await mine.lock.close();
  }

  #decide(role: ManagerRole): void {
    this.#role = role;
    this.#decided();
  }

  /** Different for each session and attempt, and longer with each, so that candidates do not cut each other off for ever. */
  #stagger(): number {
    const text = `${this.#options.session}/${this.#failures}`;
    // FNV-1a, finished so that close texts spread over the whole range.
    let hash = 0x811c9dc5;
    for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return ((hash >>> 0) / 2 ** 32) * STAGGER_SEC * Math.min(4, 1 + this.#failures);
  }
}
