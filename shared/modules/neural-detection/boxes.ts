// From a network's outputs to what is in the frame, best first.
import type { DetectorProfile, NamedTensor } from '../host/nn.ts';
import { type f64, type i32, unchecked } from '../portable.ts';
import { type Candidate, suppress } from './candidates.ts';
import { decodeOutputs } from './decode.ts';
import type { Placement } from './letterbox.ts';
import type { NeuralDetection } from './records.ts';

/** Throws for outputs whose shape is not that of the layout. */
export function toDetections(
  outputs: NamedTensor[],
  network: DetectorProfile,
  placement: Placement,
  frameWidth: i32,
  frameHeight: i32,
): NeuralDetection[] {
  const candidates = decodeOutputs(outputs, network);
  const kept =
    network.layout === 'end-to-end'
      ? suppress(candidates, 1, network.maxDetections)
      : suppress(candidates, network.maxOverlap, network.maxDetections);
  const detections: NeuralDetection[] = [];
  for (const candidate of kept) {
    const detection = inPicture(candidate, placement, frameWidth, frameHeight, network);
    if (detection !== null) detections.push(detection);
  }
  return detections;
}

/** The box in the frame, cut off at its edges; null when nothing of it is inside. */
function inPicture(
  candidate: Candidate,
  placement: Placement,
  frameWidth: i32,
  frameHeight: i32,
  network: DetectorProfile,
): NeuralDetection | null {
  const left: f64 = Math.max(0, (candidate.left - placement.left) / placement.scale);
  const top: f64 = Math.max(0, (candidate.top - placement.top) / placement.scale);
  const right: f64 = Math.min(frameWidth, (candidate.right - placement.left) / placement.scale);
  const bottom: f64 = Math.min(frameHeight, (candidate.bottom - placement.top) / placement.scale);
  if (!(right > left) || !(bottom > top)) return null;
  const className = unchecked(network.classes[candidate.classIndex]);
  const detection: NeuralDetection = {
    className: className,
    score: Math.min(1, candidate.score),
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
  };
  return detection;
}
