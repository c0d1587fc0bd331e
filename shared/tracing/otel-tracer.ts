// The tracer over OpenTelemetry's SDK. Loaded only where traces are wanted.
import { type Context, ROOT_CONTEXT, type Span as OtelSpan, SpanStatusCode, trace, type Tracer as OtelApiTracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { isOutriderError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { NO_SPAN, type Span, type SpanAttributes, type Tracer } from '../ports/tracer.ts';

export interface OtelOptions {
  /** `service.name` of the spans, e.g. `outrider-host`. */
  readonly service: string;
  /** Of the process: site, rover, host. */
  readonly attributes: SpanAttributes;
}

export interface LiveTracer {
  readonly tracer: Tracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** One attempt to send spans, and so the end of a process, takes no longer [ms]. */
const EXPORT_TIMEOUT_MS = 2000;

/** Spans go to a collector by OTLP over HTTP, in batches; one that cannot be reached costs spans and a line in the log, nothing else. */
export function otlpTracer(url: string, options: OtelOptions, logger: Logger): LiveTracer {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS });
  let told = false;
  const telling: SpanExporter = {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined && !told) {
          told = true;
          logger.warn({ url, error: result.error.message }, 'traces do not get through to the collector; said once');
        }
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
  return otelTracer(new BatchSpanProcessor(telling), options);
}

export function otelTracer(processor: SpanProcessor, { service, attributes }: OtelOptions): LiveTracer {
  const all = { 'service.name': service, ...attributes };
  const resource = { attributes: all, getRawAttributes: () => Object.entries(all), merge: () => resource };
  const provider = new BasicTracerProvider({ spanProcessors: [processor], resource });
  return { tracer: new OtelTracer(provider.getTracer('outrider')), close: () => provider.shutdown().catch(() => undefined) };
}

class OtelTracer implements Tracer {
  readonly #tracer: OtelApiTracer;

  constructor(tracer: OtelApiTracer) {
    this.#tracer = tracer;
  }

  begin(name: string, attributes: SpanAttributes = {}): Span {
    return wrap(this.#tracer.startSpan(name, { attributes }, ROOT_CONTEXT));
  }

  join(name: string, parent: string | undefined, attributes: SpanAttributes = {}): Span {
    if (parent === undefined) return NO_SPAN;
    return wrap(this.#tracer.startSpan(name, { attributes }, contextOf(parent)));
  }
}

/** `00-<trace id>-<span id>-<flags>`, checked where it came in. */
function contextOf(traceparent: string): Context {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true });
}

function wrap(span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    set: (attributes) => void span.setAttributes(attributes),
    end: (error) => {
      if (!span.isRecording()) return;
      if (error !== undefined && error !== null) {
        const message = error instanceof Error ? error.message : typeof error === 'string' ? error : 'failed';
        span.setStatus({ code: SpanStatusCode.ERROR, message });
        if (isOutriderError(error)) span.setAttribute('error.type', error.code);
      }
      span.end();
    },
  };
}
