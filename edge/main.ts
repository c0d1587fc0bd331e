// `outrider edge`: an edge site on this machine, until Ctrl-C.
import { SystemClock } from '../shared/clock/system-clock.ts';
import { OutriderError } from '../shared/errors.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { keepCertificate } from '../shared/security/renew.ts';
import { loadYaml } from '../shared/config/load-yaml.ts';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { defineSite, type SiteConfig, type SiteConfigInput } from './config.ts';
import { runHost } from './host/run-host.ts';
import { hostIdentity, joinedHostConfig } from './join-host.ts';
import { pinoLogger } from './logging.ts';
import { type LiveSite, startEdgeSite } from './start-site.ts';

export { drainHost } from './drain-command.ts';

export interface EdgeCommandOptions {
  readonly config?: string;
  readonly hosts?: number;
  readonly port?: number;
  readonly mqttPort?: number;
  readonly broker?: string;
  readonly site?: string;
  readonly data?: string;
  /** `--no-manager`: false. Commander says true where nothing was said. */
  readonly manager?: boolean;
  readonly hostPrefix?: string;
  readonly json?: boolean;
  readonly listen?: string;
  readonly insecure?: boolean;
  /** One edge host for a site elsewhere. */
  readonly join?: boolean;
  readonly enroll?: string;
  readonly siteUrl?: string;
  readonly identity?: string;
}

/** Runs a site until it is told to end. Returns whether it ended well. Throws coded errors for a bad configuration. */
export async function runEdge(options: EdgeCommandOptions): Promise<boolean> {
  const config = await configOf(options);
  if (options.join === true) return runJoinedHost(config, options);
  const site = await startEdgeSite(config);
  print(site, config, options.json === true);
  await interruption();
  if (options.json !== true) console.log('\nending the hosts …');
  await site.close();
  return true;
}

/** The configuration file, if any, with what the command line says on top. */
async function configOf(options: EdgeCommandOptions): Promise<SiteConfig> {
  const { config, hosts, port, mqttPort, broker, site, data, hostPrefix, insecure } = options;
  const manager = options.manager === false ? false : undefined;
  const listen = options.join === true ? undefined : options.listen;
  const given = { hosts, gatewayPort: port, mqttPort, broker, site, data, hostPrefix, manager, insecure, listen };
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SiteConfigInput;
  if (config === undefined) return defineSite(overrides, 'command line');
  const file = (await loadYaml(config, z.looseObject({}))) as SiteConfigInput;
  return defineSite(besideFile({ ...file, ...overrides }, file, dirname(config)), config);
}

/** Folders that the file names are relative to it, so that a site can be run from anywhere. */
function besideFile(config: SiteConfigInput, file: SiteConfigInput, folder: string): SiteConfigInput {
  const { security } = file;
  return {
    ...config,
    ...(typeof file.data === 'string' && config.data === file.data ? { data: resolve(folder, file.data) } : {}),
    ...(typeof security?.folder === 'string' ? { security: { ...security, folder: resolve(folder, security.folder) } } : {}),
  };
}

async function runJoinedHost(config: SiteConfig, options: EdgeCommandOptions): Promise<boolean> {
  const { identity, folder } = await hostIdentity(options);
  const settings = joinedHostConfig(identity, config, options.listen ?? '0.0.0.0');
  const logger = pinoLogger(config.logLevel, { host: identity.id });
  leaveLimitsToOthers(config, logger);
  const host = await runHost(settings, logger);
  const renewed = (): void => host.showCertificate(identity.tls.cert);
  const stopKeeping = keepCertificate({ identity, folder, clock: new SystemClock(), logger, renewed });
  if (options.json === true) console.log(JSON.stringify({ site: identity.site, host: identity.id, rest: host.rest }));
  else console.log(`Edge host ${identity.id} of site ${identity.site}\n  REST  ${host.rest}/docs\nCtrl-C ends it.`);
  await interruption();
  stopKeeping();
  await host.close();
  return true;
}

/** A joined host is this process, which runs already: whoever starts it limits it. */
function leaveLimitsToOthers({ host: { limits } }: SiteConfig, logger: Logger): void {
  if (limits === undefined) return;
  const how = 'a joined host is limited by what starts it, e.g. MemoryMax and CPUQuota of its systemd unit';
  if (limits.required) throw new OutriderError('OUT_EDGE_NO_LIMITS', how);
  logger.warn({ limits }, `not enforced here: ${how}`);
}

function interruption(): Promise<void> {
  return new Promise((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
}

function print(site: LiveSite, config: SiteConfig, json: boolean): void {
  const hosts = site.hosts.map(({ host, pid, rest }) => ({ host, pid, rest }));
  if (json) {
    console.log(JSON.stringify({ site: config.site, url: site.url, broker: site.brokerUrl, hosts }));
    return;
  }
  console.log(`Edge site ${config.site}`);
  console.log(`  dashboard  ${site.url}`);
  console.log(`  REST       ${site.url}/docs`);
  console.log(`  broker     ${site.brokerUrl}`);
  for (const { host, pid, rest } of hosts) console.log(`  host       ${host} (process ${pid}, ${rest}/docs)`);
  console.log('Ctrl-C ends it.');
}
