// `outrider edge`: an edge site on this machine, until Ctrl-C.
import { loadYaml } from '../shared/config/load-yaml.ts';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { defineSite, type SiteConfig, type SiteConfigInput } from './config.ts';
import { runJoinedHost } from './join-host.ts';
import type { LiveSite } from './start-site.ts';

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
  // Not before: what holds a joined host has no need of broker and gateway.
  const { startEdgeSite } = await import('./start-site.ts');
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
