// A page of the dashboard without a browser: logs in at the gateway of a secured site over HTTPS, then speaks MQTT over its WebSocket.
import { get } from 'node:https';
import mqtt, { type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';

interface Tls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

type Headers = Readonly<Record<string, string>>;

/** The cookie of a session, as a header. Rejects when the login is not accepted. */
export function logIn(url: string, ca: string, name: string, password: string): Promise<Headers> {
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
  return new Promise((resolve, reject) => {
    get(`${url}/api/site`, { ca, agent: false, headers: { authorization } }, (response) => {
      response.resume();
      const [cookie] = (response.headers['set-cookie']?.[0] ?? '').split(';');
      if (response.statusCode === 200 && cookie !== undefined) resolve({ cookie });
      else reject(new Error(`HTTP ${response.statusCode}`));
    }).once('error', reject);
  });
}

/** The HTTP status that a WebSocket for MQTT is answered with; 101: it was opened. */
export function mqttStatus(url: string, ca: string, headers: Headers): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('https:', 'wss:')}/mqtt`, 'mqtt', { ca, headers });
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.once('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.once('error', reject);
  });
}

/** Connects as pages do. Rejects with the code of a CONNACK that refuses. */
export function openDashboard(url: string, tls: Tls, headers: Headers, clientId = 'dashboard-1'): Promise<MqttClient> {
  const wsOptions = { headers, ...tls };
  const address = `${url.replace('https:', 'wss:')}/mqtt`;
  const options = { protocolVersion: 4, keepalive: 10, reconnectPeriod: 100, reconnectOnConnackError: true } as const;
  return mqtt.connectAsync(address, { clientId, ...options, ...tls, wsOptions }, false);
}
