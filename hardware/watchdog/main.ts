// `outrider robot watchdog`: the process beside the agent that switches the motors off. It holds a bus handle of its own and nothing else.
import { z } from 'zod';
import { pinoLogger } from '../../edge/logging.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { openI2cBus } from '../buses/i2c.ts';
import { Pca9685 } from '../freenove-4wd/pca9685.ts';
import { watchdogSchema } from './config.ts';
import { startWatchdog } from './watchdog-server.ts';

/** The rest of the file is the agent's business: a mistake there must not keep the watchdog from running. */
const fileSchema = z.looseObject({
  body: z.literal('freenove-4wd', { error: 'only the freenove-4wd has a motor driver that keeps its last duty' }),
  freenove: z.looseObject({ i2cBus: z.number().int().min(0).max(99).default(1) }).prefault({}),
  watchdog: watchdogSchema.prefault({}),
});

/** Runs until SIGTERM or SIGINT, then switches off. Throws OUT_CONFIG_*, OUT_HARDWARE_* or OUT_WATCHDOG_SOCKET at the start. */
export async function runWatchdog(configPath: string): Promise<boolean> {
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  const { freenove, watchdog } = await loadYaml(configPath, fileSchema);
  const bus = await openI2cBus(freenove.i2cBus);
  const chip = new Pca9685(bus);
  const running = await startWatchdog({
    socketPath: watchdog.socket,
    clock: new SystemClock(),
    allStop: () => chip.allStop(),
    silenceSec: watchdog.silenceSec,
    logger: pinoLogger('info', { part: 'watchdog' }),
  });
  await ended;
  await running.close();
  bus.close();
  return true;
}
