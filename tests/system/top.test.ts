// `outrider top` against a real broker: what the parties of a site publish is what it shows.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { type SiteState, SiteWatch } from '../../edge/top/site-watch.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { managerStatus } from '../../shared/protocol/manager.ts';
import { missionEvent, missionStatus } from '../../shared/protocol/mission.ts';
import { placement } from '../../shared/protocol/placement.ts';
import { roverPresence, roverState } from '../../shared/protocol/rover.ts';
import { fleetOf, host, record, roverStateOf } from '../support/top-state.ts';
import { lastJson, outrider } from './cli-process.ts';

const LIMIT_MS = 60_000;
const site = 'barn';
let broker: EmbeddedBroker;
let bus: MessageBus;
let says: MessageChannel;
let url = '';

beforeAll(async () => {
  broker = await startEmbeddedBroker({ site, port: 0 });
  url = `mqtt://127.0.0.1:${broker.port}`;
  bus = await connectMqttBus({ url, clientId: 'parties' });
  says = new MessageChannel(bus, SILENT_LOGGER);
  const { manager, missions } = fleetOf(1);
  if (manager !== null) await says.publish(managerStatus, { site }, manager);
  for (const mission of missions) await says.publish(missionStatus, { site, mission: mission.mission }, mission);
  await says.publish(roverPresence, { site, rover: 'rover-1' }, { rover: 'rover-1', status: 'online', mission: 'search' });
  await says.publish(roverState, { site, rover: 'rover-1' }, roverStateOf('rover-1'));
  await says.publish(roverPresence, { site, rover: 'rover-2' }, { rover: 'rover-2', status: 'lost', mission: null });
  await says.publish(hostStatus, { site, host: 'edge-1' }, host('edge-1'));
  await says.publish(hostStatus, { site, host: 'edge-2' }, { host: 'edge-2', status: 'lost', session: 's2' });
  await says.publish(placement, { site, instance: 'detection-1' }, record('detection-1', 'edge-1'));
  // Somebody who speaks for another than the topic says, and somebody who does not speak the protocol.
  await says.publish(roverState, { site, rover: 'impostor' }, roverStateOf('rover-1', { activity: 'stopped' }));
  await bus.publish(`outrider/${site}/host/edge-3/status`, '{"status":"online"}', { qos: 1, retain: true });
});

afterAll(async () => {
  await bus.close();
  await broker.close();
});

test(
  '--once prints the retained state as plain text, --json the same as one object',
  async () => {
    const [frame, object] = await Promise.all([
      outrider('top', '--broker', url, '--site', site, '--once'),
      outrider('top', '--broker', url, '--site', site, '--json'),
    ]);
    expect(frame).toMatchObject({ exitCode: 0, stderr: '' });
    expect(frame.stdout).not.toContain('\u001b');
    expect(frame.stdout).toContain(`Outrider · site barn · ${url} · manager active, term 3 · 1 malformed messages dropped`);
    expect(frame.stdout).toMatch(/^rover-1 +exploring +15 % .*object-detection@edge-1 12 ms/m);
    expect(frame.stdout).toMatch(/^rover-2 +lost/m);
    expect(frame.stdout).toMatch(/^edge-2 +lost/m);
    expect(frame.stdout).not.toContain('impostor');
    const state = lastJson<SiteState & { broker: string }>(object);
    expect(state).toMatchObject({ broker: url, site, connected: true, manager: { term: 3 } });
    expect(state.rovers).toEqual([
      { rover: 'rover-1', presence: 'online', state: roverStateOf('rover-1') },
      { rover: 'rover-2', presence: 'lost', state: null },
    ]);
    expect(state.hosts.map((status) => status.host)).toEqual(['edge-1', 'edge-2']);
    expect(state.placements).toEqual([record('detection-1', 'edge-1')]);
  },
  LIMIT_MS,
);

test('follows a site: a new event is shown, a placement that is deleted goes', async () => {
  const own = await connectMqttBus({ url, clientId: 'operator-watch' });
  let look = (): void => undefined;
  const watch = new SiteWatch({ site, bus: own, clock: new SystemClock(), logger: SILENT_LOGGER, changed: () => look() });
  const until = (condition: (state: SiteState) => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (condition(watch.state())) resolve();
      };
      look();
    });
  await watch.start();
  await until(({ placements }) => placements.length === 1);
  await says.publish(
    missionEvent,
    { site, mission: 'search' },
    { stampSec: 61, kind: 'recall', rover: 'rover-1', text: 'object-detection came back' },
  );
  await until(({ events }) => events.some(({ text, mission }) => text === 'object-detection came back' && mission === 'search'));
  await says.clear(placement, { site, instance: 'detection-1' });
  await until(({ placements }) => placements.length === 0);
  await watch.close();
  await own.close();
});

test(
  'a broker out of reach, a name that is no id and a view without a terminal get coded errors',
  async () => {
    const [away, wrong, piped] = await Promise.all([
      outrider('top', '--broker', 'mqtt://127.0.0.1:1', '--once'),
      outrider('top', '--site', 'a/b', '--once'),
      outrider('top', '--broker', url),
    ]);
    expect(away).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^OUT_BUS_UNREACHABLE: mqtt:\/\/127\.0\.0\.1:1 /) });
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^OUT_CLI_USAGE: --site "a\/b"/) });
    expect(piped).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^OUT_CLI_USAGE: stdout is no terminal/) });
  },
  LIMIT_MS,
);
