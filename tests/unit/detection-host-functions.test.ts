import { describe, expect, it } from 'vitest';
import { decodeTileCells } from '../../shared/mapping/tile-codec.ts';
import { createMapViewHost } from '../../shared/modules/host-impl/map-view.ts';
import { loadVisionHost } from '../../shared/modules/host-impl/vision-opencv.ts';
import { mapMetadata, mapObject, mapTile } from '../../shared/protocol/map-view.ts';
import { decodeMessage } from '../../shared/protocol/message.ts';

/** A label image from text: digits are labels, everything else 0. */
function image(...rows: string[]): readonly [Uint8Array, number, number] {
  return [Uint8Array.from(rows.join(''), (letter) => Number(letter) || 0), rows[0]?.length ?? 0, rows.length];
}

describe('vision.findBlobs', () => {
  it('finds each region of each label with its box, area and centroid', async () => {
    const { findBlobs } = await loadVisionHost();
    const blobs = findBlobs(...image('11....2', '11....2', '......2', '..1....'), 3, 1, 0);
    expect(blobs).toEqual([
      { label: 1, x: 0, y: 0, width: 2, height: 2, areaPx: 4, centroidX: 0.5, centroidY: 0.5 },
      { label: 1, x: 2, y: 3, width: 1, height: 1, areaPx: 1, centroidX: 2, centroidY: 3 },
      { label: 2, x: 6, y: 0, width: 1, height: 3, areaPx: 3, centroidX: 6, centroidY: 1 },
    ]);
  });

  it('joins corners, closes gaps when asked to, and leaves out what is small', async () => {
    const { findBlobs } = await loadVisionHost();
    const gap = image('.........', '..11.11..', '..11.11..', '.........', '.........', '....1....');
    expect(findBlobs(...gap, 1, 2, 0).map(({ areaPx }) => areaPx)).toEqual([4, 4]);
    expect(findBlobs(...gap, 1, 2, 1).map(({ width }) => width)).toEqual([5]);
    expect(findBlobs(...image('1..', '.1.', '..1'), 1, 1, 0)).toHaveLength(1);
  });

  it('ignores labels that were not asked for, and finds nothing in nothing', async () => {
    const { findBlobs } = await loadVisionHost();
    expect(findBlobs(...image('3333', '3333'), 2, 1, 1)).toEqual([]);
  });

  it.each([
    [3, 4, 11],
    [0, 0, 0],
    [1.5, 2, 3],
    [65_536, 65_536, 16],
  ])('refuses %d × %d pixels with %d labels', async (width, height, length) => {
    const { findBlobs } = await loadVisionHost();
    expect(() => findBlobs(new Uint8Array(length), width, height, 1, 1, 0)).toThrow(
      expect.objectContaining({ code: 'OUT_MODULE_VALUE' }) as Error,
    );
  });

  it('leaves no handlers on the process', async () => {
    const before = process.listenerCount('unhandledRejection');
    await loadVisionHost();
    expect(process.listeners('unhandledRejection').some((listener) => /abort/.test(listener.toString()))).toBe(false);
    expect(process.listenerCount('unhandledRejection')).toBe(before);
  });
});

describe('map-view', () => {
  const sent: { topic: string; payload: Uint8Array; retain: boolean }[] = [];
  const host = createMapViewHost({
    site: 's',
    mission: 'm',
    publish: (topic, payload, { retain }) => void sent.push({ topic, payload, retain }),
  });

  it('publishes tiles, objects and metadata as the retained messages that subscribers check', () => {
    const cells = Int8Array.from({ length: 4096 }, (_, at) => (at % 102) - 1);
    host.publishTile({ tileX: -3, tileY: 4, revision: 17, stampSec: 2.5, cells });
    host.publishObject({
      object: 'object-1',
      className: 'fire',
      status: 'confirmed',
      x: 1,
      y: 2,
      covXX: 0.1,
      covXY: 0.01,
      covYY: 0.2,
      sightings: 5,
      rovers: ['a'],
      score: 0.97,
      firstSeenSec: 1,
      lastSeenSec: 2,
    });
    host.publishMetadata({
      resolutionM: 0.05,
      tileSize: 64,
      tileMinX: -3,
      tileMinY: 4,
      tileMaxX: -3,
      tileMaxY: 4,
      rovers: ['a'],
      revision: 18,
      stampSec: 3,
    });
    const [tile, object, metadata] = sent;
    expect(sent.map(({ topic, retain }) => [topic, retain])).toEqual([
      ['outrider/s/mission/m/map/tile/m3_4', true],
      ['outrider/s/mission/m/object/object-1', true],
      ['outrider/s/mission/m/map/metadata', true],
    ]);
    const decoded = decodeMessage(mapTile, tile?.payload ?? new Uint8Array());
    expect(decoded).toMatchObject({ x: -3, y: 4, revision: 17 });
    expect(decodeTileCells(decoded.cells, 64)).toEqual(cells);
    expect(decodeMessage(mapObject, object?.payload ?? new Uint8Array())).toMatchObject({ class: 'fire', covariance: [0.1, 0.01, 0.2] });
    expect(decodeMessage(mapMetadata, metadata?.payload ?? new Uint8Array()).rovers).toEqual(['a']);
  });
});
