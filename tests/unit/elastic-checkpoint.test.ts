// A checkpoint's bytes: back as they were, or refused by code.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint } from '../../shared/elastic/checkpoint.ts';
import { echoManifest, ledgerManifest } from '../support/elastic-ledger.ts';

const MANIFEST = ledgerManifest('per-rover');

describe('a checkpoint', () => {
  const checkpoint = {
    epoch: 3,
    state: { form: 'snapshot', bytes: Uint8Array.of(1, 2, 3) },
    channels: [
      {
        channelId: 'r1',
        processed: 9,
        acked: 7,
        results: [
          { number: 8, frame: Uint8Array.of(4) },
          { number: 9, frame: Uint8Array.of(5, 6) },
        ],
      },
    ],
  } as const;

  it('comes back as it was', () => {
    const decoded = decodeCheckpoint(MANIFEST, encodeCheckpoint(MANIFEST, checkpoint));
    expect(decoded.channels).toEqual(checkpoint.channels);
    expect([...decoded.state.bytes]).toEqual([1, 2, 3]);
    expect(decoded.epoch).toBe(3);
  });

  it('is refused when cut, changed in its head, or of another module', () => {
    const bytes = encodeCheckpoint(MANIFEST, checkpoint);
    const refused = expect.objectContaining({ code: 'OUT_ELASTIC_CHECKPOINT' });
    for (let end = 0; end < bytes.byteLength; end += 1)
      expect(() => decodeCheckpoint(MANIFEST, bytes.subarray(0, end))).toThrowError(refused);
    expect(() => decodeCheckpoint(echoManifest(), bytes)).toThrowError(refused);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        expect(() => decodeCheckpoint(MANIFEST, junk)).toThrowError(refused);
      }),
    );
  });
});
