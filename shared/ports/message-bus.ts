// The control plane as a port: publish/subscribe with MQTT semantics common to 3.1.1 and 5 (QoS 0 and 1, retained messages, last will).

export interface BusMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True when the broker delivered it as a stored (retained) message to a new subscription. */
  readonly retained: boolean;
}

export interface PublishOptions {
  readonly retain?: boolean;
  readonly qos?: 0 | 1;
}

/** Sent by the broker when this client's connection is lost without a clean close. */
export interface LastWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

export interface MessageBus {
  /** `[A-Za-z0-9_-]+` */
  readonly clientId: string;
  readonly connected: boolean;
  /** Resolves when the broker has it (QoS 1) or it is handed to the connection (QoS 0); while disconnected, QoS 1 waits and QoS 0 is dropped. */
  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void>;
  /** Subscribes to an MQTT filter (`+`, `#`); survives reconnects. An exception of `handler` is logged, never propagated. */
  subscribe(filter: string, handler: (message: BusMessage) => void): Promise<() => Promise<void>>;
  /** Calls `listener` on each change of `connected`; returns the way to stop. */
  onConnectionChange(listener: (connected: boolean) => void): () => void;
  /** Clean close: no last will. */
  close(): Promise<void>;
}
