// The trace of one offload of a live site: rover, manager and a host process each send their spans to a collector, which puts them together.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { startEdgeSite } from '../../edge/start-site.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { liveRover } from '../support/edge-live-rover.ts';

/** What OTLP's JSON has of a span (opentelemetry-proto, trace.proto), as far as it is looked at here. */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

interface Collected extends OtlpSpan {
  readonly service: string | undefined;
}

async function startCollector() {
  const spans: Collected[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as OtlpRequest;
      for (const { resource, scopeSpans } of resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test.skipIf(!existsSync('dist/edge/host/process.js'))(
  'rover, manager and host process send the spans of one trace',
  async () => {
    const collector = await startCollector();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const data = await mkdtemp(join(tmpdir(), 'outrider-trace-'));
    onTestFinished(() => rm(data, { recursive: true, force: true }));
    const { bundle } = await buildModule('tests/fixtures/modules/tally');
    const site = await startEdgeSite(defineSite({ site: 'test', data, hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    try {
      const rover = await liveRover<unknown>({ rover: 'rover-1', bundle, brokerUrl: site.brokerUrl });
      expect(await rover.module.offload({ reason: 'heat' })).toMatchObject({ outcome: 'moved', to: 'edge-1' });
      await rover.close();
    } finally {
      await site.close(); // what each party still has is sent when it ends
    }
    const names = new Map(collector.spans.map(({ spanId, name }) => [spanId, name]));
    const family = collector.spans.map(
      ({ service, name, parentSpanId = '' }) => `${service} ${name} < ${names.get(parentSpanId) ?? 'nothing'}`,
    );
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(family.toSorted()).toEqual([
      'outrider-host receive bundle < transfer',
      'outrider-host reserve < accept',
      'outrider-host start instance < transfer',
      'outrider-manager accept < reserve',
      'outrider-manager negotiate < request',
      'outrider-rover activate < offload',
      'outrider-rover initialise < offload',
      'outrider-rover offload < nothing',
      'outrider-rover request < offload',
      'outrider-rover reserve < offload',
      'outrider-rover transfer < offload',
    ]);
  },
  60_000,
);
