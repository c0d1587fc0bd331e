// The embedded broker as a process of its own for the telemetry benchmark: access rules apply to each message, as on a real site.
import { startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';

const SITE = 'bench';

const broker = await startEmbeddedBroker({
  site: SITE,
  port: 0,
  identify: ({ username }) => (username === null ? { role: 'site', name: 'dashboard' } : { role: 'rover', name: username }),
});
process.send?.({ port: broker.port });
process.on('disconnect', () => process.exit(0));
