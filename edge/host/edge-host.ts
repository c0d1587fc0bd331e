// An edge host: says what it has, obeys the manager, takes modules from rovers and runs them.
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { AnsweredRequests } from '../../shared/bus/request-reply.ts';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import type { Timer } from '../../shared/ports/clock.ts';
import type { LastWill } from '../../shared/ports/message-bus.ts';
import { NO_TRACER, traced } from '../../shared/ports/tracer.ts';
import { type HostCommand, hostCommand, type HostReply, hostReply, hostStatus, type HostStatus } from '../../shared/protocol/host.ts';
import { managerTerm } from '../../shared/protocol/manager.ts';
import { encodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { placement } from '../../shared/protocol/placement.ts';
import { revokedMembers } from '../../shared/protocol/revoked.ts';
import { ExecutionHandler, type InstanceInfo } from './execution-handler.ts';
import type { HostPorts } from './host-ports.ts';
import { RemoteOffloadHandler } from './remote-offload-handler.ts';

const STATUS_PERIOD_SEC = 1;
/** Changes within this time become one status [s]. */
const STATUS_DELAY_SEC = 0.005;
/** A per-rover instance whose rover does not come for so long is stopped [s]: the rover has it back on board by then. */
const ORPHAN_SEC = 60;
const EMPTY_CHECK_SEC = 0.1;

/** The last will to connect a host's bus with. */
export function hostWill(site: string, host: string, session: string): LastWill {
  const payload = encodeMessage(hostStatus, { status: 'lost', host, session });
  return { topic: topicOf(hostStatus, { site, host }), payload, retain: true };
}

export class EdgeHost {
  readonly execution: ExecutionHandler;
  readonly handler: RemoteOffloadHandler;
  readonly #ports: HostPorts;
  readonly #channel: MessageChannel;
  readonly #answered = new AnsweredRequests<HostReply>();
  /** The newest manager that is known here: commands of older ones come too late. */
  #manager = { term: 0, inbox: '' };
  #bundles: string[] = [];
  #revokedOperators: ReadonlySet<string> = new Set();
  #draining = false;
  #closed = false;
  #announcement: Timer | null = null;
  #timer: Timer | null = null;
  #stopConnectionWatch: (() => void) | null = null;

  constructor(ports: HostPorts) {
    this.#ports = ports;
    this.#channel = new MessageChannel(ports.bus, ports.logger);
    this.execution = new ExecutionHandler(ports, () => this.#announceSoon());
    this.handler = new RemoteOffloadHandler(ports, this.execution, () => this.#announceSoon());
  }

  /** Whether an operator's certificate still counts here. */
  trusts(operator: string): boolean {
    return !this.#revokedOperators.has(operator);
  }

  get draining(): boolean {
    return this.#draining;
  }

  async start(): Promise<void> {
    const { site, host, bus, clock } = this.#ports;
    await this.handler.start();
    this.#bundles = await this.handler.warmDigests();
    await this.#channel.on(hostCommand, { site, host }, (command) => void this.#answer(command));
    await this.#channel.on(managerTerm, { site }, ({ term, session }) => {
      if (term > this.#manager.term) this.#manager = { term, inbox: `manager-${session}` };
    });
    await this.#channel.on(placement, { site }, (record) => this.execution.fence(record.instance, record.epoch));
    await this.#channel.on(revokedMembers, { site }, (revoked) => {
      this.#revokedOperators = new Set(revoked.operators);
      this.execution.revoke(revoked.rovers);
    });
    this.#stopConnectionWatch = bus.onConnectionChange((connected) => {
      if (connected) this.#announce();
    });
    this.#announce();
    this.#timer = clock.every(STATUS_PERIOD_SEC, async () => {
      this.execution.reap(ORPHAN_SEC);
      this.#bundles = await this.handler.warmDigests();
      this.#announce();
    });
  }

  /** Takes no more modules; the manager moves those that run here to other hosts. */
  drain(draining = true): void {
    this.#draining = draining;
    this.#announceSoon();
  }

  /** Instances that have not ended or moved. */
  get occupied(): number {
    return this.execution.list().filter(({ state }) => state !== 'retired' && state !== 'failed').length;
  }

  /** Resolves when nothing runs here any more (true), or after `timeoutSec` (false). */
  async emptied(timeoutSec: number): Promise<boolean> {
    const { clock } = this.#ports;
    const untilSec = clock.nowSec() + timeoutSec;
    while (this.occupied > 0 && clock.nowSec() < untilSec) await clock.sleep(EMPTY_CHECK_SEC);
    return this.occupied === 0;
  }

  /** Says goodbye and stops everything. */
  async close(): Promise<void> {
    const { site, host, session } = this.#ports;
    this.#halt();
    await this.#channel.publish(hostStatus, { site, host }, { status: 'offline', host, session }).catch(() => undefined);
    await this.#channel.close();
    await this.handler.close();
    await this.execution.close();
  }

  /** Stops as a crash would: no goodbye, nothing saved. For simulated crashes. */
  async abandon(): Promise<void> {
    this.#halt();
    await this.handler.close();
    await this.execution.close();
  }

  #halt(): void {
    this.#closed = true;
    this.#timer?.stop();
    this.#announcement?.stop();
    this.#stopConnectionWatch?.();
  }

  async #answer(command: HostCommand): Promise<void> {
    const { site, host } = this.#ports;
    const reply = await this.#answered.answer(command.id, async (): Promise<HostReply> => {
      try {
        this.#checkTerm(command);
        return await this.#obey(command);
      } catch (error) {
        const code = isOutriderError(error) ? error.code : 'OUT_INTERNAL';
        const reason = (error as Error).message.slice(0, 500);
        this.#ports.logger.warn({ command: command.kind, code, reason }, 'command refused');
        return { kind: 'refused', id: command.id, code, reason };
      }
    });
    if (!this.#closed) this.#channel.tell(hostReply, { site, host, inbox: command.replyTo }, reply);
  }

  async #obey(command: HostCommand): Promise<HostReply> {
    const { id } = command;
    switch (command.kind) {
      case 'reserve': {
        traced((this.#ports.tracer ?? NO_TRACER).join('reserve', command.traceparent, { instance: command.instance }), () =>
          this.handler.reserve(command, command.ticket, command.validSec),
        );
        const started = command.start === true ? await this.handler.startAtOnce(command.ticket, command.traceparent) : null;
        return { kind: 'reserved', id, addresses: [...this.handler.addresses], ...(started === null ? {} : { started: [...started] }) };
      }
      case 'restart':
        return traced(
          (this.#ports.tracer ?? NO_TRACER).join('restore instance', command.traceparent, { instance: command.instance }),
          async () => ({ kind: 'running', id, addresses: [...(await this.execution.restart(command))] }),
        );
      case 'stop':
        this.handler.cancel(command.instance);
        await this.execution.stop(command.instance, command.epoch, command.checkpoint);
        return { kind: 'done', id };
      case 'drain':
        this.drain(command.draining);
        return { kind: 'done', id };
    }
  }

  /** A manager that was replaced may have commands under way: they must not undo what its successor decided. */
  #checkTerm({ term, replyTo, kind }: HostCommand): void {
    const known = this.#manager;
    const late = term < known.term || (term === known.term && term > 0 && replyTo !== known.inbox);
    if (late) throw new OutriderError('OUT_EDGE_FENCED', `${kind} of ${replyTo} under term ${term}: the site is at term ${known.term}`);
    if (term > known.term) this.#manager = { term, inbox: replyTo };
  }

  #announceSoon(): void {
    if (this.#announcement !== null || this.#closed) return;
    this.#announcement = this.#ports.clock.after(STATUS_DELAY_SEC, () => this.#announce());
  }

  #announce(): void {
    this.#announcement?.stop();
    this.#announcement = null;
    if (this.#closed) return;
    const { site, host } = this.#ports;
    this.#channel.tell(hostStatus, { site, host }, this.#status());
  }

  #status(): HostStatus {
    const { host, session, clock, resources, grants, tenants } = this.#ports;
    const { cores, memoryTotalBytes, instancesMax, accelerator } = resources;
    const promised = this.handler.promisedBytes() + this.execution.promisedBytes();
    return {
      host,
      session,
      cores,
      memoryTotalBytes,
      instancesMax,
      accelerator,
      managerTerm: this.#manager.term,
      status: this.#draining ? 'draining' : 'online',
      stampSec: clock.nowSec(),
      loadFraction: Math.max(0, resources.loadFraction()),
      memoryFreeBytes: Math.max(0, memoryTotalBytes - promised),
      hostInterfaces: [...grants],
      ...(tenants === undefined ? {} : { tenants: [...tenants] }),
      addresses: [...this.handler.addresses],
      bundles: this.#bundles.slice(-256),
      instances: [...this.execution.list().map(toHosted), ...this.handler.reserved()].slice(0, 1024),
    };
  }
}

function toHosted({ stats: _stats, effects: _effects, error: _error, ...hosted }: InstanceInfo) {
  return hosted;
}
