// Bounds of incremental offloading, each with the threat it answers. Frames have the data plane's own (shared/elastic/limits.ts).

/** Version of the frames; both ends must speak the same. */
export const INCREMENTAL_VERSION = 1;

/** Weights travel in pieces of this size [bytes]: a query waits behind few of them. At 10 Mbit/s one takes 13 ms. */
export const CHUNK_BYTES = 16 * 1024;

/** Stored tensors below this size stay in the graph's skeleton [bytes]: shapes and scales are not worth a blob of their own. */
export const SKELETON_WEIGHT_BYTES = 1024;

/** Threat: lists that are long before anything was checked. */
export const MAX_BLOBS = 16_384;
export const MAX_CUTS = 4096;
export const MAX_SPECS = 16_384;
export const MAX_RANGES = 256;
export const MAX_PLANS = 64;
export const MAX_TENSORS = 64;
export const MAX_RANK = 8;

/** Names of tensors [bytes of UTF-8]: exporters write whole module paths. */
export const MAX_NAME_BYTES = 512;

/** Queries that wait at the host, per connection. Threat: an endless queue. A rover asks one at a time. */
export const MAX_WAITING_QUERIES = 8;
