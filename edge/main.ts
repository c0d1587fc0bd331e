// `outrider edge`: an edge site on this machine, until Ctrl-C.
import { loadYaml } from '../shared/config/load-yaml.ts';
import { z } from 'zod';
import { defineSite, type SiteConfig, type SiteConfigInput } from './config.ts';
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
}

/** Runs a site until it is told to end. Returns whether it ended well. Throws coded errors for a bad configuration. */
export async function runEdge(options: EdgeCommandOptions): Promise<boolean> {
  const config = await configOf(options);
  const site = await startEdgeSite(config);
  print(site, config, options.json === true);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  if (options.json !== true) console.log('\nending the hosts …');
  await site.close();
  return true;
}

/** The configuration file, if any, with what the command line says on top. */
async function configOf({
  config,
  hosts,
  port,
  mqttPort,
  broker,
  site,
  data,
  manager,
  hostPrefix,
}: EdgeCommandOptions): Promise<SiteConfig> {
  const given = { hosts, gatewayPort: port, mqttPort, broker, site, data, hostPrefix, manager: manager === false ? false : undefined };
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SiteConfigInput;
  if (config === undefined) return defineSite(overrides, 'command line');
  const file = (await loadYaml(config, z.looseObject({}))) as SiteConfigInput;
  return defineSite({ ...file, ...overrides }, config);
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
