// The trace of one offload: a whole site with real Wasm, each party with a tracer and an exporter of its own, as in processes of their own.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { beforeAll, describe, expect, test } from 'vitest';
import { hostFunctionRegistry } from '../../edge/host/host-functions/registry.ts';
import { bundleLoader } from '../../edge/host/sandbox/bundle-loader.ts';
import { InlineSandbox } from '../../edge/host/sandbox/inline-sandbox.ts';
import { createEdgeSite } from '../../edge/site.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../../shared/elastic/instantiate.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { NO_TRACER, type Tracer } from '../../shared/ports/tracer.ts';
import { openTracer } from '../../shared/tracing/open-tracer.ts';
import { otelTracer } from '../../shared/tracing/otel-tracer.ts';
import { traceparentSchema } from '../../shared/protocol/trace-context.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { InProcessDataPlane } from '../../sim/network/in-process-data-plane.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';

let bundle: ModuleBundle;
beforeAll(async () => {
  bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
}, 120_000);

interface Tracers {
  readonly rover: Tracer;
  readonly manager: Tracer;
  readonly host: Tracer;
}

/** A site with real Wasm on a virtual clock, and rovers that join it. */
async function tracedSite({ rover, manager, host }: Tracers, hosts: readonly string[], memoryTotalBytes = 1024 ** 3) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, new SeededRandom(1));
  const broker = new InProcessBroker(network);
  const plane = new InProcessDataPlane(network);
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntilSettled(work);
  const resources = { cores: 8, memoryTotalBytes, instancesMax: 16, accelerator: null, loadFraction: () => 0 };
  const site = await run(
    createEdgeSite({
      ...{ site: 'site', clock, siteKey: Buffer.alloc(32, 2), session: 's' },
      hosts: hosts.map((id) => {
        const dataPlane = plane.at(id);
        const sandbox = new InlineSandbox({ site: 'site', clock, dataPlane, loader: bundleLoader(), registry: hostFunctionRegistry() });
        return { host: id, dataPlane, sandbox, resources, grants: ['map-view'] };
      }),
      connectBus: async (clientId, { node, will }) => broker.connect(clientId, will === undefined ? { node } : { node, will }),
      manager: { tracer: manager },
      hostTracer: host,
    }),
  );
  const encoded = encodeBundle(bundle);
  const join = async (id: string) => {
    const handler = new OffloadHandler({
      ...{ site: 'site', mission: 'm', rover: id, session: 'r', clock, tracer: rover },
      bus: broker.connect(`rover-${id}`, { node: id }),
      dataPlane: plane.at(id),
      bundles: { get: () => ({ digest: bundle.digest, bytes: encoded.byteLength, encoded: () => encoded }) },
    });
    await run(handler.start());
    const module = new ElasticModule<{ record(rover: string, number: number): Promise<number> }>({
      ...{ manifest: bundle.manifest, channelId: `${id}-tally`, clock, site: handler, tracer: rover },
      createLocal: () => clock.hold(instantiateOnboard(bundle, {})),
    });
    await run(module.start());
    await run(module.handle.record(id, 1));
    return module;
  };
  return { clock, network, broker, run, site, join };
}

/** Two rovers at a site of one host, one after the other; what they did, and every message that the broker carried. */
async function twoOffloads(tracers: Tracers, memoryTotalBytes?: number) {
  const { clock, broker, run, site, join } = await tracedSite(tracers, ['edge-1'], memoryTotalBytes);
  const messages: string[] = [];
  const listener = broker.connect('listener', { node: 'listener' });
  await run(
    listener.subscribe('outrider/#', ({ topic, payload }) => {
      messages.push(`${clock.nowSec().toFixed(6)} ${topic} ${Buffer.from(payload).toString()}`);
    }),
  );
  const outcomes: string[] = [];
  for (const id of ['rover-1', 'rover-2']) {
    const module = await join(id);
    const report = await run(module.offload({ reason: 'heat' }));
    outcomes.push(`${report.kind} ${report.outcome}`);
    await run(clock.sleep(1)); // until the host has told the manager
  }
  await run(site.close());
  return { outcomes, messages };
}

function party(service: string) {
  const exporter = new InMemorySpanExporter();
  return { exporter, ...otelTracer(new SimpleSpanProcessor(exporter), { service, attributes: { site: 'site' } }) };
}

/** `service name < parent's name` of each span, sorted. */
function family(spans: readonly ReadableSpan[]): string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return spans
    .map(({ name, parentSpanContext, resource }) => {
      const parent = parentSpanContext === undefined ? 'nothing' : (names.get(parentSpanContext.spanId) ?? 'a stranger');
      return `${String(resource.attributes['service.name'])} ${name} < ${parent}`;
    })
    .toSorted();
}

async function tracedOffloads(memoryTotalBytes?: number) {
  const parties = { rover: party('rover'), manager: party('manager'), host: party('host') };
  const { rover, manager, host } = parties;
  const { outcomes, messages } = await twoOffloads({ rover: rover.tracer, manager: manager.tracer, host: host.tracer }, memoryTotalBytes);
  const spans = Object.values(parties).flatMap(({ exporter }) => exporter.getFinishedSpans());
  const ids = [...new Set(spans.map((span) => span.spanContext().traceId))];
  const traces = ids.map((id) => spans.filter((span) => span.spanContext().traceId === id));
  return { outcomes, messages, traces: traces.toSorted((a, b) => b.length - a.length) };
}

describe('traces', () => {
  test('one offload is one trace through rover, manager and host; a redirect needs no host', async () => {
    const { outcomes, traces } = await tracedOffloads();
    expect(outcomes).toEqual(['offload moved', 'redirect moved']);
    expect(traces).toHaveLength(2);
    const [offload = [], redirect = []] = traces;
    expect(family(offload)).toEqual([
      'host receive bundle < transfer',
      'host reserve < accept',
      'host start instance < transfer',
      'manager accept < reserve',
      'manager negotiate < request',
      'rover activate < offload',
      'rover initialise < offload',
      'rover offload < nothing',
      'rover request < offload',
      'rover reserve < offload',
      'rover transfer < offload',
    ]);
    expect(family(redirect)).toEqual(['manager negotiate < request', 'rover offload < nothing', 'rover request < offload']);
    const attributes = (name: string): unknown => offload.find((span) => span.name === name)?.attributes;
    expect(attributes('offload')).toMatchObject({ module: 'tally', reason: 'heat', move: 'offload', outcome: 'moved', host: 'edge-1' });
    expect(attributes('receive bundle')).toMatchObject({ warm: false, bytes: encodeBundle(bundle).byteLength });
    expect(attributes('transfer')).toMatchObject({ bytes: encodeBundle(bundle).byteLength, attempt: 1 });
    expect(redirect.find((span) => span.name === 'negotiate')?.attributes).toMatchObject({ reply: 'redirect', rover: 'rover-2' });
    expect(offload.every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true);
  });

  test('a restart after the loss of a host, an evacuation and a recall are traces of their own', async () => {
    const parties = { rover: party('rover'), manager: party('manager'), host: party('host') };
    const { rover, manager, host } = parties;
    const tracers = { rover: rover.tracer, manager: manager.tracer, host: host.tracer };
    const { clock, network, run, site, join } = await tracedSite(tracers, ['edge-1', 'edge-2', 'edge-3']);
    const module = await join('rover-1');
    await run(module.offload({ reason: 'heat', preferHost: 'edge-1' }));
    await run(module.handle.record('rover-1', 2));
    await run(clock.sleep(2)); // until there is a checkpoint
    network.crash('edge-1');
    await run(site.crashHost('edge-1'));
    await run(module.handle.record('rover-1', 3));
    const restartedOn = module.placement.hostId as string;
    await run(site.manager.drain(restartedOn, true));
    await run(clock.sleep(3));
    await run(module.handle.record('rover-1', 4));
    expect(await run(module.recall({ reason: 'cool again' }))).toMatchObject({ outcome: 'moved' });
    await run(site.close());
    const spans = Object.values(parties).flatMap(({ exporter }) => exporter.getFinishedSpans());
    const traceOf = (root: string) => {
      const id = spans.find(({ name }) => name === root)?.spanContext().traceId;
      return spans.filter((span) => span.spanContext().traceId === id);
    };
    expect(family(traceOf('restart'))).toEqual(['host restore instance < restart', 'manager restart < nothing']);
    expect(traceOf('restart').find(({ name }) => name === 'restart')?.attributes).toMatchObject({
      module: 'tally',
      host: restartedOn,
      why: expect.stringContaining('edge-1 was lost') as string,
    });
    expect(family(traceOf('evacuate'))).toEqual(['host restore instance < evacuate', 'manager evacuate < nothing']);
    expect(family(traceOf('recall'))).toEqual([
      'rover fetch state < recall',
      'rover freeze < recall',
      'rover recall < nothing',
      'rover restore < recall',
    ]);
    expect(traceOf('recall').find(({ name }) => name === 'recall')?.attributes).toMatchObject({ reason: 'cool again', move: 'recall' });
    expect(spans.every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true);
  });

  test('a refusal ends the spans of who refused with its code', async () => {
    const { outcomes, traces } = await tracedOffloads(1024);
    expect(outcomes).toEqual(['offload refused', 'offload refused']);
    const [first = []] = traces;
    expect(family(first)).toEqual(['manager negotiate < request', 'rover offload < nothing', 'rover request < offload']);
    const negotiate = first.find((span) => span.name === 'negotiate');
    expect(negotiate?.status).toMatchObject({ code: 2, message: expect.stringContaining('bytes of memory are needed') });
    expect(negotiate?.attributes).toMatchObject({ 'error.type': 'OUT_EDGE_NO_HOST' });
    expect(first.find((span) => span.name === 'offload')?.attributes).toMatchObject({
      outcome: 'refused',
      'error.type': 'OUT_ELASTIC_REFUSED',
    });
  });

  test('where the rover is not traced, no message says anything of traces, and what is said and when stays the same', async () => {
    const off = await twoOffloads({ rover: NO_TRACER, manager: NO_TRACER, host: NO_TRACER });
    expect(off.messages.filter((line) => line.includes('traceparent'))).toEqual([]);
    expect(await twoOffloads({ rover: NO_TRACER, manager: party('manager').tracer, host: party('host').tracer })).toEqual(off);
    expect((await tracedOffloads()).messages.filter((line) => line.includes('traceparent')).length).toBeGreaterThanOrEqual(4);
  });

  test('a traceparent that is none is refused', () => {
    const good = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(traceparentSchema.safeParse(good).success).toBe(true);
    for (const bad of ['', good.toUpperCase(), `${good}-x`, good.replaceAll('a', '0'), good.replaceAll('b', '0'), `ff${good.slice(2)}`])
      expect(traceparentSchema.safeParse(bad).success).toBe(false);
  });
});

describe('what the environment asks for', () => {
  const options = { service: 'outrider-host', attributes: { site: 'barn' } };

  test('nothing asked: nothing is traced', async () => {
    expect((await openTracer(options, SILENT_LOGGER, {})).tracer).toBe(NO_TRACER);
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_SDK_DISABLED: 'true' };
    expect((await openTracer(options, SILENT_LOGGER, disabled)).tracer).toBe(NO_TRACER);
  });

  test('no address: a coded error', async () => {
    await expect(openTracer(options, SILENT_LOGGER, { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' })).rejects.toThrow(/localhost:4318/);
  });

  test('spans arrive at a collector by OTLP over HTTP when the tracer is closed', async () => {
    const requests: { url: string | undefined; body: string }[] = [];
    const collector = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        requests.push({ url: request.url, body });
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const live = await openTracer(options, SILENT_LOGGER, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/` });
    const root = live.tracer.begin('offload', { module: 'tally' });
    live.tracer.join('request', root.traceparent).end();
    root.end();
    await live.close();
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
    expect(requests.map(({ url }) => url)).toEqual(['/v1/traces']);
    const [{ body } = { body: '' }] = requests;
    for (const part of ['"service.name"', '"outrider-host"', '"barn"', '"offload"', '"request"', '"tally"']) expect(body).toContain(part);
  });

  test('a collector out of reach costs a line in the log, once', async () => {
    const lines: string[] = [];
    const logger = { ...SILENT_LOGGER, warn: (_: unknown, text: string) => void lines.push(text) };
    const live = await openTracer(options, logger, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' });
    live.tracer.begin('offload').end();
    await live.close();
    expect(lines).toHaveLength(1);
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
