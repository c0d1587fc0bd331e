// Object Detection, classical: colour, connected regions, metric shape. One instance per rover; it learns the light as it goes.
import { type f64, i32, unchecked } from '../portable.ts';
import { findBlobs } from '../host/vision.ts';
import { LABEL_COUNT, LABEL_FLAME, LABEL_RED, labelPixels, learnWhiteBalance, type WhiteBalance } from './colour-labels.ts';
import { judgeRegion, suppressOverlaps } from './judge-shape.ts';
import type { Detection, Frame } from './records.ts';
import { join, type Region, regionsOf, touch } from './regions.ts';

const MIN_AREA_PX: i32 = 10;
const CLOSE_PX: i32 = 1;
/** 8 megapixels. */
const MAX_PIXELS: i32 = 8388608;

/** Work space, kept between frames; it is no state. */
let labels = new Uint8Array(0);
let tones = new Uint8Array(0);

export class ObjectDetector {
  /** Frames searched so far. */
  frames: i32 = 0;
  readonly balance: WhiteBalance = { red: 1, green: 1, blue: 1 };

  /**
   * Finds survivors, gas cylinders, chemical drums and fires in a frame, best first. Throws for a frame whose size and data do not match.
   * @offloadable
   */
  detect(frame: Frame): Detection[] {
    if (frame.width <= 0 || frame.height <= 0 || frame.width > MAX_PIXELS / frame.height)
      throw new RangeError('the frame has an impossible size');
    const count: i32 = frame.width * frame.height;
    if (frame.pixels.length !== count * 3)
      throw new RangeError(`a frame of ${frame.width} × ${frame.height} pixels came with ${frame.pixels.length} bytes`);
    if (!(frame.focalPx > 0) || !(frame.cameraHeightM > 0) || !Number.isFinite(frame.horizonRow))
      throw new RangeError('the camera geometry is impossible');
    if (labels.length !== count) {
      labels = new Uint8Array(count);
      tones = new Uint8Array(count);
    }
    learnWhiteBalance(this.balance, frame.pixels, count);
    labelPixels(frame.pixels, count, this.balance, labels, tones);
    this.frames += 1;
    const regions = regionsOf(findBlobs(labels, frame.width, frame.height, LABEL_COUNT, MIN_AREA_PX, CLOSE_PX));
    giveTipsToFlames(regions);
    const found: Detection[] = [];
    for (const region of regions) {
      if (region.merged) continue;
      const share = region.label === LABEL_FLAME ? orangeShare(region, frame.width) : 0;
      const detection = judgeRegion(region, frame, share);
      if (detection !== null) found.push(detection);
    }
    return suppressOverlaps(found);
  }
}

/** The tips of flames are as red as a gas cylinder: red that touches a flame belongs to it. */
function giveTipsToFlames(regions: Region[]): void {
  for (const flame of regions) {
    if (flame.label !== LABEL_FLAME || flame.merged) continue;
    for (const tip of regions) {
      if (tip.label !== LABEL_RED || tip.merged || !touch(flame, tip, 2)) continue;
      // A cylinder behind a fire reaches far above it, or stands beside it.
      const middle = (tip.left + tip.right) / 2;
      if (middle < flame.left || middle > flame.right || tip.areaPx > 0.6 * flame.areaPx) continue;
      join(flame, tip);
    }
  }
}

/** The share of a flame region's pixels that are orange. */
function orangeShare(region: Region, width: i32): f64 {
  let flame: i32 = 0;
  let orange: i32 = 0;
  for (let row: i32 = i32(region.top); row < i32(region.bottom); row += 1) {
    for (let column: i32 = i32(region.left); column < i32(region.right); column += 1) {
      const at: i32 = row * width + column;
      const label = i32(unchecked(labels[at]));
      if (label !== LABEL_FLAME && label !== LABEL_RED) continue;
      flame += 1;
      if (label === LABEL_RED || unchecked(tones[at]) === 1) orange += 1;
    }
  }
  return flame === 0 ? 0 : orange / flame;
}
