// The load of the telemetry benchmark gets through the embedded broker's rules: all of it, whatever the broker comes to ask of its clients.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type * as Telemetry from '../../bench/telemetry.ts';

const BUILT = 'dist/bench/telemetry.js';

test.skipIf(!existsSync(BUILT))(
  'twenty rovers for a second',
  async () => {
    const { embedded, measure } = (await import(resolve(BUILT))) as typeof Telemetry;
    const broker = await embedded();
    try {
      const figures = await measure(broker, { rovers: 20, warmUpSec: 0, measuredSec: 1 });
      expect(figures.delivered_fraction).toBe(1);
      expect(figures.delivery_p99_ms).toBeGreaterThan(0);
      expect(figures.bytes_per_message).toBeGreaterThan(500);
    } finally {
      await broker.close();
    }
  },
  60_000,
);
