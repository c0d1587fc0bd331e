// An agent that drives full speed ahead at 10 Hz on the bus that is a file: argv: bus file, socket. `block`: its event loop hangs; `idle`: its control
// loop ends while the process lives on.
import { MotorDrive } from '../../hardware/freenove-4wd/motor-drive.ts';
import { Pca9685 } from '../../hardware/freenove-4wd/pca9685.ts';
import { WatchdogClient } from '../../hardware/watchdog/watchdog-client.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { FileI2c } from './chips/file-i2c.ts';

const [busFile, socketPath] = process.argv.slice(2) as [string, string];
const clock = new SystemClock();
const motor = (forwardChannel: number, reverseChannel: number) => ({ forwardChannel, reverseChannel, inverted: false, trim: 1 });
const drive = new MotorDrive({
  chip: new Pca9685(new FileI2c(busFile)),
  clock,
  wirings: { leftFront: motor(1, 0), leftRear: motor(2, 3), rightFront: motor(7, 6), rightRear: motor(5, 4) },
  curve: { points: [{ radPerSec: 20, duty: 4000 }] },
  rateHz: 50,
  guard: new WatchdogClient({ socketPath, clock, logger: SILENT_LOGGER }),
});
const loop = clock.every(0.1, () => {
  drive.update();
  drive.setWheelSpeeds(20, 20);
});
process.on('message', (message) => {
  if (message === 'block') for (;;);
  if (message === 'idle') loop.stop();
});
