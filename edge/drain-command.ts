// `outrider edge drain HOST`: asks a site to move everything off a host, and waits until that is done.
import { OutriderError } from '../shared/errors.ts';
import type { HostPresent } from '../shared/protocol/host.ts';

export interface DrainOptions {
  /** Of the site's gateway. */
  readonly gateway: string;
  readonly undo?: boolean;
  /** How long the modules may take to leave [s]. */
  readonly timeout: number;
  readonly json?: boolean;
}

const POLL_MS = 200;

/** True when nothing runs on the host any more (or, with `undo`, when it takes modules again). Throws the site's coded errors. */
export async function drainHost(host: string, { gateway, undo = false, timeout, json }: DrainOptions): Promise<boolean> {
  await ask(new URL(`/api/hosts/${encodeURIComponent(host)}/drain`, gateway), undo ? 'DELETE' : 'POST');
  const say = (left: number): void => {
    if (json === true) console.log(JSON.stringify({ host, draining: !undo, instances: left }));
    else console.log(undo ? `${host} takes modules again` : left === 0 ? `${host} is empty` : `${left} instances are still on ${host}`);
  };
  const untilMs = performance.now() + timeout * 1000;
  for (;;) {
    const left = undo ? 0 : await instancesOn(host, gateway);
    if (left === 0 || performance.now() >= untilMs) {
      say(left);
      return left === 0;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function instancesOn(host: string, gateway: string): Promise<number> {
  const { hosts } = (await ask(new URL('/api/site', gateway), 'GET')) as { readonly hosts: readonly HostPresent[] };
  const status = hosts.find((candidate) => candidate.host === host);
  return (status?.instances ?? []).filter(({ state }) => state !== 'retired' && state !== 'failed').length;
}

async function ask(url: URL, method: string): Promise<unknown> {
  const answer = await fetch(url, { method }).catch((cause: unknown) => {
    throw new OutriderError('OUT_EDGE_TIMEOUT', `${url.origin} does not answer: is the site's gateway there (--gateway)?`, { cause });
  });
  const body = (await answer.json()) as { readonly message?: string };
  if (!answer.ok) throw new OutriderError('OUT_EDGE_UNKNOWN', `${method} ${url.pathname}: ${body.message ?? answer.statusText}`);
  return body;
}
