// Slamtec's A1 (standard scan) and C1 (dense express scan).
import type { LidarModel } from './lidar-protocol.ts';
import { SlamtecSession } from './slamtec-session.ts';

/** 0.15 to 12 m, up to 8000 measurements per second; the adapter's DTR line runs the motor. */
export const SLAMTEC_A1: LidarModel = {
  name: 'Slamtec A1',
  baudRate: 115_200,
  rangeMinM: 0.15,
  rangeMaxM: 12,
  pointsPerSec: 8000,
  begin: (connection, onPoint) => new SlamtecSession(connection, onPoint, { scan: 'standard' }),
};

/** 0.05 to 12 m, 5000 measurements per second; the motor starts with the scan. */
export const SLAMTEC_C1: LidarModel = {
  name: 'Slamtec C1',
  baudRate: 460_800,
  rangeMinM: 0.05,
  rangeMaxM: 12,
  pointsPerSec: 5000,
  begin: (connection, onPoint) => new SlamtecSession(connection, onPoint, { scan: 'express' }),
};
