// A watchdog in a process of its own, on the bus that is a file: argv: bus file, socket. Says `up` when it listens.
import { Pca9685 } from '../../hardware/freenove-4wd/pca9685.ts';
import { SILENCE_SEC, startWatchdog } from '../../hardware/watchdog/watchdog-server.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { FileI2c } from './chips/file-i2c.ts';

const [busFile, socketPath] = process.argv.slice(2) as [string, string];
const chip = new Pca9685(new FileI2c(busFile));
await startWatchdog({
  socketPath,
  clock: new SystemClock(),
  allStop: () => chip.allStop(),
  silenceSec: SILENCE_SEC,
  logger: SILENT_LOGGER,
});
process.send?.('up');
