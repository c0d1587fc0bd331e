// The agent drives a Freenove car through a simulated room by the pins of its motor chip: every command goes through driver, bus and registers, what the pins
// show turns the wheels (with slip and unequal wheels), and the agent knows no more of the way than the commands that it gave and its lidar.
import { afterEach, describe, expect, it } from 'vitest';
import { type AssembledRover, assembleRover } from '../../robot/assemble-rover.ts';
import { missionSchema } from '../../missions/definition.ts';
import { distance } from '../../shared/geometry/pose2.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { roverState, type RoverState } from '../../shared/protocol/rover.ts';
import { decodeMessage, filterOf } from '../../shared/protocol/message.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { createInfrastructure, HEADLESS_SITE } from '../../sim/headless/main.ts';
import { loadBundles } from '../../sim/main.ts';
import { LINKS } from '../../sim/network/link-model.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { fleetSchema } from '../../sim/scenario/fleet-schema.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import type { SimulatedRover } from '../../sim/simulated-rover.ts';
import { SimulatedSite } from '../../sim/simulated-site.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import { type FreenoveBench, openFreenoveBench } from '../support/freenove-bench.ts';

const MISSION = missionSchema.parse({ id: 'drill', title: 'A car in a room' });
const ROOM = worldSchema.parse({
  sizeM: [9, 7],
  starts: [{ at: [1.5, 1.5] }],
  walls: [
    {
      path: [
        [4.5, 0],
        [4.5, 4],
      ],
      material: 'plaster',
    },
  ],
  obstructions: [{ shape: 'box', at: [7, 5], sizeM: [1, 0.8], heightM: 1, material: 'wood' }],
});

interface Stage {
  readonly clock: VirtualClock;
  readonly car: FreenoveBench;
  readonly truth: SimulatedRover;
  readonly agent: AssembledRover;
  readonly states: RoverState[];
}

let stop: (() => Promise<void>) | null = null;
afterEach(async () => {
  await stop?.();
  stop = null;
});

async function drivingCar(): Promise<Stage> {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const { network, broker, dataPlane } = createInfrastructure(clock, random.fork('stage'), SILENT_LOGGER);
  network.setLink('car-1', LINKS.lan);
  const definition = resolveSite(ROOM, { random: random.fork('site'), rovers: 1, roverRadiusM: DEFAULT_VEHICLE.radiusM });
  const fleet = fleetSchema.parse({ rovers: [{ id: 'car-1' }] });
  const site = new SimulatedSite({ clock, site: definition, fleet, random: random.fork('run') });
  const truth = site.rovers[0] as SimulatedRover;
  const car = openFreenoveBench(2, 'ads7830', clock);
  clock.every(site.stepSec, () => {
    const { left, right } = car.wheels();
    truth.vehicle.command(left, right, clock.nowSec());
  });
  site.start();
  const bus = broker.connect('car-1', { node: 'car-1' });
  const states: RoverState[] = [];
  const listener = broker.connect('listener');
  await clock.runUntilSettled(
    listener.subscribe(
      filterOf(roverState, { site: HEADLESS_SITE, rover: 'car-1' }),
      ({ payload }) => void states.push(decodeMessage(roverState, payload)),
    ),
  );
  const agent = await assembleRover({
    id: 'car-1',
    site: HEADLESS_SITE,
    mission: MISSION.id,
    startPose: truth.vehicle.pose,
    geometry: DEFAULT_VEHICLE.geometry,
    ports: { drive: car.drive, lidar: truth.lidar, camera: null, power: car.power, metrics: null },
    compute: null,
    modelled: 'none',
    clock,
    bus,
    dataPlane: dataPlane.at('car-1'),
    session: 'test',
    bundles: await loadBundles(),
    mapServerPlacement: 'onboard',
    detection: { ...MISSION.detection, placement: 'onboard' },
    logger: SILENT_LOGGER,
  });
  await clock.runUntilSettled(agent.start());
  stop = () => clock.runUntilSettled(agent.stop());
  return { clock, car, truth, agent, states };
}

describe('an agent on a Freenove car whose chips are models', () => {
  it('explores a room without encoders and without touching anything, and knows where it is', { timeout: 120_000 }, async () => {
    const { clock, truth, agent, states } = await drivingCar();
    let worstM = 0;
    clock.every(0.5, () => void (worstM = Math.max(worstM, distance(agent.rover.pose, truth.vehicle.pose))));
    await clock.run({ untilSec: 60, until: () => states.at(-1)?.activity === 'done' });
    expect(truth.vehicle.distanceM).toBeGreaterThan(5);
    expect(truth.vehicle.collisions).toBe(0);
    expect(worstM).toBeLessThan(0.15);
    expect(states.at(-1)).toMatchObject({ faults: [], powerW: null });
    expect(states.at(-1)?.batteryFraction).toBeGreaterThan(0.5);
  });

  it('stands still and says why when the motor chip or the lidar is gone', { timeout: 60_000 }, async () => {
    const { clock, car, truth, states } = await drivingCar();
    await clock.run({ untilSec: 60, until: () => truth.vehicle.twist.linearMPerSec > 0.2 });
    expect(truth.vehicle.twist.linearMPerSec).toBeGreaterThan(0.2);
    truth.setConnected('lidar', false);
    await clock.run({ untilSec: clock.nowSec() + 2 });
    expect(states.at(-1)?.faults).toEqual(['lidar disconnected']);
    expect(car.wheels()).toEqual({ left: 0, right: 0 });
    truth.setConnected('lidar', true);
    car.setPlugged('drive', false);
    await clock.run({ untilSec: clock.nowSec() + 2 });
    expect(states.at(-1)?.faults).toEqual(['drive disconnected']);
    car.setPlugged('drive', true);
    await clock.run({ untilSec: clock.nowSec() + 60, until: () => truth.vehicle.twist.linearMPerSec > 0.2 });
    expect(truth.vehicle.twist.linearMPerSec).toBeGreaterThan(0.2);
  });
});
