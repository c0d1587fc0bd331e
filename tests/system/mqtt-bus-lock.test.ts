// A bus whose client id somebody else may take (the lock of the acting manager): it asks before it comes back, and promises nothing after its end.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';

let broker: EmbeddedBroker;
let proxy: TcpProxy;

beforeAll(async () => {
  broker = await startEmbeddedBroker({ site: 'test', port: 0 });
  proxy = await startTcpProxy(() => [broker.port as number]);
});
afterAll(async () => {
  await proxy.close();
  await broker.close();
});

const lock = (clientId: string, mayReconnect: () => Promise<boolean>) =>
  connectMqttBus({ url: `mqtt://127.0.0.1:${proxy.port}`, clientId, reconnectSec: 0.05, mayReconnect });

test('what it published and nobody had acknowledged is acknowledged after it came back', async () => {
  const bus = await lock('returns', async () => true);
  const got: string[] = [];
  await bus.subscribe('outrider/lock/term', ({ payload }) => got.push(new TextDecoder().decode(payload)));
  const changes: boolean[] = [];
  bus.onConnectionChange((connected) => changes.push(connected));
  const sent = bus.publish('outrider/lock/term', '7', { qos: 1, retain: true });
  proxy.cut();
  await sent;
  expect(changes).toEqual([false, true]);
  await expect.poll(() => got).toContain('7');
  await bus.close();
});

test('one that may not come back refuses what is asked of it later, and at once', async () => {
  const bus = await lock('gives-up', async () => false);
  const answer = () =>
    bus.publish('outrider/lock/any', 'x').then(
      () => 'taken',
      ({ code }: { code: string }) => code,
    );
  proxy.cut();
  await expect.poll(answer).toBe('OUT_BUS_CLOSED');
  await expect(bus.subscribe('outrider/lock/any', () => undefined)).rejects.toMatchObject({ code: 'OUT_BUS_CLOSED' });
});
