// Revisions of the common view over restarts of the Map Server: a restarted instance goes on from a checkpoint, so its own count
// falls back. With the epoch in front, what a newer incarnation publishes always replaces what an older one did.

const EPOCH_FACTOR = 2 ** 32;
const MAX_EPOCH = 2 ** 20;

/** The revision to publish for the module's own `revision` under an epoch. */
export function stampRevision(epoch: number, revision: number): number {
  return Math.min(epoch, MAX_EPOCH) * EPOCH_FACTOR + (revision % EPOCH_FACTOR);
}
