// `outrider site …`: makes a site, takes members in and puts them out. Declares the commands; their code is loaded when one is called.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { idSchema } from '../shared/protocol/message.ts';
import type { MemberRole } from '../shared/security/member-roles.ts';

interface Json {
  readonly json?: true;
}

const json = (): Option => new Option('--json', 'one JSON object, last on stdout, for machines');
const dir = (): Option => new Option('--dir <dir>', 'folder of the site').makeOptionMandatory();
const role = (): Option => new Option('--role <role>', 'what it is').choices(['rover', 'host', 'operator']).default('rover');

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_VALID_SEC = 30 * 86_400;

function duration(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const seconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds > 0 && seconds <= MAX_VALID_SEC)) throw new InvalidArgumentError('must be a time such as 30m, 1h or 2d, at most 30d.');
  return seconds;
}

function id(text: string): string {
  if (!idSchema.safeParse(text).success) throw new InvalidArgumentError('must be 1 to 64 characters of A-Z a-z 0-9 _ -');
  return text;
}

const port = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new InvalidArgumentError('must be a port.');
  return value;
};

function report(options: Json, data: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
  console.log(options.json === true ? JSON.stringify(data) : lines.join('\n'));
}

const now = (): Date => new Date();

/** Adds `site init|enroll|revoke|operator|members` to the program. */
export function registerSiteCommands(program: Command): void {
  const site = program.command('site').description('make a site with its own certificate authority, and say who belongs to it');

  site
    .command('init')
    .description('make a site: CA, server certificate, module signing key and configuration')
    .argument('<dir>', 'new folder')
    .option('--name <id>', 'id of the site', id, 'site')
    .option('--host <names...>', 'further names or addresses that the server is called by')
    .option('--listen <address>', 'interface to listen on', '0.0.0.0')
    .option('--advertise <address>', 'what rovers are told to connect to (default: this machine’s first address)')
    .option('--port <port>', 'port of the gateway', port, 8443)
    .option('--mqtt-port <port>', 'port of the broker (MQTT over TLS)', port, 8883)
    .addOption(json())
    .action(async (directory: string, options: Json & InitFlags) => {
      const { initSite } = await import('./security/site-folder.ts');
      const { name, listen, host = [], advertise, mqttPort } = options;
      const named = advertise === undefined ? {} : { advertise };
      const made = await initSite(directory, { name, listen, hosts: host, port: options.port, mqttPort, now: now(), ...named });
      report(options, { site: name, ...made }, [
        `site ${name} → ${made.directory}`,
        `  CA fingerprint  ${made.fingerprint}`,
        `  certificate for ${made.addresses.join(', ')}`,
        '  next:',
        `    outrider edge --config ${made.config}`,
        `    outrider site operator NAME --dir ${directory}     (a login for the dashboard)`,
        `    outrider site enroll rover-1 --dir ${directory}    (a token for a rover)`,
      ]);
    });

  site
    .command('enroll')
    .description('make a one-time token that takes a rover, host or operator in')
    .argument('<id>', 'its id', id)
    .addOption(dir())
    .addOption(role())
    .option('--expires <time>', 'how long the token works, e.g. 30m, 1h, 2d', duration, 3600)
    .option('--tenant <id>', 'its fleet', id, 'default')
    .option('--address <names...>', 'hosts: names or addresses that rovers reach it by (default: the one that it calls from)')
    .option('--site-url <url>', 'where the gateway is found (default: as site.yaml says)')
    .addOption(json())
    .action(async (member: string, options: Json & EnrollFlags) => {
      const { inviteMember } = await import('./security/invite.ts');
      const { role: as, tenant, expires: validSec, address: addresses = [], siteUrl } = options;
      const invited = await inviteMember(options.dir, { role: as, id: member, tenant, addresses }, { validSec, siteUrl, now });
      const use = as === 'host' ? 'outrider edge --join --enroll' : as === 'rover' ? 'outrider robot --sim --enroll' : 'outrider site join';
      report(options, { ...invited }, [
        `token for ${as} ${member}, good once until ${invited.expiresAt}:`,
        '',
        invited.token,
        '',
        `  there: ${use} TOKEN${as === 'operator' ? ' --identity DIR' : ''}`,
      ]);
    });

  site
    .command('join')
    .description('show a token and keep the identity that it brings, e.g. of an operator for scripts')
    .argument('<token>', 'of `outrider site enroll`')
    .requiredOption('--identity <dir>', 'new folder for key and certificate')
    .option('--site-url <url>', 'https://host:port of the gateway (default: as the token says)')
    .addOption(json())
    .action(async (token: string, options: Json & { identity: string; siteUrl?: string }) => {
      const { enrolInto } = await import('../shared/security/enrol-into.ts');
      const { siteUrl } = options;
      const {
        tls: _tls,
        credential: _credential,
        ...public_
      } = await enrolInto(options.identity, {
        token,
        ...(siteUrl === undefined ? {} : { siteUrl }),
      });
      report(options, { ...public_, identity: options.identity }, [
        `${public_.role} ${public_.id} of ${public_.site} → ${options.identity}`,
      ]);
    });

  site
    .command('certify')
    .description('make a key and certificate for a server that is not one of Outrider, e.g. an MQTT broker')
    .argument('<name>', 'its name', id)
    .requiredOption('--address <names...>', 'names or addresses that it is called by')
    .requiredOption('--out <dir>', 'new folder for ca.crt, server.crt and server.key')
    .addOption(dir())
    .addOption(json())
    .action(async (name: string, options: Json & { address: string[]; out: string; dir: string }) => {
      const { certifyServer } = await import('./security/site-folder.ts');
      const { address: addresses, out } = options;
      await certifyServer(options.dir, { name, addresses, out }, now());
      report(options, { name, addresses, out }, [`certificate of ${name} for ${addresses.join(', ')} → ${out}`]);
    });

  site
    .command('renew')
    .description('get a new certificate before the old one ends; rovers and hosts that run do so by themselves')
    .option('--identity <dir>', 'of a rover, host or operator: asks its site')
    .option('--dir <dir>', "the site's own: a running site shows it within seconds")
    .addOption(json())
    .action(async (options: Json & { identity?: string; dir?: string }) => {
      const { renewFolder } = await import('./renew-command.ts');
      const { who, until } = await renewFolder(options, now());
      report(options, { ...who, until: until.toISOString() }, [`${who.role} ${who.id}: certificate until ${until.toISOString()}`]);
    });

  site
    .command('revoke')
    .description('put a rover, host or operator out: a running site cuts it off within a second')
    .argument('<id>', 'its id', id)
    .addOption(dir())
    .addOption(role())
    .addOption(json())
    .action(async (member: string, options: Json & { dir: string; role: MemberRole }) => {
      const { openSite } = await import('./security/site-folder.ts');
      const { registry } = await openSite(options.dir, now);
      const { revokedAt } = await registry.revoke(options.role, member);
      report(options, { role: options.role, id: member, revokedAt }, [`${options.role} ${member} revoked`]);
    });

  site
    .command('members')
    .description('who belongs to the site')
    .addOption(dir())
    .addOption(json())
    .action(async (options: Json & { dir: string }) => {
      const { openSite } = await import('./security/site-folder.ts');
      const members = await (await openSite(options.dir, now)).registry.members();
      const shown = members.map(({ credentialHash: _hash, ...member }) => member);
      const line = (member: (typeof shown)[number]): string =>
        `${member.role.padEnd(8)} ${member.id.padEnd(20)} ${member.tenant.padEnd(12)} enrolled ${member.enrolledAt}${member.revokedAt === null ? '' : `, revoked ${member.revokedAt}`}`;
      report(options, { members: shown }, shown.length === 0 ? ['nobody yet'] : shown.map(line));
    });

  site
    .command('operator')
    .description('make or renew a login for the dashboard and the REST API; prints its password once')
    .argument('<name>', 'user name', id)
    .addOption(dir())
    .option('--view-only', 'may look, not act')
    .addOption(json())
    .action(async (name: string, options: Json & { dir: string; viewOnly?: true }) => {
      const { openSite } = await import('./security/site-folder.ts');
      const { logins } = await openSite(options.dir, now);
      const as = options.viewOnly === true ? 'viewer' : 'operator';
      const password = await logins.create(name, as);
      report(options, { name, role: as, password }, [
        `${as} ${name}`,
        `  password  ${password}`,
        '  it is kept as a hash only: note it now',
      ]);
    });
}

interface InitFlags {
  readonly name: string;
  readonly host?: string[];
  readonly listen: string;
  readonly advertise?: string;
  readonly port: number;
  readonly mqttPort: number;
}

interface EnrollFlags {
  readonly dir: string;
  readonly role: MemberRole;
  readonly expires: number;
  readonly tenant: string;
  readonly address?: string[];
  readonly siteUrl?: string;
}
