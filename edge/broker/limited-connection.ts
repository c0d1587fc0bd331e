// A client's connection as the broker sees it: the same bytes, cut off at the first packet that breaks a limit.
import { Duplex } from 'node:stream';
import { PacketLimiter } from './packet-limiter.ts';

/** Wraps `inner`; destroys both sides with an error when a packet is too long. */
export function limitPackets(inner: Duplex, maxBytes: number): Duplex {
  const limiter = new PacketLimiter(maxBytes);
  let waitingForDrain: (() => void) | null = null;
  const outer = new Duplex({
    read: () => void inner.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (inner.write(chunk)) done();
      else waitingForDrain = done;
    },
    // A packet is several small pieces, and a busy client has many packets waiting: all of them in one system call.
    writev: (pieces: { readonly chunk: Buffer }[], done) => {
      inner.cork();
      for (const { chunk } of pieces) inner.write(chunk);
      inner.uncork();
      // What `write` says counts what was corked: here it has left already, or the other side is slow.
      if (inner.writableLength < inner.writableHighWaterMark) done();
      else waitingForDrain = done;
    },
    final: (done) => void inner.end(done),
    destroy: (error, done) => {
      inner.destroy();
      done(error);
    },
  });
  inner.on('drain', () => {
    const done = waitingForDrain;
    waitingForDrain = null;
    done?.();
  });
  inner.on('data', (chunk: Buffer) => {
    const problem = limiter.inspect(chunk);
    if (problem !== null) outer.destroy(new Error(problem));
    else if (!outer.push(chunk)) inner.pause();
  });
  inner.on('end', () => outer.push(null));
  inner.on('error', (error) => outer.destroy(error));
  inner.on('close', () => outer.destroy());
  return outer;
}
