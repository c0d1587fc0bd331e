// `outrider edge drain HOST`: asks a site to move everything off a host, and waits until that is done.
import { OutriderError } from '../shared/errors.ts';
import type { HostPresent } from '../shared/protocol/host.ts';
import { askSite, type SiteRequest } from '../shared/security/ask-site.ts';
import { operatorIdentity } from './operator-identity.ts';

export interface DrainOptions {
  /** Of the site's gateway; default: as the identity says, else on loopback. */
  readonly gateway?: string;
  /** Folder of an operator's identity, where the site asks for one. */
  readonly identity?: string;
  readonly undo?: boolean;
  /** How long the modules may take to leave [s]. */
  readonly timeout: number;
  readonly json?: boolean;
}

const POLL_MS = 200;

/**
 * True when nothing runs on the host any more (or, with `undo`, when it takes modules again). Throws the site's coded errors,
 * OUT_SITE_LOGIN where it asks for an identity, OUT_SITE_UNREACHABLE.
 */
export async function drainHost(host: string, { gateway, identity, undo = false, timeout, json }: DrainOptions): Promise<boolean> {
  const operator = await operatorIdentity(identity);
  const base = gateway ?? operator?.gatewayUrl ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new OutriderError('OUT_CLI_USAGE', `--gateway ${JSON.stringify(base)} is not an address like http://127.0.0.1:8080`);
  const ask = (path: string, method: NonNullable<SiteRequest['method']>): Promise<unknown> =>
    askSite(new URL(path, base), { method, ...(operator === null ? {} : { tls: operator.tls }) });
  await ask(`/api/hosts/${encodeURIComponent(host)}/drain`, undo ? 'DELETE' : 'POST');
  const say = (left: number): void => {
    if (json === true) console.log(JSON.stringify({ host, draining: !undo, instances: left }));
    else console.log(undo ? `${host} takes modules again` : left === 0 ? `${host} is empty` : `${left} instances are still on ${host}`);
  };
  const untilMs = performance.now() + timeout * 1000;
  for (;;) {
    const left = undo ? 0 : instancesOn(host, await ask('/api/site', 'GET'));
    if (left === 0 || performance.now() >= untilMs) {
      say(left);
      return left === 0;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function instancesOn(host: string, site: unknown): number {
  const { hosts } = site as { readonly hosts: readonly HostPresent[] };
  const status = hosts.find((candidate) => candidate.host === host);
  return (status?.instances ?? []).filter(({ state }) => state !== 'retired' && state !== 'failed').length;
}
