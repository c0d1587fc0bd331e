import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MotorGuard } from '../../hardware/watchdog/motor-guard.ts';
import { startWatchdog, type Watchdog } from '../../hardware/watchdog/watchdog-server.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

describe('motor guard', () => {
  const newGuard = () => {
    const clock = new VirtualClock();
    const stops: number[] = [];
    const reasons: string[] = [];
    const chip = { answers: true };
    const guard = new MotorGuard({
      clock,
      silenceSec: 0.3,
      allStop: () => {
        if (!chip.answers) throw new Error('EREMOTEIO');
        stops.push(clock.nowSec());
      },
      onTrip: (why) => reasons.push(why),
    });
    return { clock, guard, stops, reasons, chip };
  };

  it('switches everything off when it starts: nobody knows who ran before', () => {
    const { guard, stops } = newGuard();
    expect(stops).toEqual([0]);
    expect(guard.holding).toBe(true);
  });

  it('keeps quiet while commands come, and stops 0.3 s after the last one', async () => {
    const { clock, guard, stops, reasons } = newGuard();
    const beats = clock.every(0.1, () => guard.beat());
    await clock.run({ untilSec: 2 });
    const before = stops.filter((at) => at > 0.11).length;
    beats.stop();
    await clock.run({ untilSec: 2.29 });
    expect([before, stops.filter((at) => at > 0.11).length]).toEqual([0, 0]);
    await clock.run({ untilSec: 2.31 });
    expect(stops.at(-1)).toBeCloseTo(2.3, 9);
    expect(reasons.at(-1)).toBe('no command for 0.3 s');
  });

  it('says it again ten times a second until a command comes', async () => {
    const { clock, guard, stops } = newGuard();
    guard.beat();
    await clock.run({ untilSec: 1.3 });
    expect(stops.filter((at) => at > 0.29)).toHaveLength(11);
    guard.beat();
    await clock.run({ untilSec: 1.5 });
    expect(stops.filter((at) => at > 0.29)).toHaveLength(11);
  });

  it('tries on when the chip does not answer, and complains once', async () => {
    const { clock, guard, stops, reasons, chip } = newGuard();
    guard.beat();
    chip.answers = false;
    await clock.run({ untilSec: 0.75 });
    expect(stops).toEqual([0]);
    expect(reasons.filter((why) => why.includes('EREMOTEIO'))).toHaveLength(1);
    chip.answers = true;
    await clock.run({ untilSec: 0.85 });
    expect(stops).toHaveLength(2);
  });
});

describe('watchdog socket', () => {
  let folder: string;
  let path: string;
  let stops: number;
  let open: (Watchdog | Socket)[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watchdog-'));
    path = join(folder, 'socket');
    stops = 0;
    open = [];
  });
  afterEach(async () => {
    for (const one of open) await ('destroy' in one ? one.destroy() : one.close());
    await rm(folder, { recursive: true, force: true });
  });

  const start = async () => {
    const watchdog = await startWatchdog({
      socketPath: path,
      clock: new SystemClock(),
      allStop: () => void (stops += 1),
      silenceSec: 60,
      logger: SILENT_LOGGER,
    });
    open.push(watchdog);
    return watchdog;
  };
  const dial = async () => {
    const socket = connect(path);
    socket.on('error', () => undefined);
    open.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  const beat = async (socket: Socket) => {
    const gone = once(socket, 'close').then(() => Promise.reject(new Error('turned away')));
    socket.write('B');
    await Promise.race([once(socket, 'data'), gone]);
  };

  it('echoes each beat, and turns a second agent away while the first one drives', async () => {
    const watchdog = await start();
    const first = await dial();
    await beat(first);
    expect(watchdog.holding).toBe(false);
    const second = await dial();
    await once(second, 'close');
    await beat(first);
    expect(watchdog.holding).toBe(false);
    first.destroy();
    // Until the server has seen it go, a successor is turned away as well, and tries again.
    for (;;) {
      const next = await dial();
      const answered = await beat(next).then(
        () => true,
        () => false,
      );
      if (answered) break;
    }
    expect(watchdog.holding).toBe(false);
  });

  it('is closed to others than its user and group, and stops the motors when it ends', async () => {
    const watchdog = await start();
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    const agent = await dial();
    await beat(agent);
    const before = stops;
    await watchdog.close();
    expect(stops).toBe(before + 1);
  });

  it('takes over the socket of a watchdog that was killed, not that of one that lives', async () => {
    await writeFile(path, '');
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'OUT_WATCHDOG_SOCKET', message: `${path}: another watchdog listens there` });
  });

  it('says where it cannot listen', async () => {
    path = join(folder, 'nowhere', 'socket');
    await expect(start()).rejects.toMatchObject({ code: 'OUT_WATCHDOG_SOCKET' });
    expect(stops).toBeGreaterThan(0);
  });
});
