// A rover's network at a host as one of the host's instances: there while its connection lasts (docs/incremental-offloading.md).
import { OutriderError } from '../../../shared/errors.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { NO_STATS, type SandboxedInstance } from '../sandbox/sandbox.ts';
import { serveNetwork, type ServeOptions } from './serve-network.ts';

/** Serves the rover at the other end until either side closes; `onClosed` is called once. */
export function networkInstance(transport: Transport, options: Omit<ServeOptions, 'onAnswered'>): SandboxedInstance {
  const stats = { ...NO_STATS, channels: 1, connected: 1 };
  const refuse = (what: string): OutriderError =>
    new OutriderError('OUT_EDGE_UNKNOWN', `a shared network ${what}: only the rover that uploads it uses it`);
  serveNetwork(transport, {
    ...options,
    onAnswered: (failed) => {
      stats.calls += 1;
      if (failed) stats.errors += 1;
    },
    onClosed: () => {
      stats.connected = 0;
      options.onClosed?.();
    },
  });
  return {
    addresses: [],
    stats,
    freeze: () => Promise.reject(refuse('has no checkpoint')),
    invoke: () => Promise.reject(refuse('takes no calls')),
    revoke: () => undefined,
    accept: (other) => other.close(refuse('has one connection')),
    close: async () => transport.close(),
  };
}
