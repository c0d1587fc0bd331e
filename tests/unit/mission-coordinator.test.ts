import { afterEach, describe, expect, it } from 'vitest';
import { MissionCoordinator } from '../../missions/coordinator.ts';
import { missionSchema } from '../../missions/definition.ts';
import { decodeMessage, encodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { missionCommand, missionEvent, missionStatus, type MissionStatus } from '../../shared/protocol/mission.ts';
import { roverPresence, roverState, type RoverState } from '../../shared/protocol/rover.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

const SITE = 'site';
const MISSION = missionSchema.parse({ id: 'search', title: 'Search', timeLimitSec: 30 });

function setUp(rovers: readonly string[]) {
  const clock = new VirtualClock();
  const broker = new InProcessBroker(new SimulatedNetwork(clock, new SeededRandom(1)));
  const coordinator = new MissionCoordinator({
    bus: broker.connect('coordinator'),
    clock,
    site: SITE,
    mission: MISSION,
    rovers,
    speed: 1,
    bounds: null,
  });
  return { clock, broker, coordinator, rover: broker.connect('rovers') };
}

function stateOf(rover: string, activity: RoverState['activity']): RoverState {
  const nothing = { batteryFraction: null, temperatureC: null, cpuFraction: null, powerW: null };
  const still = { pose: { x: 0, y: 0, theta: 0 }, linearMPerSec: 0, angularRadPerSec: 0, distanceM: 0 };
  return { rover, stampSec: 0, located: true, ...still, ...nothing, activity, path: [], modules: [], faults: [] };
}

const say = (bus: MessageBus, rover: string, activity: RoverState['activity']): Promise<void> =>
  bus.publish(topicOf(roverState, { site: SITE, rover }), encodeMessage(roverState, stateOf(rover, activity)), { retain: true });

const presence = (bus: MessageBus, rover: string, status: 'online' | 'lost'): Promise<void> =>
  bus.publish(topicOf(roverPresence, { site: SITE, rover }), encodeMessage(roverPresence, { rover, status, mission: MISSION.id }), {
    retain: true,
  });

describe('a mission', () => {
  let close: (() => Promise<void>) | null = null;
  afterEach(async () => close?.());

  async function started(rovers: readonly string[]) {
    const setup = setUp(rovers);
    close = () => setup.coordinator.close();
    await setup.clock.runUntilSettled(setup.coordinator.start());
    return setup;
  }

  it('is completed when every rover has been done for a while', async () => {
    const { clock, coordinator, rover } = await started(['rover-1', 'rover-2']);
    await say(rover, 'rover-1', 'done');
    await say(rover, 'rover-2', 'exploring');
    await clock.run({ untilSec: 10 });
    await say(rover, 'rover-2', 'done');
    const result = await clock.runUntilSettled(coordinator.result);
    expect(result.outcome).toBe('completed');
    expect(result.durationSec).toBeGreaterThan(10);
    expect(result.durationSec).toBeLessThan(15);
  });

  it('goes on when a rover that was done has found something left to do', async () => {
    const { clock, coordinator, rover } = await started(['rover-1']);
    await say(rover, 'rover-1', 'done');
    await clock.run({ untilSec: 1.5 });
    await say(rover, 'rover-1', 'exploring');
    await clock.run({ untilSec: 20 });
    await say(rover, 'rover-1', 'done');
    expect((await clock.runUntilSettled(coordinator.result)).durationSec).toBeGreaterThan(20);
  });

  it('does not wait for a rover that is lost', async () => {
    const { clock, coordinator, rover } = await started(['rover-1', 'rover-2']);
    await say(rover, 'rover-1', 'done');
    await say(rover, 'rover-2', 'exploring');
    await presence(rover, 'rover-2', 'lost');
    expect((await clock.runUntilSettled(coordinator.result)).outcome).toBe('completed');
  });

  it('fails when every rover is lost', async () => {
    const { clock, coordinator, rover } = await started(['rover-1']);
    await presence(rover, 'rover-1', 'lost');
    expect(await clock.runUntilSettled(coordinator.result)).toMatchObject({ outcome: 'failed', reason: 'every rover is lost' });
  });

  it('fails at its time limit', async () => {
    const { clock, coordinator, rover } = await started(['rover-1']);
    await say(rover, 'rover-1', 'exploring');
    const result = await clock.runUntilSettled(coordinator.result);
    expect(result.outcome).toBe('failed');
    expect(result.durationSec).toBeGreaterThanOrEqual(30);
  });

  it('is paused, resumed and cancelled by an operator, and late-comers see which', async () => {
    const { clock, broker, coordinator, rover } = await started(['rover-1']);
    const command = (name: 'pause' | 'resume' | 'cancel'): Promise<void> =>
      clock.runUntilSettled(
        rover.publish(topicOf(missionCommand, { site: SITE, mission: MISSION.id }), encodeMessage(missionCommand, { command: name }), {
          qos: 1,
        }),
      );
    const phaseSeenBy = async (client: string): Promise<MissionStatus['phase'] | undefined> => {
      const seen: MissionStatus[] = [];
      const topic = topicOf(missionStatus, { site: SITE, mission: MISSION.id });
      const take = ({ payload }: { payload: Uint8Array }): void => void seen.push(decodeMessage(missionStatus, payload));
      await clock.runUntilSettled(broker.connect(client).subscribe(topic, take));
      await clock.run({ untilSec: clock.nowSec() + 0.9 });
      return seen.at(-1)?.phase;
    };
    await command('pause');
    expect(await phaseSeenBy('late-1')).toBe('paused');
    await command('resume');
    expect(await phaseSeenBy('late-2')).toBe('running');
    await command('cancel');
    expect((await clock.runUntilSettled(coordinator.result)).outcome).toBe('cancelled');
  });

  it('has in its log what was said until its end, however late it comes, and nothing from after', async () => {
    const { clock, coordinator, rover } = await started(['rover-1']);
    const topic = topicOf(missionEvent, { site: SITE, mission: MISSION.id });
    const tell = (stampSec: number, text: string): Promise<void> =>
      clock.runUntilSettled(rover.publish(topic, encodeMessage(missionEvent, { stampSec, kind: 'edge', rover: null, text }), { qos: 1 }));
    const told = async (): Promise<string[]> => {
      await clock.run({ untilSec: clock.nowSec() + 1 });
      return coordinator.events.map(({ text }) => text);
    };
    await tell(clock.nowSec(), 'a module moves');
    coordinator.cancel('enough');
    const endSec = clock.nowSec();
    await tell(endSec, 'a hazard was confirmed');
    await clock.run({ untilSec: endSec + 5 });
    await tell(clock.nowSec(), 'a module moves on board');
    expect(await told()).toEqual(['a module moves', 'a hazard was confirmed']);
    await clock.runUntilSettled(coordinator.close());
    await tell(endSec, 'edge-1 is lost: it was shut down');
    expect(await told()).toEqual(['a module moves', 'a hazard was confirmed']);
  });

  it('hears nothing any more once it is closed, on a bus that stays open', async () => {
    const { clock, coordinator, rover } = await started(['rover-1']);
    await clock.runUntilSettled(say(rover, 'rover-1', 'exploring'));
    await clock.run({ untilSec: 1 });
    expect(coordinator.states.get('rover-1')?.activity).toBe('exploring');
    await clock.runUntilSettled(coordinator.close());
    await clock.runUntilSettled(say(rover, 'rover-1', 'done'));
    await clock.run({ untilSec: 10 });
    expect(coordinator.states.get('rover-1')?.activity).toBe('exploring');
  });
});
