// Streams through an elastic function: an async iterable of arguments in, an async iterable of results out, in order,
// with a window of calls under way; the module may move meanwhile.
import type { CallOptions } from './call-options.ts';

export interface StreamOptions {
  /** Calls under way at most: how far the source is read ahead of the consumer. Default 4. */
  readonly window?: number;
  /** Per call [ms]. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * `for await (const objects of streamCalls((frame, o) => detector.handle.detect(frame, o), camera.frames())) …`
 * A failed call ends the stream with its error. Leaving the loop early cancels the calls under way and closes the source.
 */
export async function* streamCalls<In, Out>(
  call: (item: In, options: CallOptions) => Promise<Out>,
  source: AsyncIterable<In> | Iterable<In>,
  options: StreamOptions = {},
): AsyncGenerator<Out, void, undefined> {
  const { window = 4, deadlineMs, signal } = options;
  if (!(Number.isInteger(window) && window > 0)) throw new RangeError(`window must be a positive integer, ${window} arrived`);
  const leaving = new AbortController();
  const callOptions: CallOptions = {
    signal: signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
  const items = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const underWay: Promise<Out>[] = [];
  let sourceIsOver = false;
  /** Reading the source, or null; never awaited while an answer could be given. */
  let reading: Promise<IteratorResult<In>> | null = null;
  try {
    for (;;) {
      if (!sourceIsOver && reading === null && underWay.length < window) {
        reading = Promise.resolve(items.next());
        reading.catch(() => undefined);
      }
      const oldest = underWay[0];
      if (reading === null && oldest === undefined) return;
      const event = await firstOf(oldest, reading);
      if (event.kind === 'answer') {
        void underWay.shift();
        yield event.value;
        continue;
      }
      reading = null;
      if (event.item.done === true) {
        sourceIsOver = true;
        continue;
      }
      const answer = call(event.item.value, callOptions);
      // Awaited in its turn; until then its rejection is not unhandled.
      answer.catch(() => undefined);
      underWay.push(answer);
    }
  } finally {
    leaving.abort(new DOMException('the stream was left', 'AbortError'));
    if (!sourceIsOver) await items.return?.();
  }
}

type StreamEvent<In, Out> = { readonly kind: 'answer'; readonly value: Out } | { readonly kind: 'item'; readonly item: IteratorResult<In> };

function firstOf<In, Out>(answer: Promise<Out> | undefined, reading: Promise<IteratorResult<In>> | null): Promise<StreamEvent<In, Out>> {
  const events: Promise<StreamEvent<In, Out>>[] = [];
  if (answer !== undefined) events.push(answer.then((value) => ({ kind: 'answer', value })));
  if (reading !== null) events.push(reading.then((item) => ({ kind: 'item', item })));
  return Promise.race(events);
}
