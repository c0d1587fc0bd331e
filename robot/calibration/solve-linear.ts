// A small dense system of equations by Gaussian elimination with partial pivoting (Golub and Van Loan, Matrix Computations, 3.4).

/** Solves `matrix · x = right`; null when the matrix is singular to working precision. The arguments stay as they are. */
export function solveLinear(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  const size = right.length;
  const rows = matrix.map((row, i) => [...row, right[i] as number]);
  const scale = Math.max(...matrix.flat().map(Math.abs));
  if (!(scale > 0) || !Number.isFinite(scale)) return null;
  for (let column = 0; column < size; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < size; row += 1) if (Math.abs(at(rows, row, column)) > Math.abs(at(rows, pivot, column))) pivot = row;
    if (Math.abs(at(rows, pivot, column)) < scale * 1e-14) return null;
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    for (let row = column + 1; row < size; row += 1) {
      const factor = at(rows, row, column) / at(rows, column, column);
      for (let k = column; k <= size; k += 1) (rows[row] as number[])[k] = at(rows, row, k) - factor * at(rows, column, k);
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row -= 1) {
    let rest = at(rows, row, size);
    for (let k = row + 1; k < size; k += 1) rest -= at(rows, row, k) * (x[k] as number);
    x[row] = rest / at(rows, row, row);
  }
  return x;
}

function at(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] as number;
}
