// Prometheus metrics of a site (`GET /metrics`, text format 0.0.4): read from the manager's view when they are asked for.
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { SiteView } from './gateway.ts';

type HostProcessView = ReturnType<SiteView['processes']>[number];
type Series = readonly [Readonly<Record<string, string>>, number];

/** A registry whose gauges read `view` at each scrape. Labels are ids; there are as many series as hosts. */
export function siteMetrics(view: SiteView): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ site: view.site });
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric = new Gauge({
      name: `outrider_${name}`,
      help,
      registers: [],
      collect() {
        this.set(value());
      },
    });
    registry.registerMetric(metric);
  };
  gauge('manager_active', '1 while the Offload Manager of this process acts', () => (view.manager().role === 'active' ? 1 : 0));
  gauge('manager_term', 'Newest term of a manager that is known here', () => view.manager().term);
  gauge('broker_up', '1 while the broker can be reached', () => (view.brokerUp() ? 1 : 0));
  gauge('failovers', 'Shared instances that this manager has brought back or moved', () => view.failovers());
  gauge('malformed_messages', 'Messages that were dropped because they did not match their schema', () => view.malformed());
  const perHost = (name: string, help: string, value: (host: ReturnType<SiteView['hosts']>[number]) => number): void => {
    const metric = new Gauge({
      name: `outrider_host_${name}`,
      help,
      labelNames: ['host'],
      registers: [],
      collect() {
        this.reset();
        for (const host of view.hosts()) this.set({ host: host.host }, value(host));
      },
    });
    registry.registerMetric(metric);
  };
  perHost('load_fraction', 'Busy share of all cores of a host', (host) => host.loadFraction);
  perHost('memory_free_bytes', 'Memory that a host has not promised to an instance', (host) => host.memoryFreeBytes);
  perHost('instances', 'Instances that run on a host', (host) => host.instances.filter(({ state }) => state === 'running').length);
  perHost('calls', 'Calls that the instances of a host have answered', (host) => host.instances.reduce((sum, { calls }) => sum + calls, 0));
  perHost('draining', '1 while a host is being drained', (host) => (host.status === 'draining' ? 1 : 0));
  const perProcess = (name: string, help: string, labels: readonly string[], series: (one: HostProcessView) => readonly Series[]): void => {
    const metric = new Gauge({
      name: `outrider_host_process_${name}`,
      help,
      labelNames: ['host', ...labels],
      registers: [],
      collect() {
        this.reset();
        for (const one of view.processes()) for (const [more, value] of series(one)) this.set({ host: one.host, ...more }, value);
      },
    });
    registry.registerMetric(metric);
  };
  perProcess('deaths', 'How often a host process of this machine died', [], ({ deaths }) => [[{}, deaths]]);
  perProcess('memory_bytes', 'What counts against the memory limit of a host process of this machine', [], (one) => {
    const bytes = one.memoryBytes();
    return bytes === null ? [] : [[{}, bytes]];
  });
  perProcess('limit', 'Limit of a host process of this machine, and what enforces it', ['resource', 'mechanism'], ({ limits }) =>
    limits.map(({ resource, mechanism, value }) => [{ resource, mechanism }, value]),
  );
  return registry;
}
