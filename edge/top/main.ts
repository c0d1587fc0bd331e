// `outrider top`: what a site does now, in a terminal; one frame or one JSON object for scripts.
import { randomBytes } from 'node:crypto';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { OutriderError } from '../../shared/errors.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { idSchema } from '../../shared/protocol/message.ts';
import { operatorIdentity } from '../operator-identity.ts';
import { renderSite } from './render.ts';
import { showUntilQuit } from './screen.ts';
import { SiteWatch } from './site-watch.ts';

export interface TopOptions {
  /** Default: as the identity says, else mqtt://127.0.0.1:1883. */
  readonly broker?: string;
  /** Default: as the identity says, else `site`. */
  readonly site?: string;
  /** Folder of an operator's identity, for a site that wants to know who looks. */
  readonly identity?: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

const REFRESH_MS = 1000;
const CONNECT_SEC = 5;
/** Width of a frame that goes into a pipe. */
const PIPE_COLUMNS = 160;

/**
 * True when it ended as it was asked to. Throws OUT_BUS_UNREACHABLE or OUT_BUS_REFUSED by the broker, OUT_SITE_… for a broken identity,
 * OUT_CLI_USAGE for a live view without a terminal.
 */
export async function runTop({ once = false, json = false, ...options }: TopOptions): Promise<boolean> {
  const { stdin, stdout } = process;
  if (!once && !json && !stdout.isTTY)
    throw new OutriderError('OUT_CLI_USAGE', 'stdout is no terminal: ask for one frame (--once) or one object (--json)');
  const { site, broker, tls } = await whereTo(options);
  const bus = await connectMqttBus({
    url: broker,
    clientId: `operator-top-${randomBytes(4).toString('hex')}`,
    connectTimeoutSec: CONNECT_SEC,
    ...(tls === undefined ? {} : { tls }),
  });
  const watch = new SiteWatch({ site, bus, clock: new SystemClock(), logger: SILENT_LOGGER });
  try {
    await watch.start();
    const shown = withoutSecrets(broker);
    if (json || once) {
      await watch.settled();
      const size = { width: stdout.isTTY ? stdout.columns : PIPE_COLUMNS, height: Infinity };
      if (json) console.log(JSON.stringify({ broker: shown, ...watch.state() }));
      else for (const { text } of renderSite(watch.state(), shown, size)) console.log(text);
    } else {
      await showUntilQuit(stdin, stdout, (size) => renderSite(watch.state(), shown, size), REFRESH_MS);
    }
    return true;
  } finally {
    await watch.close();
    await bus.close();
  }
}

async function whereTo({ broker, site, identity: folder }: TopOptions) {
  // Another role's identity would be refused by the broker for its client id, or push its owner off the broker.
  const identity = await operatorIdentity(folder);
  const named = site ?? identity?.site ?? 'site';
  if (!idSchema.safeParse(named).success)
    throw new OutriderError('OUT_CLI_USAGE', `--site ${JSON.stringify(named)} is not an id of [A-Za-z0-9_-]{1,64}`);
  const url = broker ?? identity?.brokerUrl ?? 'mqtt://127.0.0.1:1883';
  if (!URL.canParse(url) || !/^(mqtts?|wss?):$/.test(new URL(url).protocol))
    throw new OutriderError('OUT_CLI_USAGE', `--broker ${JSON.stringify(url)} is not an address like mqtt://127.0.0.1:1883`);
  return { site: named, broker: url, tls: identity?.tls };
}

function withoutSecrets(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href.replace(/\/$/, '');
}
