// Text for terminals: cut to a width in columns, laid out in tables; what strangers wrote cannot steer the terminal.

/** Two columns wide on terminals: Hangul, CJK, full-width forms, most emoji (Unicode TR 11, coarse). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** One line without control, format or private characters: an escape sequence in a name must not reach the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').replaceAll(/\p{M}/gu, '');
}

/** Columns that printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** At most `width` columns; an ellipsis stands for what is cut off. */
export function fitted(text: string, width: number): string {
  const clean = printable(text);
  if (columnsOf(clean) <= width) return clean;
  if (width <= 0) return '';
  let kept = '';
  let columns = 0;
  for (const character of clean) {
    columns += columnsOf(character);
    if (columns > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

const GAP = '  ';
/** No column but the last takes more than this, however long its ids are. */
const MAX_COLUMN = 28;

/** Rows in columns as wide as they need to be; the last one takes what is left of `width`. */
export function table(rows: readonly (readonly string[])[], width: number): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.min(MAX_COLUMN, Math.max(...rows.map((row) => columnsOf(printable(row[column] ?? ''))))),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === row.length - 1 ? printable(cell) : padded(fitted(cell, widths[column] ?? 0), widths[column] ?? 0),
    );
    return fitted(cells.join(GAP), width).trimEnd();
  });
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columnsOf(text)));
}
