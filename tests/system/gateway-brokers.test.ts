// The dashboard's way to brokers of other makes at a site on loopback: brokers that ask nobody, that want a name and a password, by TCP and
// by WebSocket. Brokers that want certificates are in site-external-broker.test.ts.
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { brokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { defineSite } from '../../edge/config.ts';
import { startEdgeSite } from '../../edge/start-site.ts';

const LOGIN = { username: 'barn', password: 'only the site knows' };
const COMMAND = 'outrider/test/mission/m/command';

interface Kind {
  readonly what: string;
  readonly command: string;
  /** Writes the configuration and returns its path. */
  readonly configure: (folder: string, port: number) => Promise<string>;
  readonly scheme: string;
  readonly login: typeof LOGIN | null;
}

/** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
function hashed(password: string): string {
  const salt = randomBytes(12);
  return `$7$101$${salt.toString('base64')}$${pbkdf2Sync(password, salt, 101, 64, 'sha512').toString('base64')}`;
}

const mosquitto = (login: boolean) => async (folder: string, port: number) => {
  const passwords = join(folder, 'passwords');
  if (login) await writeFile(passwords, `${LOGIN.username}:${hashed(LOGIN.password)}\n`);
  const access = login ? ['allow_anonymous false', `password_file ${passwords}`] : ['allow_anonymous true'];
  const path = join(folder, 'mosquitto.conf');
  await writeFile(path, [`listener ${port} 127.0.0.1`, 'user root', ...access, ''].join('\n'));
  return path;
};

const nats =
  (login: boolean, byWebSocket = false) =>
  async (folder: string, port: number) => {
    const { username, password } = LOGIN;
    const access = login ? [`authorization { user: "${username}", password: "${password}" }`] : [];
    const path = join(folder, 'nats.conf');
    const byMqtt = byWebSocket ? await freePort() : port;
    const listen = [`listen: 127.0.0.1:${await freePort()}`, `mqtt { listen: 127.0.0.1:${byMqtt} }`];
    if (byWebSocket) listen.push(`websocket { listen: "127.0.0.1:${port}", no_tls: true }`);
    await writeFile(path, ['server_name: n0', `jetstream { store_dir: "${folder}/store" }`, ...listen, ...access, ''].join('\n'));
    return path;
  };

const KINDS: readonly Kind[] = [
  { what: 'Mosquitto that asks nobody', command: 'mosquitto', configure: mosquitto(false), scheme: 'mqtt', login: null },
  { what: 'Mosquitto with a password', command: 'mosquitto', configure: mosquitto(true), scheme: 'mqtt', login: LOGIN },
  { what: 'NATS that asks nobody', command: 'nats-server', configure: nats(false), scheme: 'mqtt', login: null },
  { what: 'NATS with a password', command: 'nats-server', configure: nats(true), scheme: 'mqtt', login: LOGIN },
  { what: 'NATS by WebSocket', command: 'nats-server', configure: nats(false, true), scheme: 'ws', login: null },
  { what: 'NATS by WebSocket, with a password', command: 'nats-server', configure: nats(true, true), scheme: 'ws', login: LOGIN },
];

describe.each(KINDS)('$what', ({ command, configure, scheme, login }) => {
  test.skipIf(!isInstalled(command))(
    'serves pages of the dashboard, which hear what is retained and live, and command',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'outrider-brokers-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const port = await freePort();
      const broker = await brokerProcess(command, [command === 'mosquitto' ? '-c' : '--config', await configure(folder, port)], port);
      onTestFinished(() => broker.kill());
      const url = `${scheme}://127.0.0.1:${port}${scheme === 'ws' ? '/mqtt' : ''}`;
      const site = await startEdgeSite(
        defineSite({
          ...{ site: 'test', data: join(folder, 'data'), hosts: 0, gatewayPort: 0, logLevel: 'silent' },
          ...{ broker: url, brokerCredentials: login },
        }),
      );
      onTestFinished(() => site.close());
      const own = await mqtt.connectAsync(url, { clientId: 'own', protocolVersion: 4, ...login });
      onTestFinished(() => own.endAsync(true));
      await own.publishAsync('outrider/test/mission/m/status', 'retained', { qos: 1, retain: true });
      const commands: string[] = [];
      own.on('message', (_topic, payload) => commands.push(payload.toString()));
      await own.subscribeAsync(COMMAND, { qos: 1 });
      const pages = [];
      for (const clientId of ['dashboard-1', 'dashboard-2']) {
        const address = `${site.url.replace('http:', 'ws:')}/mqtt`;
        const page = await mqtt.connectAsync(address, { clientId, protocolVersion: 4, keepalive: 10, reconnectPeriod: 100 });
        onTestFinished(() => page.endAsync(true));
        const heard: [string, boolean][] = [];
        page.on('message', (_topic, payload, { retain }) => heard.push([payload.toString(), retain]));
        await page.subscribeAsync('outrider/test/mission/+/status', { qos: 1 });
        pages.push({ page, heard });
      }
      for (const { heard } of pages) await expect.poll(() => heard, { timeout: 10_000 }).toEqual([['retained', true]]);
      await own.publishAsync('outrider/test/mission/m/status', 'live', { qos: 1, retain: true });
      for (const { heard } of pages) await expect.poll(() => heard.slice(1), { timeout: 10_000 }).toEqual([['live', false]]);
      for (const { page } of pages) await page.publishAsync(COMMAND, page.options.clientId ?? '', { qos: 1 });
      await expect.poll(() => commands, { timeout: 10_000 }).toEqual(['dashboard-1', 'dashboard-2']);
    },
    60_000,
  );
});
