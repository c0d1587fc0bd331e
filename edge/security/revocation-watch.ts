// Acts on revocations while the site runs: `outrider site revoke` in another shell writes a file, and within a second the member is cut
// from the broker and every host knows.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { revokedMembers } from '../../shared/protocol/revoked.ts';
import type { MemberRole } from '../../shared/security/member-roles.ts';
import type { ClientIdentity } from '../broker/access-rules.ts';
import { SITE_FILES, type SiteSecurity } from './site-folder.ts';

const PERIOD_SEC = 1;

export interface RevocationWatchOptions {
  readonly site: string;
  readonly security: SiteSecurity;
  readonly clock: Clock;
  readonly bus: MessageBus;
  readonly logger: Logger;
  /** Cuts connections to the embedded broker. */
  readonly cut: (matches: (identity: ClientIdentity) => boolean) => void;
}

export class RevocationWatch {
  readonly #options: RevocationWatchOptions;
  readonly #channel: MessageChannel;
  #timer: Timer | null = null;
  #seenMs = -1;
  #said = '';

  constructor(options: RevocationWatchOptions) {
    this.#options = options;
    this.#channel = new MessageChannel(options.bus, options.logger);
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = this.#options.clock.every(PERIOD_SEC, () => this.#look());
  }

  stop(): void {
    this.#timer?.stop();
  }

  async #look(): Promise<void> {
    const { site, security, logger, cut } = this.#options;
    // Members are written by renaming, which changes the time of their folder.
    const changed = await stat(join(security.folder, SITE_FILES.registry, 'members')).catch(() => null);
    if (changed === null || changed.mtimeMs === this.#seenMs) return;
    const members = await security.registry.members().catch((error: Error) => {
      logger.error({ error: error.message }, 'the members of the site cannot be read');
      return null;
    });
    if (members === null) return;
    this.#seenMs = changed.mtimeMs;
    const revoked = members.filter((member) => member.revokedAt !== null);
    cut(({ role, name }) => revoked.some((member) => member.role === role && member.id === name));
    const ids = (role: MemberRole): string[] =>
      revoked
        .filter((member) => member.role === role)
        .map((member) => member.id)
        .toSorted();
    const list = { rovers: ids('rover'), operators: ids('operator') };
    const text = JSON.stringify(list);
    if (text === this.#said) return;
    if (revoked.length > 0) logger.warn(list, 'revoked members');
    await this.#channel.publish(revokedMembers, { site }, list);
    this.#said = text;
  }
}
