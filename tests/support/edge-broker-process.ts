// Brokers of the operating system's packages (Mosquitto, NATS) as processes of a test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v ${command}`]).status === 0;
}

export interface BrokerProcess {
  readonly port: number;
  /** SIGKILL: nothing is saved that was not saved already. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts `command` and waits until its port answers. */
export async function brokerProcess(command: string, args: readonly string[], port: number): Promise<BrokerProcess> {
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` };
    child = spawn(command, args, { stdio: 'ignore', env });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (await answers(port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${command} does not answer on port ${port}`);
  };
  await start();
  return {
    port,
    start,
    kill: async () => {
      const gone = new Promise<void>((resolve) => child?.once('exit', () => resolve()));
      child?.kill('SIGKILL');
      await gone;
    },
  };
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
