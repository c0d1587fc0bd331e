// Maps as pictures: greyscale PGM (P5) and PNG, and a coloured PNG for people. Pictures have their first row at the top.
import { PNG } from 'pngjs';
import { OutriderError } from '../errors.ts';
import { type OccupancyMap, UNKNOWN } from './occupancy-map.ts';

/** A greyscale picture: width·height bytes, row-major from the top left. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Bound on a picture's pixels: what a header can make the reader allocate (a 400 m × 400 m site at 5 cm is 64 million). */
export const MAX_IMAGE_PIXELS = 100_000_000;

/** Reads a PGM (P5 or P2, maximum value up to 255) or a PNG, by its first bytes. Colours become luminance; transparent pixels mid-grey. Throws OUT_MAP_IMAGE. */
export function decodeGreyImage(bytes: Uint8Array, source: string): GreyImage {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return decodePng(bytes, source);
  if (bytes[0] === 0x50 && (bytes[1] === 0x35 || bytes[1] === 0x32)) return decodePgm(bytes, source);
  throw new OutriderError('OUT_MAP_IMAGE', `${source}: neither a PNG nor a PGM picture (it begins with ${hex(bytes)})`);
}

/** A binary PGM with a comment line, as map_saver writes it. */
export function encodePgm(image: GreyImage, comment = 'Outrider'): Uint8Array {
  const header = new TextEncoder().encode(`P5\n# ${comment.replaceAll('\n', ' ')}\n${image.width} ${image.height}\n255\n`);
  const bytes = new Uint8Array(header.length + image.pixels.length);
  bytes.set(header);
  bytes.set(image.pixels, header.length);
  return bytes;
}

/** A map for people: white free, dark walls, quiet grey unknown. */
export function renderMapPng(map: OccupancyMap): Uint8Array {
  const png = new PNG({ width: map.width, height: map.height, colorType: 2 });
  for (let row = 0; row < map.height; row += 1) {
    for (let column = 0; column < map.width; column += 1) {
      const cell = map.cells[(map.height - 1 - row) * map.width + column] as number;
      const [r, g, b] = cell === UNKNOWN ? UNKNOWN_COLOUR : mix(FREE_COLOUR, OCCUPIED_COLOUR, cell / 100);
      const at = 4 * (row * map.width + column);
      png.data[at] = r;
      png.data[at + 1] = g;
      png.data[at + 2] = b;
      png.data[at + 3] = 255;
    }
  }
  return PNG.sync.write(png, { colorType: 2 });
}

type Colour = readonly [number, number, number];

/** Dark enough to be read back as unknown by map_server’s default thresholds. */
const UNKNOWN_COLOUR: Colour = [188, 194, 200];
const FREE_COLOUR: Colour = [255, 255, 255];
const OCCUPIED_COLOUR: Colour = [22, 32, 42];

function mix(from: Colour, to: Colour, share: number): Colour {
  const at = (index: 0 | 1 | 2): number => Math.round(from[index] + (to[index] - from[index]) * share);
  return [at(0), at(1), at(2)];
}

function decodePng(bytes: Uint8Array, source: string): GreyImage {
  if (bytes.length >= 24) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    checkSize(view.getUint32(16), view.getUint32(20), source);
  }
  let png: PNG;
  try {
    png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw new OutriderError('OUT_MAP_IMAGE', `${source}: not a readable PNG: ${(cause as Error).message}`, { cause });
  }
  const pixels = new Uint8Array(png.width * png.height);
  for (let index = 0; index < pixels.length; index += 1) {
    const [r, g, b, a] = png.data.subarray(4 * index, 4 * index + 4) as unknown as [number, number, number, number];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    pixels[index] = Math.round((grey * a + 127 * (255 - a)) / 255);
  }
  return { width: png.width, height: png.height, pixels };
}

function decodePgm(bytes: Uint8Array, source: string): GreyImage {
  let position = 2;
  const token = (): number => {
    for (;;) {
      while (position < bytes.length && isSpace(bytes[position] as number)) position += 1;
      if (bytes[position] !== 0x23) break;
      while (position < bytes.length && bytes[position] !== 0x0a) position += 1;
    }
    let value = 0;
    const start = position;
    while (position < bytes.length && isDigit(bytes[position] as number) && position - start < 9) {
      value = 10 * value + (bytes[position] as number) - 0x30;
      position += 1;
    }
    if (position === start) throw new OutriderError('OUT_MAP_IMAGE', `${source}: a number is missing at byte ${position} of the PGM`);
    return value;
  };
  const width = token();
  const height = token();
  const most = token();
  checkSize(width, height, source);
  if (most < 1 || most > 255)
    throw new OutriderError('OUT_MAP_IMAGE', `${source}: the PGM's maximum value is ${most}, only 1 to 255 is read`);
  const pixels = new Uint8Array(width * height);
  if (bytes[1] === 0x32) for (let index = 0; index < pixels.length; index += 1) pixels[index] = token();
  else {
    position += 1;
    if (bytes.length - position < pixels.length) {
      throw new OutriderError(
        'OUT_MAP_IMAGE',
        `${source}: the PGM ends after ${Math.max(0, bytes.length - position)} of ${pixels.length} pixels`,
      );
    }
    pixels.set(bytes.subarray(position, position + pixels.length));
  }
  if (most !== 255)
    for (let index = 0; index < pixels.length; index += 1)
      pixels[index] = Math.min(255, Math.round(((pixels[index] as number) * 255) / most));
  return { width, height, pixels };
}

function checkSize(width: number, height: number, source: string): void {
  if (width < 1 || height < 1 || width * height > MAX_IMAGE_PIXELS) {
    throw new OutriderError('OUT_MAP_IMAGE', `${source}: ${width} × ${height} pixels; 1 to ${MAX_IMAGE_PIXELS} in all are read`);
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
