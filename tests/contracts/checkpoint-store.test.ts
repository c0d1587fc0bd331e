// What every checkpoint store promises, run on each: in memory, on disk, and on NATS JetStream with the loss of its leader.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { type CheckpointStore, MemoryCheckpointStore } from '../../edge/control/checkpoint-store.ts';
import { FileCheckpointStore } from '../../edge/control/file-checkpoint-store.ts';
import { NatsCheckpointStore } from '../../edge/control/nats-checkpoint-store.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { natsCluster, type NatsCluster } from '../support/edge-nats-cluster.ts';

interface StoreUnderTest {
  readonly store: CheckpointStore;
  /** Another way to the same store, as another host has it. */
  other(): Promise<CheckpointStore>;
  close(): Promise<void>;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const big = (seed: number): Uint8Array => Uint8Array.from({ length: 700_001 }, (_, index) => (index * 31 + seed) & 0xff);
const fenced = expect.objectContaining({ code: 'OUT_EDGE_FENCED' }) as Error;

/** Plain bytes: a Buffer is not equal to a Uint8Array of the same content. */
async function latest(store: CheckpointStore, instance: string) {
  const found = await store.latest(instance);
  return found === null ? null : { epoch: found.epoch, bytes: new Uint8Array(found.bytes) };
}

function describeStore(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`checkpoint store: ${name}`, () => {
    let under: StoreUnderTest;
    let count = 0;
    const fresh = (): string => `instance-${++count}`;
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under?.close());

    test('has nothing at first, then the newest, byte for byte, also through another connection', async () => {
      const { store } = under;
      const instance = fresh();
      expect(await latest(store, instance)).toBeNull();
      await store.put(instance, 1, big(1));
      await store.put(instance, 1, big(2));
      const found = await (await under.other()).latest(instance);
      expect(found?.epoch).toBe(1);
      expect(Buffer.compare(Buffer.from(found?.bytes ?? []), Buffer.from(big(2)))).toBe(0);
      expect(await store.list()).toContain(instance);
    });

    test('keeps an empty checkpoint apart from none', async () => {
      const instance = fresh();
      await under.store.put(instance, 2, new Uint8Array(0));
      expect(await latest(under.store, instance)).toEqual({ epoch: 2, bytes: new Uint8Array(0) });
    });

    test('a fence refuses lower epochs, keeps what was there, and cannot be lowered', async () => {
      const { store } = under;
      const instance = fresh();
      await store.put(instance, 3, text('three'));
      await store.fence(instance, 5);
      await expect(store.put(instance, 4, text('late'))).rejects.toThrow(fenced);
      await expect(store.fence(instance, 4)).rejects.toThrow(fenced);
      expect(await latest(store, instance)).toEqual({ epoch: 3, bytes: text('three') });
      await store.put(instance, 5, text('five'));
      expect(await latest(store, instance)).toEqual({ epoch: 5, bytes: text('five') });
    });

    test('a fence before the first checkpoint holds', async () => {
      const { store } = under;
      const instance = fresh();
      await store.fence(instance, 2);
      expect(await latest(store, instance)).toBeNull();
      await expect(store.put(instance, 1, text('late'))).rejects.toThrow(fenced);
    });

    test('after remove it is as if it had never been', async () => {
      const { store } = under;
      const instance = fresh();
      await store.put(instance, 7, text('seven'));
      await store.remove(instance);
      expect(await latest(store, instance)).toBeNull();
      expect(await store.list()).not.toContain(instance);
      await store.put(instance, 1, text('again'));
      expect(await latest(store, instance)).toEqual({ epoch: 1, bytes: text('again') });
      await store.remove(fresh());
    });

    test('of a put and a fence at the same time: what was acknowledged is seen by who fenced', async () => {
      const other = await under.other();
      for (let round = 0; round < 8; round += 1) {
        const instance = fresh();
        await under.store.put(instance, 1, text('0'));
        let acknowledged = '0';
        const writer = (async () => {
          for (let number = 1; number <= 5; number += 1) {
            await under.store.put(instance, 1, text(`${number}`));
            acknowledged = `${number}`;
          }
        })().catch((error: unknown) => expect(error).toEqual(fenced));
        if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
        await other.fence(instance, 2);
        const seen = new TextDecoder().decode((await other.latest(instance))?.bytes);
        await writer;
        // Writes that were acknowledged before the fence are there; after it none is.
        expect(Number(seen)).toBeGreaterThanOrEqual(Number(acknowledged));
      }
    });

    test.skipIf(name === 'memory')('refuses an instance that is no id', async () => {
      await expect(under.store.put('../evil', 1, text('x'))).rejects.toMatchObject({ code: 'OUT_PROTOCOL_TOPIC' });
      await expect(under.store.latest('a/b')).rejects.toMatchObject({ code: 'OUT_PROTOCOL_TOPIC' });
    });
  });
}

describeStore('memory', async () => {
  const store = new MemoryCheckpointStore();
  return { store, other: async () => store, close: async () => undefined };
});

describeStore('disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-checkpoints-'));
  return {
    store: new FileCheckpointStore(directory),
    other: async () => new FileCheckpointStore(directory),
    close: () => rm(directory, { recursive: true, force: true }),
  };
});

describe('checkpoint store: disk, process killed while it writes', () => {
  test('the newest acknowledged checkpoint is whole, whatever moment the kill comes at', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-crash-'));
    for (let round = 0; round < 4; round += 1) {
      const writer = spawn(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        `const { FileCheckpointStore } = await import(${JSON.stringify(new URL('../../edge/control/file-checkpoint-store.ts', import.meta.url).href)});
         const store = new FileCheckpointStore(${JSON.stringify(directory)});
         for (let number = 1; ; number += 1) {
           await store.put('victim', ${round + 1}, Buffer.alloc(200_000, number & 0xff));
           process.stdout.write(number + '\\n');
         }`,
      ]);
      let acknowledged = 0;
      await new Promise<void>((resolve) => {
        writer.stdout.on('data', (chunk: Buffer) => {
          acknowledged = Number(chunk.toString().trim().split('\n').at(-1));
          if (acknowledged >= 5 + round * 3) resolve();
        });
      });
      const gone = new Promise((resolve) => writer.once('exit', resolve));
      writer.kill('SIGKILL');
      await gone;
      const found = await new FileCheckpointStore(directory).latest('victim');
      expect(found?.epoch).toBe(round + 1);
      expect(found?.bytes.byteLength).toBe(200_000);
      const byte = found?.bytes[0] ?? -1;
      expect(found?.bytes.every((value) => value === byte)).toBe(true);
      expect(byte).toBeGreaterThanOrEqual(acknowledged & 0xff);
    }
    // What a kill left half-written is no checkpoint, and a damaged newest one gives way to the one before.
    const names = (await readdir(join(directory, 'victim'))).filter((file) => file.endsWith('.checkpoint')).toSorted();
    await writeFile(join(directory, 'victim', names.at(-1) ?? ''), 'torn');
    expect((await new FileCheckpointStore(directory).latest('victim'))?.bytes.byteLength).toBe(200_000);
    await rm(directory, { recursive: true, force: true });
  });
});

if (isInstalled('nats-server')) {
  describeStore('NATS JetStream, one server', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-nats-'));
    const port = await freePort();
    const server = await brokerProcess('nats-server', ['-js', '-a', '127.0.0.1', '-p', `${port}`, '-sd', directory], port);
    const open = (): Promise<NatsCheckpointStore> =>
      NatsCheckpointStore.open({ url: `nats://127.0.0.1:${port}`, site: 'test', logger: SILENT_LOGGER });
    const stores = [await open()];
    return {
      store: stores[0] as NatsCheckpointStore,
      other: async () => {
        const store = await open();
        stores.push(store);
        return store;
      },
      close: async () => {
        for (const store of stores) await store.close();
        await server.kill();
        await rm(directory, { recursive: true, force: true });
      },
    };
  });

  describe('checkpoint store: NATS JetStream, three nodes', () => {
    let cluster: NatsCluster;
    beforeAll(async () => {
      cluster = await natsCluster();
    });
    afterAll(() => cluster?.close());

    test('the death of any node, the leader among them, loses no acknowledged checkpoint, and writing goes on', async () => {
      const url = cluster.urls.join(',');
      const writer = await NatsCheckpointStore.open({ url, site: 'test', logger: SILENT_LOGGER });
      const acknowledged: number[] = [];
      let killing: Promise<void> | null = null;
      for (let number = 1; number <= 40; number += 1) {
        if (number === 15) killing = cluster.kill(Number((await writer.leader())?.slice(1)));
        await writer.put('mission', 1, text(`${number}`));
        acknowledged.push(number);
        expect(new TextDecoder().decode((await writer.latest('mission'))?.bytes)).toBe(`${number}`);
      }
      await killing;
      const reader = await NatsCheckpointStore.open({ url, site: 'test', logger: SILENT_LOGGER });
      expect(new TextDecoder().decode((await reader.latest('mission'))?.bytes)).toBe('40');
      await reader.fence('mission', 2);
      await expect(writer.put('mission', 1, text('late'))).rejects.toThrow(fenced);
      await writer.close();
      await reader.close();
    });
  });
} else describe.skip('checkpoint store: NATS JetStream (not installed)');
