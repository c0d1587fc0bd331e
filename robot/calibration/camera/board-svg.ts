// A chessboard to be printed: SVG in millimetres, on A4 across.
import { OutriderError } from '../../../shared/errors.ts';
import type { ChessboardSize } from './find-chessboard.ts';

const PAGE_MM = { width: 297, height: 210 };
const MARGIN_MM = 12;

/** Squares as large as the page allows, in whole millimetres. Throws OUT_CALIBRATION for a board whose squares would be under 5 mm. */
export function boardSvg({ columns, rows }: ChessboardSize): string {
  const squareMm = Math.floor(Math.min((PAGE_MM.width - 2 * MARGIN_MM) / (columns + 1), (PAGE_MM.height - 2 * MARGIN_MM) / (rows + 1)));
  if (squareMm < 5) throw new OutriderError('OUT_CALIBRATION', `a board of ${columns} × ${rows} corners does not fit on A4`);
  const left = (PAGE_MM.width - squareMm * (columns + 1)) / 2;
  const top = (PAGE_MM.height - squareMm * (rows + 1)) / 2;
  const squares: string[] = [];
  for (let row = 0; row <= rows; row += 1) {
    for (let column = 0; column <= columns; column += 1) {
      if ((row + column) % 2 === 0)
        squares.push(`M${left + column * squareMm} ${top + row * squareMm}h${squareMm}v${squareMm}h-${squareMm}z`);
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PAGE_MM.width}mm" height="${PAGE_MM.height}mm" viewBox="0 0 ${PAGE_MM.width} ${PAGE_MM.height}">`,
    `<rect width="100%" height="100%" fill="#fff"/><path d="${squares.join('')}"/>`,
    `<text x="${left}" y="${PAGE_MM.height - 4}" font-family="sans-serif" font-size="4">${columns} × ${rows} inner corners, squares of ${squareMm} mm; print at 100 %</text>`,
    '</svg>\n',
  ].join('\n');
}
