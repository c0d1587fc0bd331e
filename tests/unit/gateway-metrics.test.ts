// What Prometheus reads from a site.
import { expect, test } from 'vitest';
import type { SiteView } from '../../edge/gateway/gateway.ts';
import { siteMetrics } from '../../edge/gateway/metrics.ts';

test('gauges follow the site, and a host that is gone has no series any more', async () => {
  const host = {
    host: 'edge-1',
    status: 'draining',
    loadFraction: 0.25,
    memoryFreeBytes: 1024,
    instances: [{ state: 'running', calls: 7 }],
  };
  let hosts = [host];
  const view = {
    site: 'test',
    manager: () => ({ role: 'active', term: 3, session: 's' }),
    hosts: () => hosts,
    brokerUp: () => true,
    failovers: () => 2,
    malformed: () => 5,
    processes: () => [
      { host: 'shared-1', deaths: 0, limits: [], memoryBytes: () => null },
      { host: 'mine-1', deaths: 2, limits: [{ resource: 'memoryBytes', value: 2 ** 30, mechanism: 'rlimit' }], memoryBytes: () => 4096 },
    ],
  } as unknown as SiteView;
  const registry = siteMetrics(view);
  const full = await registry.metrics();
  for (const line of [
    'outrider_manager_active{site="test"} 1',
    'outrider_manager_term{site="test"} 3',
    'outrider_failovers{site="test"} 2',
    'outrider_malformed_messages{site="test"} 5',
    'outrider_host_load_fraction{host="edge-1",site="test"} 0.25',
    'outrider_host_instances{host="edge-1",site="test"} 1',
    'outrider_host_calls{host="edge-1",site="test"} 7',
    'outrider_host_draining{host="edge-1",site="test"} 1',
    'outrider_host_process_deaths{host="shared-1",site="test"} 0',
    'outrider_host_process_deaths{host="mine-1",site="test"} 2',
    'outrider_host_process_memory_bytes{host="mine-1",site="test"} 4096',
    'outrider_host_process_limit{host="mine-1",resource="memoryBytes",mechanism="rlimit",site="test"} 1073741824',
  ]) {
    expect(full).toContain(line);
  }
  expect(full).not.toContain('memory_bytes{host="shared-1"');
  hosts = [];
  expect(await registry.metrics()).not.toContain('edge-1');
});
