// The manager's line to the edge hosts: commands that are repeated until answered.
import type { MessageChannel } from '../../shared/bus/message-channel.ts';
import { PendingRequests } from '../../shared/bus/request-reply.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { type HostCommand, hostCommand, type HostReply, hostReply } from '../../shared/protocol/host.ts';

type WithoutEnvelope<T> = T extends unknown ? Omit<T, 'id' | 'replyTo' | 'term'> : never;

export interface HostCommanderOptions {
  readonly site: string;
  readonly channel: MessageChannel;
  readonly clock: Clock;
  /** This manager's reply place; unique per process run, so that replies to a predecessor are not taken for ours. */
  readonly inbox: string;
  /** This manager's; hosts refuse commands of an older term. */
  readonly term: number;
}

export class HostCommander {
  readonly #options: HostCommanderOptions;
  readonly #pending: PendingRequests<HostReply>;
  #count = 0;

  constructor(options: HostCommanderOptions) {
    this.#options = options;
    this.#pending = new PendingRequests(options.clock);
  }

  async start(): Promise<void> {
    const { channel, site, inbox } = this.#options;
    await channel.on(hostReply, { site, inbox }, (reply) => void this.#pending.settle(reply.id, reply));
  }

  /** Sends a command and waits for the answer. Rejects with OUT_EDGE_TIMEOUT. */
  command(host: string, command: WithoutEnvelope<HostCommand>, timeoutSec: number): Promise<HostReply> {
    const { channel, site, inbox, term } = this.#options;
    // With the term: a process that leads a second time counts from one again.
    const id = `${inbox}-${term}-${++this.#count}`;
    const whole = { ...command, id, replyTo: inbox, term };
    const send = (): void => channel.tell(hostCommand, { site, host }, whole);
    return this.#pending.request(id, `${command.kind} at ${host}`, send, { timeoutSec });
  }
}
