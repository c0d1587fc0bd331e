// Lays a picture into a network's input: scaled to fit with its proportions kept, grey around it, one plane per colour.
import type { DetectorProfile } from '../host/nn.ts';
import { f32, f64, i32, unchecked } from '../portable.ts';

/** Where a picture lies in the input: pixel x of the picture is x · scale + left there. */
export interface Placement {
  scale: f64;
  left: i32;
  top: i32;
  /** Size of the scaled picture [px]. */
  width: i32;
  height: i32;
}

/** The value of each byte in the input. */
const values = new Float32Array(256);

export function placePicture(width: i32, height: i32, profile: DetectorProfile): Placement {
  const scale: f64 = Math.min(f64(profile.inputWidth) / width, f64(profile.inputHeight) / height);
  const scaledWidth: i32 = Math.min(profile.inputWidth, Math.max(1, i32(Math.floor(width * scale + 0.5))));
  const scaledHeight: i32 = Math.min(profile.inputHeight, Math.max(1, i32(Math.floor(height * scale + 0.5))));
  const left: i32 = profile.centred ? (profile.inputWidth - scaledWidth) >> 1 : 0;
  const top: i32 = profile.centred ? (profile.inputHeight - scaledHeight) >> 1 : 0;
  const placement: Placement = { scale: scale, left: left, top: top, width: scaledWidth, height: scaledHeight };
  return placement;
}

/** Fills `input` (3 planes of the network's height × width). `pixels`: rgb8 of `width` × `height`. */
export function fillInput(
  pixels: Uint8Array,
  width: i32,
  height: i32,
  placement: Placement,
  profile: DetectorProfile,
  input: Float32Array,
): void {
  for (let value: i32 = 0; value < 256; value += 1) values[value] = f32((f64(value) * profile.white) / 255);
  const plane: i32 = profile.inputWidth * profile.inputHeight;
  if (placement.width < profile.inputWidth || placement.height < profile.inputHeight)
    fillGrey(input, 3 * plane, f32((f64(profile.padding) * profile.white) / 255));
  const first: i32 = profile.blueFirst ? 2 : 0;
  if (placement.width === width && placement.height === height)
    copyRows(pixels, width, height, placement, profile.inputWidth, plane, first, input);
  else scaleRows(pixels, width, height, placement, profile, plane, first, input);
}

/** The picture has its size already. */
function copyRows(
  pixels: Uint8Array,
  width: i32,
  height: i32,
  placement: Placement,
  stride: i32,
  plane: i32,
  first: i32,
  input: Float32Array,
): void {
  const last: i32 = 2 - first;
  let from: i32 = 0;
  for (let row: i32 = 0; row < height; row += 1) {
    let to: i32 = (placement.top + row) * stride + placement.left;
    for (let column: i32 = 0; column < width; column += 1) {
      input[to] = unchecked(values[i32(unchecked(pixels[from + first]))]);
      input[to + plane] = unchecked(values[i32(unchecked(pixels[from + 1]))]);
      input[to + 2 * plane] = unchecked(values[i32(unchecked(pixels[from + last]))]);
      from += 3;
      to += 1;
    }
  }
}

/** Bilinear, pixel centres at half coordinates. */
function scaleRows(
  pixels: Uint8Array,
  width: i32,
  height: i32,
  placement: Placement,
  profile: DetectorProfile,
  plane: i32,
  first: i32,
  input: Float32Array,
): void {
  const stepX: f64 = f64(width) / placement.width;
  const stepY: f64 = f64(height) / placement.height;
  const unit: f64 = profile.white / 255;
  for (let row: i32 = 0; row < placement.height; row += 1) {
    const y: f64 = Math.min(f64(height - 1), Math.max(0, (row + 0.5) * stepY - 0.5));
    const y0: i32 = i32(y);
    const y1: i32 = Math.min(height - 1, y0 + 1);
    const fy: f64 = y - y0;
    let to: i32 = (placement.top + row) * profile.inputWidth + placement.left;
    for (let column: i32 = 0; column < placement.width; column += 1) {
      const x: f64 = Math.min(f64(width - 1), Math.max(0, (column + 0.5) * stepX - 0.5));
      const x0: i32 = i32(x);
      const x1: i32 = Math.min(width - 1, x0 + 1);
      const fx: f64 = x - x0;
      for (let channel: i32 = 0; channel < 3; channel += 1) {
        const colour: i32 = channel === 1 ? 1 : channel === 0 ? first : 2 - first;
        const a = f64(unchecked(pixels[(y0 * width + x0) * 3 + colour]));
        const b = f64(unchecked(pixels[(y0 * width + x1) * 3 + colour]));
        const c = f64(unchecked(pixels[(y1 * width + x0) * 3 + colour]));
        const d = f64(unchecked(pixels[(y1 * width + x1) * 3 + colour]));
        const upper: f64 = a + (b - a) * fx;
        const lower: f64 = c + (d - c) * fx;
        input[to + channel * plane] = f32((upper + (lower - upper) * fy) * unit);
      }
      to += 1;
    }
  }
}

function fillGrey(input: Float32Array, count: i32, grey: f32): void {
  for (let at: i32 = 0; at < count; at += 1) input[at] = grey;
}
