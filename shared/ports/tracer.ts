// Traces as a port: what one offload does in the rover, the manager and the host, as spans of one trace. Off unless a live process turns it on:
// then nothing is made, sent or waited for, and no microtask more runs, so that headless runs stay as they are.

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  /** W3C `traceparent` of this span, for its children here and in other processes; undefined where nothing is traced. */
  readonly traceparent: string | undefined;
  set(attributes: SpanAttributes): void;
  /** Ends it, with what went wrong if something did; the first end counts. */
  end(error?: unknown): void;
}

export interface Tracer {
  /** Begins a trace. */
  begin(name: string, attributes?: SpanAttributes): Span;
  /** Goes on with the trace of a parent, from here or from another process; without a parent nothing is traced. */
  join(name: string, parent: string | undefined, attributes?: SpanAttributes): Span;
}

/** The span of what is not traced. */
export const NO_SPAN: Span = { traceparent: undefined, set: () => undefined, end: () => undefined };

export const NO_TRACER: Tracer = { begin: () => NO_SPAN, join: () => NO_SPAN };

/** Does `work` in a span that ends with it (with its promise, if it gives one), and with its error if it fails. */
export function traced<T>(span: Span, work: (span: Span) => T): T {
  if (span === NO_SPAN) return work(span);
  try {
    const result = work(span);
    if (result instanceof Promise) {
      return result.then(
        (value: unknown) => {
          span.end();
          return value;
        },
        (error: unknown) => {
          span.end(error);
          throw error;
        },
      ) as T;
    }
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

/** To spread into a message: the trace that it belongs to, or nothing. */
export function traceOf({ traceparent }: Span): { readonly traceparent?: string } {
  return traceparent === undefined ? {} : { traceparent };
}
