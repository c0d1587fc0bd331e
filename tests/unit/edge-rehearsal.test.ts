// What spare workers do ahead of time must come to its end: a rehearsal that breaks off early would only make moves slower, and nobody would know.
import { afterAll, describe, expect, test } from 'vitest';
import { Entrance } from '../../edge/host/sandbox/entrance.ts';
import { rehearse } from '../../edge/host/sandbox/rehearsal.ts';
import type { WorkerTls } from '../../edge/host/sandbox/worker-messages.ts';
import { Authority, createAuthority, type LeafRequest } from '../../edge/security/authority.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { Transport } from '../../shared/ports/transport.ts';

const clock = new SystemClock();
const opened: Entrance[] = [];
const open = async (tls: WorkerTls | null): Promise<Entrance> => {
  // What rovers are told leads nowhere from here: the rehearsal finds its own way.
  const entrance = await Entrance.open({ site: 'test', bindHost: '127.0.0.1', advertisedHost: '192.0.2.1', tls });
  opened.push(entrance);
  return entrance;
};
afterAll(async () => {
  for (const entrance of opened) await entrance.close();
});

async function siteOf(now = new Date()) {
  const ca = await createAuthority('test', now);
  const authority = await Authority.load(ca.certPem, ca.keyPem);
  return async (leaf: LeafRequest): Promise<WorkerTls & { readonly ca: string }> => {
    const { certPem: cert, keyPem: key } = await authority.makeLeaf(leaf, now);
    return { ca: ca.certPem, cert, key, requestCert: true };
  };
}
const HOST: LeafRequest = { role: 'host', name: 'edge-1', addresses: ['127.0.0.1', '192.0.2.1'] };
const ROVER: LeafRequest = { role: 'rover', name: 'rover-1', addresses: [] };

test('a rehearsal goes from the greeting to the answer of a call', async () => {
  await expect(rehearse(clock, await open(null))).resolves.toBeUndefined();
});

test('at a site with certificates both ends show one', async () => {
  const certify = await siteOf();
  const entrance = await open(await certify(HOST));
  await expect(rehearse(clock, entrance)).resolves.toBeUndefined();
  const stranger = await (await siteOf())(HOST);
  await expect(open({ ...(await certify(HOST)), key: stranger.key })).rejects.toThrow(/key/);
});

describe('the entrance of a worker', () => {
  const near = (entrance: Entrance): string => entrance.address.replace('192.0.2.1', '127.0.0.1');
  const closed = (transport: Transport): Promise<void> =>
    new Promise((resolve) => {
      transport.onClose = () => resolve();
      transport.onFrame = () => undefined;
    });

  test('turns away who comes before there is an instance, and after it', async () => {
    const entrance = await open(null);
    const plane = new TcpDataPlane();
    await closed(await plane.connect(near(entrance)));
    let told: (peer: Transport) => void = () => undefined;
    const came = new Promise<Transport>((resolve) => (told = resolve));
    const listener = await entrance.listen('instance', told);
    expect(listener.address).toBe(entrance.address);
    const rover = await plane.connect(near(entrance));
    (await came).close();
    await closed(rover);
    await listener.close();
    await closed(await plane.connect(near(entrance)));
  });

  test('shows the newest certificate, and knows who comes', async () => {
    const certify = await siteOf();
    const first = await certify(HOST);
    const entrance = await open(first);
    const second = await (await siteOf())(HOST);
    const rover = await certify(ROVER);
    const peers: unknown[] = [];
    await entrance.listen('instance', (transport) => {
      peers.push(transport.provenPeer);
      transport.close();
    });
    await closed(await new TcpDataPlane({ tls: { client: { ca: rover.ca, cert: rover.cert, key: rover.key } } }).connect(near(entrance)));
    expect(peers).toMatchObject([{ role: 'rover', name: 'rover-1' }]);
    entrance.show({ ...second });
    const late = new TcpDataPlane({ tls: { client: { ca: rover.ca, cert: rover.cert, key: rover.key } } }).connect(near(entrance));
    await expect(late).rejects.toThrow(/certificate/);
  });
});
