// The embedded broker and the MQTT client together keep the contract of the message bus, on TCP and on WebSocket.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { type BusUnderTest, describeMessageBus } from './message-bus.ts';

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function aedesOnTcp(): Promise<BusUnderTest> {
  let broker = await startEmbeddedBroker({ site: 'test', port: 0 });
  const port = broker.port as number;
  return {
    connect: (clientId, options = {}) => connectMqttBus({ url: `mqtt://127.0.0.1:${port}`, clientId, reconnectSec: 0.1, ...options }),
    pass,
    cut: (bus) => void broker.cut(bus.clientId),
    outage: async (seconds) => {
      await broker.close();
      await pass(seconds);
      broker = await startEmbeddedBroker({ site: 'test', port });
    },
    close: () => broker.close(),
  };
}

async function aedesOnWebSocket(): Promise<BusUnderTest> {
  const broker = await startEmbeddedBroker({ site: 'test', port: null });
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: '/mqtt' });
  sockets.on('connection', (socket, request) => broker.serve(createWebSocketStream(socket), request));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    connect: (clientId, options = {}) => connectMqttBus({ url: `ws://127.0.0.1:${port}/mqtt`, clientId, reconnectSec: 0.1, ...options }),
    pass,
    cut: (bus) => void broker.cut(bus.clientId),
    close: async () => {
      await broker.close();
      sockets.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

describeMessageBus('Aedes over TCP', aedesOnTcp);
describeMessageBus('Aedes over WebSocket', aedesOnWebSocket);
