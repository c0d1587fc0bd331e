// Brokers of the operating system's packages (Mosquitto, NATS) as processes of a benchmark or a test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { type AddressInfo, connect, createServer } from 'node:net';

/** Debian puts servers where a user's shell does not look. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` };

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { env: ENVIRONMENT }).status === 0;
}

export interface BrokerProcess {
  readonly port: number;
  readonly pid: number;
  /** SIGKILL: nothing is saved that was not saved already. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts `command` and waits until its port answers. */
export async function brokerProcess(command: string, args: readonly string[], port: number): Promise<BrokerProcess> {
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = spawn(command, args, { stdio: 'ignore', env: ENVIRONMENT });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${command} ended with ${child.signalCode ?? child.exitCode} before it answered on port ${port}`);
      if (await answers(port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await ended(child);
    throw new Error(`${command} does not answer on port ${port}`);
  };
  await start();
  return {
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill: async () => {
      if (child !== null) await ended(child);
    },
  };
}

/** Kills a process and waits until it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
