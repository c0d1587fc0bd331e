// How data-plane connections come to be: TCP or TLS on real sites, in-process with a network model in headless runs, MQTT as the fallback.
import type { Transport } from './transport.ts';

export interface Listener {
  /** What `connect` takes: `tcp://10.0.0.7:40123`, `tls://…`, `in-process://host-1/7`. */
  readonly address: string;
  close(): Promise<void>;
}

export interface DataPlane {
  /** Accepts connections until closed; `name` is for logs and, where addresses are names, the address. */
  listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener>;
  /** Rejects with OUT_TRANSPORT_UNREACHABLE when nobody listens there or the signal fires first. */
  connect(address: string, options?: { readonly signal?: AbortSignal }): Promise<Transport>;
}
