// Sparse symmetric positive definite systems of 3×3 blocks: direct elimination in order of least degree
// (the graph view of sparse Cholesky: Parter 1961, Rose 1972; minimum degree: Tinney & Walker 1967).

type Block = Float64Array;

/** H·x = b, built up block by block and then solved once. The lower triangle follows from symmetry. */
export class BlockSystem {
  readonly #count: number;
  readonly #diagonal: Block[];
  /** Off-diagonal blocks by row, then column; each stands at both (i, j) and (j, i), transposed. */
  readonly #rows: Map<number, Block>[];
  readonly #right: Float64Array;

  constructor(count: number) {
    this.#count = count;
    this.#diagonal = Array.from({ length: count }, () => new Float64Array(9));
    this.#rows = Array.from({ length: count }, () => new Map<number, Block>());
    this.#right = new Float64Array(3 * count);
  }

  /** Adds to the diagonal block of unknown `i`; `block` is row-major. */
  addDiagonal(i: number, block: ArrayLike<number>): void {
    const target = this.#diagonal[i] as Block;
    for (let k = 0; k < 9; k += 1) target[k] = (target[k] as number) + (block[k] as number);
  }

  /** Adds to the block (i, j), i ≠ j, and its mirror image. */
  addPair(i: number, j: number, block: ArrayLike<number>): void {
    const a = blockAt(this.#rows[i] as Map<number, Block>, j);
    const b = blockAt(this.#rows[j] as Map<number, Block>, i);
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) {
        const value = block[3 * r + c] as number;
        a[3 * r + c] = (a[3 * r + c] as number) + value;
        b[3 * c + r] = (b[3 * c + r] as number) + value;
      }
    }
  }

  addRight(i: number, b0: number, b1: number, b2: number): void {
    this.#right[3 * i] = (this.#right[3 * i] as number) + b0;
    this.#right[3 * i + 1] = (this.#right[3 * i + 1] as number) + b1;
    this.#right[3 * i + 2] = (this.#right[3 * i + 2] as number) + b2;
  }

  /** Solves and consumes the system; null when it is not positive definite. */
  solve(): Float64Array | null {
    const order: { readonly node: number; readonly pivot: Block; readonly row: readonly (readonly [number, Block])[] }[] = [];
    const queue = new DegreeQueue(this.#rows.map((row) => row.size));
    const scratch = new Float64Array(9);
    const b = this.#right;
    for (let step = 0; step < this.#count; step += 1) {
      const node = queue.take();
      const pivot = invert(this.#diagonal[node] as Block);
      if (pivot === null) return null;
      const row = [...(this.#rows[node] as Map<number, Block>)];
      order.push({ node, pivot, row });
      for (const [i, toI] of row) {
        // scratch = H_iv · pivot, where H_iv is the transpose of toI.
        for (let r = 0; r < 3; r += 1) {
          for (let c = 0; c < 3; c += 1) {
            scratch[3 * r + c] =
              (toI[r] as number) * (pivot[c] as number) +
              (toI[3 + r] as number) * (pivot[3 + c] as number) +
              (toI[6 + r] as number) * (pivot[6 + c] as number);
          }
        }
        subtractVector(b, i, scratch, node);
        const rowI = this.#rows[i] as Map<number, Block>;
        rowI.delete(node);
        for (const [j, toJ] of row) subtractProduct(j === i ? (this.#diagonal[i] as Block) : blockAt(rowI, j), scratch, toJ);
        queue.update(i, rowI.size);
      }
      (this.#rows[node] as Map<number, Block>).clear();
    }
    const x = new Float64Array(3 * this.#count);
    for (let step = order.length - 1; step >= 0; step -= 1) {
      const { node, pivot, row } = order[step] as (typeof order)[number];
      for (const [i, block] of row) subtractVector(b, node, block, i, x);
      for (let r = 0; r < 3; r += 1) {
        x[3 * node + r] =
          (pivot[3 * r] as number) * (b[3 * node] as number) +
          (pivot[3 * r + 1] as number) * (b[3 * node + 1] as number) +
          (pivot[3 * r + 2] as number) * (b[3 * node + 2] as number);
      }
    }
    return x.every(Number.isFinite) ? x : null;
  }
}

function blockAt(row: Map<number, Block>, column: number): Block {
  let block = row.get(column);
  if (block === undefined) {
    block = new Float64Array(9);
    row.set(column, block);
  }
  return block;
}

/** target −= a · b. */
function subtractProduct(target: Block, a: Block, b: Block): void {
  for (let r = 0; r < 9; r += 3) {
    const a0 = a[r] as number;
    const a1 = a[r + 1] as number;
    const a2 = a[r + 2] as number;
    for (let c = 0; c < 3; c += 1) {
      target[r + c] = (target[r + c] as number) - a0 * (b[c] as number) - a1 * (b[3 + c] as number) - a2 * (b[6 + c] as number);
    }
  }
}

/** target_i −= a · source_j. */
function subtractVector(target: Float64Array, i: number, a: Block, j: number, source: Float64Array = target): void {
  for (let r = 0; r < 3; r += 1) {
    target[3 * i + r] =
      (target[3 * i + r] as number) -
      (a[3 * r] as number) * (source[3 * j] as number) -
      (a[3 * r + 1] as number) * (source[3 * j + 1] as number) -
      (a[3 * r + 2] as number) * (source[3 * j + 2] as number);
  }
}

function invert(m: Block): Block | null {
  const [a, b, c, , e, f, , , i] = m as unknown as [number, number, number, number, number, number, number, number, number];
  const c0 = e * i - f * f;
  const c1 = c * f - b * i;
  const c2 = b * f - c * e;
  const determinant = a * c0 + b * c1 + c * c2;
  if (!(a > 0 && a * e - b * b > 0 && determinant > 0)) return null;
  const s = 1 / determinant;
  const m5 = (b * c - a * f) * s;
  return Float64Array.of(c0 * s, c1 * s, c2 * s, c1 * s, (a * i - c * c) * s, m5, c2 * s, m5, (a * e - b * b) * s);
}

/** Nodes by degree; among equals the lowest number comes first, so that the order is one and the same on every run. */
class DegreeQueue {
  readonly #degree: number[];
  readonly #heap: { readonly degree: number; readonly node: number }[] = [];
  readonly #taken: Uint8Array;

  constructor(degrees: readonly number[]) {
    this.#degree = [...degrees];
    this.#taken = new Uint8Array(degrees.length);
    for (const [node, degree] of degrees.entries()) this.#push(degree, node);
  }

  update(node: number, degree: number): void {
    if (this.#degree[node] === degree) return;
    this.#degree[node] = degree;
    this.#push(degree, node);
  }

  /** Takes the node of least degree out; entries that an update has made stale are passed over. */
  take(): number {
    for (;;) {
      const { degree, node } = this.#pop();
      if (this.#taken[node] === 1 || this.#degree[node] !== degree) continue;
      this.#taken[node] = 1;
      return node;
    }
  }

  #push(degree: number, node: number): void {
    const heap = this.#heap;
    const entry = { degree, node };
    let i = heap.length;
    heap.push(entry);
    for (; i > 0; i = (i - 1) >> 1) {
      const parent = heap[(i - 1) >> 1] as (typeof heap)[number];
      if (!(degree < parent.degree || (degree === parent.degree && node < parent.node))) break;
      heap[i] = parent;
    }
    heap[i] = entry;
  }

  #pop(): { readonly degree: number; readonly node: number } {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) throw new RangeError('all nodes have been taken');
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const before = (a: number, b: number): boolean => {
        const [p, q] = [heap[a] as typeof last, heap[b] as typeof last];
        return p.degree < q.degree || (p.degree === q.degree && p.node < q.node);
      };
      if (child + 1 < heap.length && before(child + 1, child)) child += 1;
      const next = heap[child] as typeof last;
      if (!(next.degree < last.degree || (next.degree === last.degree && next.node < last.node))) break;
      heap[i] = next;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
