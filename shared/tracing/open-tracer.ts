// Turns traces on where the environment asks for them, by OpenTelemetry's own variables; everywhere else nothing of it is loaded.
import { OutriderError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { NO_TRACER } from '../ports/tracer.ts';
import type { LiveTracer, OtelOptions } from './otel-tracer.ts';

const OFF: LiveTracer = { tracer: NO_TRACER, close: async () => undefined };

/**
 * The tracer of one part of a process (rover, manager, host). `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is taken as it is,
 * `OTEL_EXPORTER_OTLP_ENDPOINT` gets `/v1/traces` appended; with neither, or with `OTEL_SDK_DISABLED=true`, nothing is traced.
 * Throws OUT_CONFIG_INVALID for what is no http address.
 */
export async function openTracer(
  options: OtelOptions,
  logger: Logger,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<LiveTracer> {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole = '', OTEL_EXPORTER_OTLP_ENDPOINT: base = '', OTEL_SDK_DISABLED: disabled } = env;
  const url = whole !== '' ? whole : base === '' ? '' : `${base.replace(/\/+$/, '')}/v1/traces`;
  if (url === '' || disabled === 'true') return OFF;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OutriderError(
      'OUT_CONFIG_INVALID',
      `OTEL_EXPORTER_OTLP_ENDPOINT: ${JSON.stringify(url)} is no address like http://localhost:4318`,
    );
  }
  const { otlpTracer } = await import('./otel-tracer.ts');
  return otlpTracer(url, options, logger);
}
