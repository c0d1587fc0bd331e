// Every bound of the data plane, with the threat it answers, its unit and why it is this large. docs/wire.md repeats them.

/** One frame [bytes]. Threat: a length prefix makes the receiver allocate. 16 MiB holds two raw 1080p frames; more goes as state chunks. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** Ids (channel, instance, state) and names [bytes of UTF-8]. Threat: unbounded strings in tables and logs. Ids are 64 characters plus a counter. */
export const MAX_ID_BYTES = 160;

/** A token [bytes]. Threat: costly comparison or logging of junk. A signed token with claims is about 300. */
export const MAX_TOKEN_BYTES = 1024;

/** An error's message [bytes]; longer ones are cut when sent. Threat: a module that floods the caller's log. */
export const MAX_ERROR_BYTES = 4096;

/** Calls sent and not answered, per channel. Threat: an endless queue at the host. At 1 ms a call this is a second of work. */
export const WINDOW_CALLS = 1024;

/** Argument bytes sent and not answered, per channel. Threat: as above, in memory. Two of the largest frames. */
export const WINDOW_BYTES = 2 * MAX_FRAME_BYTES;

/** Results kept for a fixed end that does not acknowledge, per channel [count, bytes]. Threat: a peer that never acknowledges. Four windows. */
export const MAX_UNACKED_RESULTS = 4 * WINDOW_CALLS;
export const MAX_UNACKED_RESULT_BYTES = 4 * WINDOW_BYTES;

/** Fixed ends of one instance. Threat: a table that grows with every invented channel id. A fleet of rovers, with room. */
export const MAX_CHANNELS = 256;

/** Connections that have not said HELLO yet, per instance. Threat: idle sockets. */
export const MAX_UNGREETED = 64;

/** How long a connection may take to say HELLO, or to answer it [s]. Threat: idle sockets; a peer that hangs. */
export const HANDSHAKE_SEC = 5;

/** How long a fixed end that leaves waits for the shell to close the connection [s]. Threat: a peer that hangs. */
export const BYE_SEC = 1;

/** State beyond the module's memory maximum [bytes]: the encoding's own overhead. Threat: an announced size makes the receiver allocate. */
export const STATE_SLACK_BYTES = 1024 * 1024;

/** State travels in chunks of at most this many bytes, so that calls pass between them (0.2 ms at 10 Gbit/s). */
export const STATE_CHUNK_BYTES = 256 * 1024;

/** Unit of comparison between two versions of a state [bytes]: what one changed byte costs to send. */
export const STATE_PAGE_BYTES = 16 * 1024;

/** Versions of a state that one end keeps as bases of deltas. Threat: memory; each is as large as the state. */
export const MAX_HELD_STATES = 2;

/** Numbers of calls are 48 bits: at 100,000 calls/s they last 89 years. */
export const MAX_NUMBER = 2 ** 48 - 1;

/** One MQTT message of a fragmented frame [bytes]: below the 256 KiB that brokers commonly allow. */
export const MQTT_FRAGMENT_BYTES = 128 * 1024;

/** MQTT messages published and not confirmed, per direction, before `send` says stop. */
export const MQTT_WINDOW_MESSAGES = 32;

/** Bytes that wait in a transport's send buffer before `send` says stop. */
export const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

/** Default bounds of a fixed end's outbox: calls that wait or may have to be made again. Threat: an edge that never comes back. */
export const OUTBOX_MAX_CALLS = 8192;
export const OUTBOX_MAX_BYTES = 128 * 1024 * 1024;
