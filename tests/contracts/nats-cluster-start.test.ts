// The cluster of the tests themselves: one that does not come up leaves no server behind.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { startNodes } from '../support/edge-nats-cluster.ts';

/** Processes of this machine that were started with this text among their arguments. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.startsWith('nats-server') && line.includes(text));
}

test.skipIf(process.platform !== 'linux' || !isInstalled('nats-server'))(
  'a node whose port is taken ends the others, too',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-nats-start-'));
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const taken = (holder.address() as AddressInfo).port;
    const ports = async (client: number) => ({ client, cluster: await freePort(), mqtt: await freePort() });
    const nodes = [await ports(await freePort()), await ports(await freePort()), await ports(taken)];
    await expect(startNodes(directory, nodes)).rejects.toThrow(/nats-server ended with 1 before it answered/);
    expect(await processesWith(directory)).toEqual([]);
    holder.close();
    await rm(directory, { recursive: true, force: true });
  },
  60_000,
);
