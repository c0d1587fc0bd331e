// Cells of a map tile from base64 of raw deflate, with the browser's own inflater; never more than the tile holds.

/** Inflates exactly `cellCount` int8 cells. Rejects when the text is not such a tile; output beyond the tile is refused unread. */
export async function inflateCells(text: string, cellCount: number): Promise<Int8Array> {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const cells = new Int8Array(cellCount);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.byteLength > cellCount) {
      await reader.cancel();
      throw new RangeError(`map tile: inflates to more than ${cellCount} cells`);
    }
    cells.set(value, filled);
    filled += value.byteLength;
  }
  if (filled !== cellCount) throw new RangeError(`map tile: ${filled} cells instead of ${cellCount}`);
  return cells;
}
