// One end of a transport with two lanes: calls go at once, bulk (state) goes between them and never faster than the transport takes it.
import { OutriderError } from '../errors.ts';
import type { Transport } from '../ports/transport.ts';
import type { PeerIdentity } from '../security/peer-identity.ts';

export type Frame = readonly Uint8Array[];

interface Bulk {
  readonly frames: Iterator<Frame>;
  readonly done: (error: Error | null) => void;
}

export class Link {
  readonly description: string;
  readonly peer: PeerIdentity | null;
  readonly #transport: Transport;
  readonly #waiting: Frame[] = [];
  readonly #bulks: Bulk[] = [];
  readonly #onClose: (error: Error | null) => void;
  #blocked = false;
  #closed = false;
  bytesIn = 0;
  bytesOut = 0;

  /** `onFrame` may throw: the connection is then closed with that error. `onClose` is called once, also after `close`. */
  constructor(
    transport: Transport,
    handlers: { readonly onFrame: (frame: Uint8Array) => void; readonly onClose: (error: Error | null) => void },
  ) {
    this.description = transport.description;
    this.peer = transport.provenPeer ?? null;
    this.#transport = transport;
    transport.onDrain = () => {
      this.#blocked = false;
      this.#flush();
    };
    this.#onClose = handlers.onClose;
    transport.onClose = (error) => this.#end(error);
    transport.onFrame = (frame) => {
      this.bytesIn += frame.byteLength;
      try {
        handlers.onFrame(frame);
      } catch (error) {
        this.close(error instanceof Error ? error : new Error(String(error)));
      }
    };
  }

  get transport(): Transport {
    return this.#transport;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True when nothing waits for the transport. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#bulks.length === 0;
  }

  /** Sends a frame now, or as soon as the transport takes it; ahead of bulk. */
  send(...parts: Uint8Array[]): void {
    if (this.#closed) return;
    if (this.#blocked) this.#waiting.push(parts);
    else this.#put(parts);
  }

  /** Sends frames in order, between urgent ones. Resolves when the transport has taken the last; rejects when the connection ends first. */
  sendBulk(frames: Iterator<Frame>): Promise<void> {
    if (this.#closed) return Promise.reject(new OutriderError('OUT_ELASTIC_LOST', `${this.description} is closed`));
    return new Promise((resolve, reject) => {
      this.#bulks.push({ frames, done: (error) => (error === null ? resolve() : reject(error)) });
      if (!this.#blocked && this.#bulks.length === 1) this.#flush();
    });
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#transport.close(error);
    this.#end(error ?? null);
  }

  #put(parts: Frame): void {
    for (const part of parts) this.bytesOut += part.byteLength;
    this.#blocked = !this.#transport.send(parts);
  }

  #flush(): void {
    let sent = 0;
    while (!this.#blocked && !this.#closed && sent < this.#waiting.length) {
      const frame = this.#waiting[sent] as Frame;
      sent += 1;
      this.#put(frame);
    }
    if (sent > 0) this.#waiting.splice(0, sent);
    while (!this.#blocked && !this.#closed) {
      const bulk = this.#bulks[0];
      if (bulk === undefined) return;
      const next = bulk.frames.next();
      if (next.done === true) {
        this.#bulks.shift();
        bulk.done(null);
      } else {
        this.#put(next.value);
      }
    }
  }

  #end(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    const lost = error ?? new OutriderError('OUT_ELASTIC_LOST', `${this.description} was closed`);
    for (const bulk of this.#bulks.splice(0)) bulk.done(lost);
    this.#onClose(error);
  }
}
