// The connecting end of TLS: a session with a host is resumed, and proves no more than the handshake it came from.
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, createAuthority } from '../../edge/security/authority.ts';
import { TlsClient } from '../../shared/elastic/transports/tls-client.ts';
import { peerIdentity } from '../../shared/security/peer-identity.ts';

const now = new Date();
const servers: Server[] = [];
let authority: Authority;
let ca: string;

async function certified(role: 'rover' | 'host', name: string) {
  const { certPem: cert, keyPem: key } = await authority.makeLeaf({ role, name, addresses: role === 'host' ? ['127.0.0.1'] : [] }, now);
  return { ca, cert, key };
}

/** One listener of a host; what each connection proved goes to `proven`. */
async function listener(keys: { readonly ticketKeys?: Buffer } = {}) {
  const proven: unknown[] = [];
  const tls = {
    ...(await certified('host', 'edge-1')),
    ...keys,
    sessionIdContext: 'edge-1',
    minVersion: 'TLSv1.3',
    requestCert: true,
  } as const;
  const server = createServer(tls, (socket) => {
    proven.push({ ...peerIdentity(socket), resumed: socket.isSessionReused() });
    socket.on('error', () => undefined).end('welcome');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, proven };
}

/** Connects, reads to the end (tickets come with the first data), and says whether the session was resumed. */
function visit(client: TlsClient, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = client.connect({ host: '127.0.0.1', port });
    socket.once('error', reject).resume();
    socket.once('end', () => resolve(socket.isSessionReused()));
  });
}

beforeAll(async () => {
  const made = await createAuthority('test', now);
  ca = made.certPem;
  authority = await Authority.load(made.certPem, made.keyPem);
});
afterAll(() => {
  for (const server of servers) server.close();
});

describe('the TLS of a data plane', () => {
  test('resumes at one listener of a host the session with another one, as the same rover', async () => {
    const ticketKeys = randomBytes(48);
    const [first, second] = [await listener({ ticketKeys }), await listener({ ticketKeys })];
    const client = new TlsClient(await certified('rover', 'rover-1'));
    expect(await visit(client, first.port)).toBe(false);
    expect(await visit(client, second.port)).toBe(true);
    expect(first.proven).toMatchObject([{ role: 'rover', name: 'rover-1', resumed: false }]);
    expect(second.proven).toMatchObject([{ role: 'rover', name: 'rover-1', resumed: true }]);
  });

  test('shakes hands in full with a host that does not share the keys', async () => {
    const [first, second] = [await listener({ ticketKeys: randomBytes(48) }), await listener()];
    const client = new TlsClient(await certified('rover', 'rover-1'));
    await visit(client, first.port);
    expect(await visit(client, second.port)).toBe(false);
    expect(second.proven).toMatchObject([{ role: 'rover', name: 'rover-1', resumed: false }]);
  });

  test('forgets its sessions with the certificate that they came from', async () => {
    const { port, proven } = await listener();
    const identity = await certified('rover', 'rover-1');
    const client = new TlsClient(identity);
    await visit(client, port);
    const renewed = await authority.renewLeaf(identity.cert, { role: 'rover', name: 'rover-1', addresses: [] }, now);
    Object.assign(identity, { cert: renewed });
    expect(await visit(client, port)).toBe(false);
    const [before, after] = proven as { readonly serial: string }[];
    expect(after?.serial).not.toBe(before?.serial);
  });

  test('lets nobody in by a session who would not be let in without one', async () => {
    const { port, proven } = await listener({ ticketKeys: randomBytes(48) });
    const other = await createAuthority('other', now);
    const { certPem, keyPem } = await (
      await Authority.load(other.certPem, other.keyPem)
    ).makeLeaf({ role: 'rover', name: 'rover-1', addresses: [] }, now);
    for (const identity of [{ ca }, { ca, cert: certPem, key: keyPem }]) {
      const client = new TlsClient(identity);
      // TLS 1.3 lets a client finish before the server has looked at its certificate: it is cut off then.
      for (let attempt = 0; attempt < 3; attempt += 1) expect(await visit(client, port).catch(() => false)).toBe(false);
    }
    expect(proven).toEqual([]);
  });

  test('says at once what is wrong with an identity', async () => {
    const { cert } = await certified('rover', 'rover-1');
    const { key } = await certified('rover', 'rover-2');
    expect(() => new TlsClient({ ca, cert, key })).toThrow(/key/);
  });
});
