import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOutriderError } from '../../shared/errors.ts';
import { decodeGreyImage, encodePgm, MAX_IMAGE_PIXELS, renderMapPng } from '../../shared/mapping/map-image.ts';
import { defaultMapServerInfo, encodeMapServerMap, parseMapServerYaml, toOccupancyMap } from '../../shared/mapping/map-server-yaml.ts';
import { FREE, OCCUPIED, type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';

const trinaryMap = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
  .chain(([width, height]) =>
    fc
      .array(fc.constantFrom(UNKNOWN, FREE, OCCUPIED), { minLength: width * height, maxLength: width * height })
      .map((cells): OccupancyMap => ({ width, height, resolutionM: 0.05, originX: -1.5, originY: 2.25, cells: Int8Array.from(cells) })),
  );

function reread(map: OccupancyMap, mode: 'trinary' | 'scale' | 'raw'): OccupancyMap {
  const { yaml, pgm } = encodeMapServerMap(map, { image: 'map.pgm', mode });
  return toOccupancyMap(decodeGreyImage(pgm, 'map.pgm'), parseMapServerYaml(yaml, 'map.yaml'));
}

function codeOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return isOutriderError(error) ? error.code : String(error);
  }
}

describe('map_server files', () => {
  it('bring back every trinary map, unknown cells included', () => {
    fc.assert(
      fc.property(trinaryMap, (map) => {
        expect(reread(map, 'trinary')).toEqual(map);
      }),
    );
  });

  it('bring back every cell value in raw mode', () => {
    const cells = Int8Array.from({ length: 102 }, (_, index) => index - 1);
    const map = { width: 102, height: 1, resolutionM: 0.1, originX: 0, originY: 0, cells };
    expect(reread(map, 'raw')).toEqual(map);
  });

  it('keep probabilities to a percent in scale mode', () => {
    const cells = Int8Array.from({ length: 101 }, (_, index) => index);
    const map = { width: 101, height: 1, resolutionM: 0.1, originX: 0, originY: 0, cells };
    for (const [index, cell] of reread(map, 'scale').cells.entries()) expect(Math.abs(cell - index)).toBeLessThanOrEqual(1);
  });

  it('turn the picture over: its last row is the map’s lowest', () => {
    const image = { width: 1, height: 2, pixels: Uint8Array.of(0, 254) };
    expect([...toOccupancyMap(image, defaultMapServerInfo('x', 0.05)).cells]).toEqual([FREE, OCCUPIED]);
  });

  it('read dark as free where the YAML says negate', () => {
    const info = { ...defaultMapServerInfo('x', 0.05), negate: true };
    expect([...toOccupancyMap({ width: 2, height: 1, pixels: Uint8Array.of(0, 255) }, info).cells]).toEqual([FREE, OCCUPIED]);
  });

  it.each([
    'image: m.pgm\norigin: [0, 0, 0]',
    'image: m.pgm\nresolution: -1\norigin: [0, 0, 0]',
    'image: m.pgm\nresolution: 0.05\norigin: [0, 0, 0]\nfree_thresh: 0.9',
  ])('refuse a YAML that cannot be meant (%#)', (text) =>
    expect(codeOf(() => parseMapServerYaml(text, 'map.yaml'))).toBe('OUT_CONFIG_INVALID'),
  );
});

describe('map pictures', () => {
  it('are the same from PNG and PGM', () => {
    const map: OccupancyMap = { width: 3, height: 1, resolutionM: 1, originX: 0, originY: 0, cells: Int8Array.of(FREE, OCCUPIED, UNKNOWN) };
    const png = toOccupancyMap(decodeGreyImage(renderMapPng(map), 'map.png'), defaultMapServerInfo('map.png', 1));
    expect(png.cells).toEqual(map.cells);
    expect(reread(map, 'trinary').cells).toEqual(map.cells);
  });

  it('read a PGM written as text, with comments', () => {
    const image = decodeGreyImage(new TextEncoder().encode('P2\n# made by hand\n2 1\n# the most\n15\n0 15\n'), 'hand.pgm');
    expect([...image.pixels]).toEqual([0, 255]);
  });

  it('are refused, coded, when cut anywhere or garbled', () => {
    const whole = encodePgm({ width: 4, height: 4, pixels: new Uint8Array(16) });
    for (let length = 0; length < whole.length; length += 1)
      expect(codeOf(() => decodeGreyImage(whole.subarray(0, length), 'cut.pgm'))).toBe('OUT_MAP_IMAGE');
    expect(
      codeOf(() =>
        decodeGreyImage(
          renderMapPng({ width: 9, height: 9, resolutionM: 1, originX: 0, originY: 0, cells: new Int8Array(81) }).subarray(0, 60),
          'cut.png',
        ),
      ),
    ).toBe('OUT_MAP_IMAGE');
    expect(codeOf(() => decodeGreyImage(new TextEncoder().encode('GIF89a'), 'x.gif'))).toBe('OUT_MAP_IMAGE');
  });

  it('are refused above the pixel limit before anything is allocated, and read at it', () => {
    const header = (width: number, height: number): Uint8Array => new TextEncoder().encode(`P5\n${width} ${height}\n255\n`);
    expect(codeOf(() => decodeGreyImage(header(MAX_IMAGE_PIXELS + 1, 1), 'big.pgm'))).toBe('OUT_MAP_IMAGE');
    expect(() => decodeGreyImage(header(MAX_IMAGE_PIXELS, 1), 'big.pgm')).toThrow(/ends after 0 of/);
  });
});
