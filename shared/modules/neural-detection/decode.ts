// From a network's outputs to candidates, for each of the usual layouts (shared/inference/detector-config.ts).
import type { DetectorProfile, NamedTensor } from '../host/nn.ts';
import { f64, i32, unchecked } from '../portable.ts';
import type { Candidate } from './candidates.ts';

/** Throws for outputs whose shape is not that of the layout. */
export function decodeOutputs(outputs: NamedTensor[], profile: DetectorProfile): Candidate[] {
  const found: Candidate[] = [];
  if (outputs.length === 0) throw new RangeError('the network gave no output');
  for (const item of outputs) {
    let count: i32 = 1;
    for (let axis: i32 = 0; axis < item.dimensions.length; axis += 1) count *= unchecked(item.dimensions[axis]);
    if (count !== item.data.length) throw new RangeError(`output ${item.name} has ${item.data.length} values, not ${count}`);
  }
  const output = unchecked(outputs[0]);
  if (profile.layout === 'yolov8') decodeColumns(output, profile, found);
  else if (profile.layout === 'end-to-end') decodeFinal(output, profile, found);
  else if (profile.layout === 'yolov4-darknet') {
    if (outputs.length < 2) throw new RangeError('the network gave boxes without scores');
    decodeFractions(output, unchecked(outputs[1]), profile, found);
  } else decodeRows(output, profile, found);
  return found;
}

/** The size of an axis, counted from the last one; 1 where there is none. */
function sizeFromEnd(tensor: NamedTensor, axis: i32): i32 {
  const at: i32 = tensor.dimensions.length - 1 - axis;
  return at < 0 ? 1 : unchecked(tensor.dimensions[at]);
}

function expectRow(tensor: NamedTensor, wanted: i32, arrived: i32): void {
  if (arrived !== wanted) throw new RangeError(`output ${tensor.name} has ${arrived} values per candidate, not ${wanted}`);
}

/** [N, 4 + C, A]: all values of a kind lie together. */
function decodeColumns(output: NamedTensor, profile: DetectorProfile, found: Candidate[]): void {
  const classes: i32 = profile.classes.length;
  const count = sizeFromEnd(output, 0);
  expectRow(output, 4 + classes, sizeFromEnd(output, 1));
  const data = output.data;
  for (let at: i32 = 0; at < count; at += 1) {
    let best: i32 = 0;
    let score: f64 = f64(unchecked(data[4 * count + at]));
    for (let index: i32 = 1; index < classes; index += 1) {
      const other = f64(unchecked(data[(4 + index) * count + at]));
      if (other > score) {
        score = other;
        best = index;
      }
    }
    if (!(score >= unchecked(profile.leastScores[best]))) continue;
    const x = f64(unchecked(data[at]));
    const y = f64(unchecked(data[count + at]));
    const width = f64(unchecked(data[2 * count + at]));
    const height = f64(unchecked(data[3 * count + at]));
    addBox(found, best, score, x - width / 2, y - height / 2, x + width / 2, y + height / 2, at);
  }
}

/** [N, A, 5 + C]: cx, cy, w, h, objectness, classes; of yolox in cells. */
function decodeRows(output: NamedTensor, profile: DetectorProfile, found: Candidate[]): void {
  const classes: i32 = profile.classes.length;
  const row: i32 = 5 + classes;
  expectRow(output, row, sizeFromEnd(output, 0));
  const inCells = profile.layout === 'yolox';
  const data = output.data;
  const count = sizeFromEnd(output, 1);
  // The cell of a candidate: levels one after another, each row by row.
  let stride: i32 = 8;
  let columns: i32 = i32(profile.inputWidth / 8);
  let rows: i32 = i32(profile.inputHeight / 8);
  let column: i32 = 0;
  let line: i32 = 0;
  for (let at: i32 = 0; at < count; at += 1) {
    const from: i32 = at * row;
    const objectness = f64(unchecked(data[from + 4]));
    let best: i32 = 0;
    let share: f64 = f64(unchecked(data[from + 5]));
    for (let index: i32 = 1; index < classes; index += 1) {
      const other = f64(unchecked(data[from + 5 + index]));
      if (other > share) {
        share = other;
        best = index;
      }
    }
    const score = objectness * share;
    if (score >= unchecked(profile.leastScores[best])) {
      let x = f64(unchecked(data[from]));
      let y = f64(unchecked(data[from + 1]));
      let width = f64(unchecked(data[from + 2]));
      let height = f64(unchecked(data[from + 3]));
      if (inCells) {
        x = (x + column) * stride;
        y = (y + line) * stride;
        width = Math.exp(width) * stride;
        height = Math.exp(height) * stride;
      }
      addBox(found, best, score, x - width / 2, y - height / 2, x + width / 2, y + height / 2, at);
    }
    if (!inCells) continue;
    column += 1;
    if (column < columns) continue;
    column = 0;
    line += 1;
    if (line < rows) continue;
    line = 0;
    stride *= 2;
    columns = i32(profile.inputWidth / stride);
    rows = i32(profile.inputHeight / stride);
  }
}

/** [N, K, 6]: x1, y1, x2, y2, score, class; suppressed already. */
function decodeFinal(output: NamedTensor, profile: DetectorProfile, found: Candidate[]): void {
  expectRow(output, 6, sizeFromEnd(output, 0));
  const data = output.data;
  const count = sizeFromEnd(output, 1);
  for (let at: i32 = 0; at < count; at += 1) {
    const from: i32 = at * 6;
    const label = f64(unchecked(data[from + 5]));
    if (!(label >= 0 && label < profile.classes.length)) continue;
    const index: i32 = i32(label);
    const score = f64(unchecked(data[from + 4]));
    if (!(score >= unchecked(profile.leastScores[index]))) continue;
    addBox(
      found,
      index,
      score,
      f64(unchecked(data[from])),
      f64(unchecked(data[from + 1])),
      f64(unchecked(data[from + 2])),
      f64(unchecked(data[from + 3])),
      at,
    );
  }
}

/** [N, A, 1, 4] edges as fractions of the input, and [N, A, C] scores. */
function decodeFractions(boxes: NamedTensor, scores: NamedTensor, profile: DetectorProfile, found: Candidate[]): void {
  const classes: i32 = profile.classes.length;
  expectRow(boxes, 4, sizeFromEnd(boxes, 0));
  expectRow(scores, classes, sizeFromEnd(scores, 0));
  const count = sizeFromEnd(scores, 1);
  if (boxes.data.length < count * 4) throw new RangeError(`output ${boxes.name} has fewer boxes than there are scores`);
  for (let at: i32 = 0; at < count; at += 1) {
    let best: i32 = 0;
    let score: f64 = f64(unchecked(scores.data[at * classes]));
    for (let index: i32 = 1; index < classes; index += 1) {
      const other = f64(unchecked(scores.data[at * classes + index]));
      if (other > score) {
        score = other;
        best = index;
      }
    }
    if (!(score >= unchecked(profile.leastScores[best]))) continue;
    const left = f64(unchecked(boxes.data[at * 4])) * profile.inputWidth;
    const top = f64(unchecked(boxes.data[at * 4 + 1])) * profile.inputHeight;
    const right = f64(unchecked(boxes.data[at * 4 + 2])) * profile.inputWidth;
    const bottom = f64(unchecked(boxes.data[at * 4 + 3])) * profile.inputHeight;
    addBox(found, best, score, left, top, right, bottom, at);
  }
}

/** Boxes without extent, and such that are no numbers, are none. */
function addBox(found: Candidate[], classIndex: i32, score: f64, left: f64, top: f64, right: f64, bottom: f64, order: i32): void {
  const sound = right > left && bottom > top && right - left < 1e6 && bottom - top < 1e6 && Math.abs(left) < 1e6 && Math.abs(top) < 1e6;
  if (!sound || !(score <= 1.0001)) return;
  const candidate: Candidate = { classIndex: classIndex, score: score, left: left, top: top, right: right, bottom: bottom, order: order };
  found.push(candidate);
}
