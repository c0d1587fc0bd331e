// The `fleet:` section of a mission file: the rovers, what they carry, what breaks when, and the network between them.
import { z } from 'zod';
import { idSchema } from '../../shared/protocol/message.ts';
import { DEVICE_NAMES } from '../device/device-profile.ts';
import { LINK_NAMES } from '../network/link-model.ts';

export const SENSORS = ['drive', 'lidar', 'camera', 'imu', 'sonar'] as const;
export type SensorName = (typeof SENSORS)[number];

/** What a rover can map and drive by. */
export const RANGE_SENSORS = ['lidar', 'sonar'] as const;
export type RangeSensor = (typeof RANGE_SENSORS)[number];

const seconds = z.number().min(0).max(86_400);

const faultSchema = z
  .strictObject({ sensor: z.enum(SENSORS), fromSec: seconds, toSec: seconds.optional().describe('Without it the sensor stays dead.') })
  .refine((fault) => fault.toSec === undefined || fault.toSec > fault.fromSec, { path: ['toSec'], message: 'must lie after fromSec' });

const outageSchema = z
  .strictObject({ fromSec: seconds, toSec: seconds })
  .refine((outage) => outage.toSec > outage.fromSec, { path: ['toSec'], message: 'must lie after fromSec' });

export const roverSchema = z.strictObject({
  id: idSchema,
  device: z.enum(DEVICE_NAMES.filter((name) => name !== 'edge-server')).default('raspberry-pi-3b'),
  batteryFraction: z.number().min(0.01).max(1).default(1).describe('State of charge at the start.'),
  link: z.enum(LINK_NAMES).optional().describe('Overrides the fleet’s link.'),
  faults: z.array(faultSchema).max(50).default([]),
  outages: z.array(outageSchema).max(50).default([]).describe('Times without network.'),
});

export const fleetSchema = z
  .strictObject({
    rovers: z.array(roverSchema).min(1).max(200),
    link: z.enum(LINK_NAMES).default('lan'),
    brokerOutages: z.array(outageSchema).max(20).default([]),
    lidar: z
      .strictObject({
        rays: z.number().int().min(8).max(4096).default(360),
        rateHz: z.number().min(0.5).max(50).default(10),
        rangeMaxM: z.number().min(0.5).max(60).default(12),
        noiseM: z.number().min(0).max(0.5).default(0.008),
        dropout: z.number().min(0).max(0.9).default(0.004),
        latencySec: z.number().min(0).max(2).default(0),
      })
      .prefault({}),
    camera: z
      .strictObject({
        width: z.number().int().min(16).max(1920).default(320),
        height: z.number().int().min(16).max(1080).default(240),
        horizontalFovDeg: z.number().min(20).max(140).default(90),
        rateHz: z.number().min(0.1).max(60).default(10),
      })
      .prefault({}),
    slip: z.number().min(0).max(10).default(1).describe('Scales slip, drift and encoder errors; 0: perfect odometry.'),
    sonar: z.boolean().default(true),
    range: z.enum(RANGE_SENSORS).default('lidar').describe('What the rovers map and drive by: sonar is the bare kit without a lidar.'),
  })
  .refine((fleet) => new Set(fleet.rovers.map(({ id }) => id)).size === fleet.rovers.length, {
    path: ['rovers'],
    message: 'ids must differ',
  })
  .refine((fleet) => fleet.sonar || fleet.range !== 'sonar', {
    path: ['range'],
    message: 'needs rovers with a sonar: leave `sonar: false` out',
  });

export type FleetSection = z.infer<typeof fleetSchema>;
export type RoverSection = z.infer<typeof roverSchema>;

/** The first `count` rovers of a fleet; more than it names are copies of its last one with ids of their own. */
export function fleetOf(fleet: FleetSection, count: number): FleetSection {
  const rovers = fleet.rovers.slice(0, count);
  const model = rovers.at(-1);
  const ids = new Set(rovers.map(({ id }) => id));
  if (model === undefined) return { ...fleet, rovers };
  for (let number = rovers.length + 1; rovers.length < count; number += 1) {
    const id = `rover-${number}`;
    if (ids.has(id)) continue;
    ids.add(id);
    rovers.push({ ...model, id, faults: [], outages: [] });
  }
  return { ...fleet, rovers };
}
