// A site folder on loopback, as `outrider site init` makes it, on whatever ports are free.
import { initSite } from '../../edge/security/site-folder.ts';

/** `now`: when its certificates begin. Of a site called `test` without names beside localhost. Rejects as {@link initSite} does. */
export async function initLoopbackSite(folder: string, now = new Date()): Promise<void> {
  const local = { listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 };
  await initSite(folder, { name: 'test', hosts: [], now, ...local });
}
