import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileI2c, monotonicMs, type StampedWrite } from '../support/chips/file-i2c.ts';

const LIMIT_MS = 500;
const ALL_STOP = [0xfd, 0x10];

let folder: string;
let bus: FileI2c;
let socketPath: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchdog-'));
  const busFile = join(folder, 'i2c');
  socketPath = join(folder, 'socket');
  await writeFile(busFile, '');
  bus = new FileI2c(busFile);
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function start(script: string): ChildProcess {
  const path = fileURLToPath(new URL(`../support/${script}.ts`, import.meta.url));
  const child = fork(path, [bus.description, socketPath], { execArgv: ['--import', 'tsx'] });
  children.push(child);
  return child;
}

async function startWatchdog(): Promise<ChildProcess> {
  const child = start('watchdog-process');
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

const isAllStop = ({ bytes }: StampedWrite): boolean => bytes.length === 2 && bytes[0] === ALL_STOP[0] && bytes[1] === ALL_STOP[1];
/** Full speed ahead: channels 0 to 7 in one write, channel 1 at 4000. */
const isDriving = ({ bytes }: StampedWrite): boolean => bytes[0] === 0x06 && bytes[7] === (4000 & 0xff) && bytes[8] === 4000 >> 8;

/** A watchdog, and an agent that it has let drive. */
async function drivingCar() {
  const watchdog = await startWatchdog();
  const agent = start('driving-agent-process');
  await bus.until(isDriving);
  expect(bus.chip().duty(1)).toBeGreaterThan(0.9);
  const stoppedAfter = (fromMs: number): Promise<StampedWrite> =>
    bus.until((write) => write.pid === watchdog.pid && isAllStop(write) && write.atMs > fromMs);
  return { watchdog, agent, stoppedAfter };
}

const lastDrive = (): number => bus.writes().findLast(isDriving)?.atMs ?? Number.NaN;

describe('motor watchdog, as a process beside the agent', () => {
  it('stops the motors within 0.5 s after the agent was killed', async () => {
    const { agent, stoppedAfter } = await drivingCar();
    const killedMs = monotonicMs();
    agent.kill('SIGKILL');
    const { atMs } = await stoppedAfter(killedMs);
    console.info(`SIGKILL: motors off after ${(atMs - killedMs).toFixed(1)} ms`);
    expect(atMs - killedMs).toBeLessThan(LIMIT_MS);
    expect(bus.chip().isAnyActive).toBe(false);
  });

  it('stops the motors within 0.5 s after the last command of an agent whose event loop hangs', async () => {
    const { agent, stoppedAfter } = await drivingCar();
    const askedMs = monotonicMs();
    agent.send('block');
    const { atMs } = await stoppedAfter(askedMs);
    console.info(`blocked event loop: motors off ${(atMs - lastDrive()).toFixed(1)} ms after the last command`);
    expect(atMs - lastDrive()).toBeLessThan(LIMIT_MS);
    expect(bus.chip().isAnyActive).toBe(false);
  });

  it('stops the motors within 0.5 s after the last command of an agent that is frozen', async () => {
    const { agent, stoppedAfter } = await drivingCar();
    agent.kill('SIGSTOP');
    const { atMs } = await stoppedAfter(monotonicMs());
    console.info(`SIGSTOP: motors off ${(atMs - lastDrive()).toFixed(1)} ms after the last command`);
    expect(atMs - lastDrive()).toBeLessThan(LIMIT_MS);
    expect(bus.chip().isAnyActive).toBe(false);
  });

  it('stops the motors within 0.5 s after the control loop fell silent in a process that lives on', async () => {
    const { agent, stoppedAfter } = await drivingCar();
    const askedMs = monotonicMs();
    agent.send('idle');
    const { atMs } = await stoppedAfter(askedMs);
    console.info(`silent control loop: motors off ${(atMs - lastDrive()).toFixed(1)} ms after the last command`);
    expect(atMs - lastDrive()).toBeLessThan(LIMIT_MS);
  });

  it('without a watchdog the car does not move; it moves once there is one, and stops when that is killed', async () => {
    const agent = start('driving-agent-process');
    const isBraked = ({ bytes, pid }: StampedWrite): boolean =>
      pid === agent.pid && bytes.length === 33 && bytes.slice(1).every((byte, i) => byte === [0, 0, 0xff, 0x0f][i % 4]);
    await bus.until(isBraked);
    const braked = bus.writes().filter(isBraked).length;
    // Five more cycles, all of them braked.
    let seen = 0;
    await bus.until(() => (seen = bus.writes().filter(isBraked).length) >= braked + 5);
    expect(seen).toBeGreaterThanOrEqual(braked + 5);
    expect(bus.writes().some(isDriving)).toBe(false);
    const watchdog = await startWatchdog();
    await bus.until(isDriving);
    const killedMs = monotonicMs();
    watchdog.kill('SIGKILL');
    const { atMs } = await bus.until((write) => isBraked(write) && write.atMs > killedMs);
    expect(atMs - killedMs).toBeLessThan(LIMIT_MS);
  });

  it('an agent that comes back drives on', async () => {
    const { agent, stoppedAfter } = await drivingCar();
    agent.kill('SIGKILL');
    const { atMs } = await stoppedAfter(monotonicMs());
    const next = start('driving-agent-process');
    const again = await bus.until((write) => write.pid === next.pid && isDriving(write));
    expect(again.atMs).toBeGreaterThan(atMs);
  });
});
