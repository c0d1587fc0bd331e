// A site for benchmarks as `outrider site init` makes one: its own CA, mutual TLS on broker and data plane, rovers enrolled by token.
import { join } from 'node:path';
import { inviteMember } from '../../edge/security/invite.ts';
import { initSite } from '../../edge/security/site-folder.ts';
import type { LiveSite } from '../../edge/start-site.ts';
import { enrol } from '../../shared/security/enrol.ts';
import type { Identity } from '../../shared/security/identity-folder.ts';

/** Makes the folder of a site that listens on loopback; returns its path. */
export async function securedFolder(data: string, site: string): Promise<string> {
  const folder = join(data, 'site');
  const local = { listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 };
  await initSite(folder, { name: site, hosts: [], now: new Date(), ...local });
  return folder;
}

/** Takes a rover in: a token of the site, and with it a key, a certificate and a credential. */
export async function enrolRover(folder: string, live: LiveSite, rover: string): Promise<Identity> {
  const member = { role: 'rover' as const, id: rover, tenant: 'default', addresses: [] };
  const { token } = await inviteMember(folder, member, { validSec: 60, siteUrl: live.url, now: () => new Date() });
  return enrol({ token });
}
