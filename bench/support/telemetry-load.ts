// Worker thread: rovers that publish their telemetry, each over a TCP connection of its own, evenly spread over the period.
// Speaks just enough MQTT 3.1.1 (CONNECT, PUBLISH QoS 0, PINGREQ) that the load costs little beside what is measured.
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { generate } from 'mqtt-packet';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import type { RoverState } from '../../shared/protocol/rover.ts';

interface LoadOptions {
  readonly port: number;
  readonly rovers: number;
  readonly rateHz: number;
  readonly seconds: number;
}

const { port, rovers, rateHz, seconds } = workerData as LoadOptions;
const CONNACK_BYTES = 4;
/** Connections that are opened at a time. */
const BATCH = 25;

function openRover(id: string): Promise<Socket> {
  const hello = generate({ cmd: 'connect', clientId: memberClientId('rover', id), username: id, clean: true, keepalive: 60 });
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(hello));
    socket.once('error', reject);
    let answer = Buffer.alloc(0);
    // The four bytes may come one by one.
    const take = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length < CONNACK_BYTES) return;
      socket.off('data', take);
      socket.resume();
      if (answer[3] === 0) resolve(socket);
      else reject(new Error(`${id} was refused: ${answer[3]}`));
    };
    socket.on('data', take);
  });
}

/** Telemetry as a rover sends it; `stampSec` is when, so that the other end can tell how long it took. */
function state(rover: string, sequence: number): Buffer {
  const value: RoverState = {
    rover,
    stampSec: (performance.timeOrigin + performance.now()) / 1000,
    located: true,
    pose: { x: 12.345 + sequence * 0.01, y: -3.21, theta: 1.234 },
    ...{ linearMPerSec: 0.31, angularRadPerSec: 0.02, activity: 'exploring', batteryFraction: 0.81, temperatureC: 54.2 },
    ...{ cpuFraction: 0.44, powerW: 7.1, distanceM: 123.4 },
    path: Array.from({ length: 12 }, (_, index) => [12 + index * 0.4, -3 + index * 0.1]),
    modules: [
      { module: 'map-server', placement: 'edge-1', epoch: 2, calls: sequence, latencyMs: 12.3, modelled: false },
      { module: 'object-detection', placement: 'edge-2', epoch: 4, calls: sequence, latencyMs: 18.9, modelled: false },
    ],
    faults: [],
  };
  const topic = `outrider/bench/rover/${rover}/state`;
  return generate({ cmd: 'publish', topic, payload: JSON.stringify(value), qos: 0, dup: false, retain: true });
}

const sockets: Socket[] = [];
for (let first = 0; first < rovers; first += BATCH) {
  const ids = Array.from({ length: Math.min(BATCH, rovers - first) }, (_, index) => `rover-${first + index}`);
  sockets.push(...(await Promise.all(ids.map(openRover))));
}
for (const socket of sockets) socket.on('error', () => undefined);
parentPort?.postMessage({ type: 'connected' });

const startMs = performance.now();
const total = Math.round(rovers * rateHz * seconds);
let sent = 0;
const timer = setInterval(() => {
  const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * rovers * rateHz));
  for (; sent < due; sent += 1) sockets[sent % rovers]?.write(state(`rover-${sent % rovers}`, Math.floor(sent / rovers)));
  if (sent < total) return;
  clearInterval(timer);
  parentPort?.postMessage({ type: 'sent', sent, seconds: (performance.now() - startMs) / 1000 });
}, 5);
parentPort?.on('message', () => {
  for (const socket of sockets) socket.destroy();
  process.exit(0);
});
