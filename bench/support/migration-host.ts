// A worker thread as an edge host of the migration bench: makes an embryo when asked, and serves it over TCP.
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { InstanceShell } from '../../shared/elastic/instance-shell.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { BALLAST_MANIFEST, BallastInstance } from './frame-module.ts';

export interface HostOrder {
  readonly instanceId: string;
  readonly epoch: number;
  /** True: stop the instance instead. */
  readonly release: boolean;
}

const { hostId } = workerData as { readonly hostId: string };
const clock = new SystemClock();
const shells = new Map<string, { readonly shell: InstanceShell; readonly stop: () => Promise<void> }>();

async function start({ instanceId, epoch }: HostOrder): Promise<string> {
  const shell = new InstanceShell({
    manifest: BALLAST_MANIFEST,
    instance: new BallastInstance(0),
    clock,
    instanceId,
    epoch,
    embryo: true,
    authorize: ({ token }) => token === hostId,
  });
  const listener = await new TcpDataPlane().listen(instanceId, (transport) => shell.accept(transport));
  shells.set(instanceId, { shell, stop: () => listener.close() });
  return listener.address;
}

async function release({ instanceId }: HostOrder): Promise<void> {
  const running = shells.get(instanceId);
  shells.delete(instanceId);
  await running?.shell.close();
  await running?.stop();
}

parentPort?.on('message', (order: HostOrder) => {
  if (order.release) void release(order);
  else void start(order).then((address) => parentPort?.postMessage({ instanceId: order.instanceId, address }));
});
