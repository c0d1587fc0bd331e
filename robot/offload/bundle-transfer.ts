// Step 5 from the rover's side: shows the ticket, sends what the host lacks of the bundle, and waits until the instance stands.
import { OutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import { CHUNK_BYTES, decodeTransfer, encodeTransfer, type TransferControl } from '../../shared/protocol/offload-transfer.ts';
import type { OutgoingBundle } from './bundle-source.ts';

export interface TransferResult {
  readonly addresses: readonly string[];
  readonly epoch: number;
  readonly bytesSent: number;
  /** From the first frame until everything was sent [s], and from then until the instance stood [s]. */
  readonly transferSec: number;
  readonly initialiseSec: number;
}

export interface TransferOptions {
  readonly clock: Clock;
  readonly ticket: string;
  /** Silence of the host for so long ends the attempt [s]. */
  readonly idleSec: number;
  readonly signal?: AbortSignal;
  /** W3C trace context that the host's spans belong to. */
  readonly traceparent?: string;
  /** Called when all was sent. */
  readonly sent?: (bytes: number) => void;
}

/** Rejects with OUT_EDGE_TRANSFER when the connection breaks, or with the host's own code. Closes the transport. */
export async function transferBundle(transport: Transport, bundle: OutgoingBundle, options: TransferOptions): Promise<TransferResult> {
  const { clock, ticket, signal, traceparent } = options;
  const inbox = new Inbox(transport, options);
  try {
    const startedSec = clock.nowSec();
    const trace = traceparent === undefined ? {} : { traceparent };
    transport.send(encodeTransfer({ kind: 'open', ticket, digest: bundle.digest, bytes: bundle.bytes, ...trace }));
    const have = await inbox.next('have');
    const bytesSent = bundle.bytes - have.bytes;
    if (bytesSent > 0) await sendRest(transport, inbox, await bundle.encoded(), have.bytes, signal);
    const sentSec = clock.nowSec();
    options.sent?.(bytesSent);
    const { addresses, epoch } = await inbox.next('ready');
    return { addresses, epoch, bytesSent, transferSec: sentSec - startedSec, initialiseSec: clock.nowSec() - sentSec };
  } finally {
    inbox.end();
    transport.close();
  }
}

/**
 * Shows the ticket for a network that is shared while its weights go up; from then on the transport carries frames of incremental
 * offloading. Rejects as `transferBundle` does, and closes the transport then.
 */
export async function openShare(transport: Transport, options: TransferOptions): Promise<{ readonly epoch: number }> {
  const { ticket, traceparent } = options;
  const inbox = new Inbox(transport, options);
  try {
    transport.send(encodeTransfer({ kind: 'share', ticket, ...(traceparent === undefined ? {} : { traceparent }) }));
    const { epoch } = await inbox.next('serving');
    inbox.end();
    return { epoch };
  } catch (error) {
    inbox.end();
    transport.close();
    throw error;
  }
}

async function sendRest(
  transport: Transport,
  inbox: Inbox,
  encoded: Uint8Array,
  from: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = from; at < encoded.byteLength; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const room = transport.send(encodeTransfer({ kind: 'chunk', bytes: encoded.subarray(at, at + CHUNK_BYTES) }));
    if (!room && at + CHUNK_BYTES < encoded.byteLength) await inbox.drained();
  }
}

/** Waits for control frames and room in the buffer; every wait ends with an error when the connection does. */
class Inbox {
  readonly #transport: Transport;
  readonly #options: TransferOptions;
  readonly #arrived: TransferControl[] = [];
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #room = true;

  constructor(transport: Transport, options: TransferOptions) {
    this.#transport = transport;
    this.#options = options;
    transport.onFrame = (frame) => {
      try {
        const message = decodeTransfer(frame);
        if (message.kind === 'chunk') throw new OutriderError('OUT_EDGE_TRANSFER', 'the host sent a chunk');
        this.#arrived.push(message);
      } catch (error) {
        this.#failure ??= error as Error;
      }
      this.#wake?.();
    };
    transport.onDrain = () => {
      this.#room = true;
      this.#wake?.();
    };
    transport.onClose = (error) => {
      this.#failure ??= new OutriderError('OUT_EDGE_TRANSFER', `the connection to the host ended: ${error?.message ?? 'closed'}`, {
        cause: error,
      });
      this.#wake?.();
    };
  }

  async next<K extends TransferControl['kind']>(kind: K): Promise<Extract<TransferControl, { kind: K }>> {
    await this.#until(() => this.#arrived.length > 0);
    const message = this.#arrived.shift() as TransferControl;
    if (message.kind === kind) return message as Extract<TransferControl, { kind: K }>;
    if (message.kind === 'failed')
      throw new OutriderError('OUT_EDGE_TRANSFER', `${message.code}: ${message.reason}`, { details: { final: true } });
    throw new OutriderError('OUT_EDGE_TRANSFER', `the host said ${message.kind}, not ${kind}`);
  }

  async drained(): Promise<void> {
    this.#room = false;
    await this.#until(() => this.#room);
  }

  end(): void {
    this.#transport.onFrame = null;
    this.#transport.onDrain = null;
    this.#transport.onClose = null;
  }

  async #until(condition: () => boolean): Promise<void> {
    const { clock, idleSec, signal } = this.#options;
    const idle = clock.after(idleSec, () => {
      this.#failure ??= new OutriderError('OUT_EDGE_TRANSFER', `the host was silent for ${idleSec} s`);
      this.#wake?.();
    });
    const abort = (): void => {
      this.#failure ??= signal?.reason as Error;
      this.#wake?.();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      while (!condition()) {
        if (this.#failure !== null) throw this.#failure;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      idle.stop();
      signal?.removeEventListener('abort', abort);
    }
  }
}
