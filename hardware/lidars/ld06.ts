// The LDROBOT LD06 and LD19: they measure from power-on and are never spoken to.
import { Ld06Parser } from './ld06-parser.ts';
import type { LidarModel } from './lidar-protocol.ts';

const model = (name: string, rangeMinM: number): LidarModel => ({
  name,
  baudRate: 230_400,
  rangeMinM,
  rangeMaxM: 12,
  pointsPerSec: 4500,
  begin: (_connection, onPoint) => {
    const parser = new Ld06Parser(onPoint);
    return { feed: (bytes) => parser.feed(bytes), tick: () => {}, stop: () => {}, fault: null };
  },
});

export const LD06 = model('LD06', 0.02);
export const LD19 = model('LD19', 0.03);
