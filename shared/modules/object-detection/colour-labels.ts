// Labels pixels by the signal colours of hazards. Works on shares of red, green and blue, so that light and shade matter little.
import { type f64, i32, u8, unchecked } from '../portable.ts';

/** Labels of the label image; 0 is everything else. */
export const LABEL_BLUE: i32 = 1;
export const LABEL_RED: i32 = 2;
export const LABEL_VEST: i32 = 3;
export const LABEL_FLAME: i32 = 4;
export const LABEL_COUNT: i32 = 4;

/** Factors that turn grey surfaces grey under the present light. */
export interface WhiteBalance {
  red: f64;
  green: f64;
  blue: f64;
}

/** Light is learnt with this weight per frame, and never believed to be more coloured than this. */
const LEARNING_RATE: f64 = 0.1;
const MAX_GAIN: f64 = 1.25;
/** Pixels sampled for the white balance: every so many. */
const GREY_STRIDE: i32 = 17;
/** Fewer grey pixels than this say nothing. */
const MIN_GREY: i32 = 200;

/** Learns the light's colour from the nearly grey pixels of a frame (walls, floors): grey-world over unsaturated surfaces only. */
export function learnWhiteBalance(balance: WhiteBalance, pixels: Uint8Array, count: i32): void {
  let red: f64 = 0;
  let green: f64 = 0;
  let blue: f64 = 0;
  let grey: i32 = 0;
  for (let pixel: i32 = 0; pixel < count; pixel += GREY_STRIDE) {
    const r = i32(unchecked(pixels[pixel * 3]));
    const g = i32(unchecked(pixels[pixel * 3 + 1]));
    const b = i32(unchecked(pixels[pixel * 3 + 2]));
    const high: i32 = Math.max(r, Math.max(g, b));
    const low: i32 = Math.min(r, Math.min(g, b));
    if (high > 240 || high < 30 || (high - low) * 5 > high) continue;
    red += r;
    green += g;
    blue += b;
    grey += 1;
  }
  if (grey < MIN_GREY) return;
  const mean = (red + green + blue) / 3;
  balance.red += LEARNING_RATE * (limited(mean / red) - balance.red);
  balance.green += LEARNING_RATE * (limited(mean / green) - balance.green);
  balance.blue += LEARNING_RATE * (limited(mean / blue) - balance.blue);
}

function limited(gain: f64): f64 {
  return Math.min(MAX_GAIN, Math.max(1 / MAX_GAIN, gain));
}

/** Labels every pixel; `tones` marks where a flame is orange rather than yellow: a fire has both. */
export function labelPixels(pixels: Uint8Array, count: i32, balance: WhiteBalance, labels: Uint8Array, tones: Uint8Array): void {
  for (let pixel: i32 = 0; pixel < count; pixel += 1) {
    const at: i32 = pixel * 3;
    const red = i32(unchecked(pixels[at]));
    const green = i32(unchecked(pixels[at + 1]));
    const blue = i32(unchecked(pixels[at + 2]));
    tones[pixel] = 0;
    const high: i32 = Math.max(red, Math.max(green, blue));
    const low: i32 = Math.min(red, Math.min(green, blue));
    if (high < 36 || (high - low) * 10 < high * 3) {
      labels[pixel] = 0;
      continue;
    }
    const label = labelOf(red * balance.red, green * balance.green, blue * balance.blue, red);
    if (label === LABEL_FLAME && green * 100 < (red + green + blue) * 37) tones[pixel] = 1;
    labels[pixel] = u8(label);
  }
}

/** The label of a saturated colour. `brightness`: red as it was measured; flames shine by themselves. */
function labelOf(red: f64, green: f64, blue: f64, brightness: f64): i32 {
  const sum = red + green + blue;
  const r = red / sum;
  const g = green / sum;
  const b = blue / sum;
  if (b >= 0.48 && r <= 0.2 && g <= 0.4) return LABEL_BLUE;
  if (r >= 0.44 && b >= 0.2 && g <= 0.2) return LABEL_VEST; // pink
  if (g >= 0.4 && g >= 0.97 * r && b <= 0.17 && r >= 0.3) return LABEL_VEST; // lime
  if (brightness >= 205 && g >= 0.3 && g <= 0.95 * r && b <= 0.15) return LABEL_FLAME;
  if (brightness >= 235 && g >= 0.35 && g <= 0.41 && r >= g - 0.005 && b <= 0.26) return LABEL_FLAME; // its pale foot
  if (r >= 0.56 && g <= 0.3 && b <= 0.19) return LABEL_RED;
  return 0;
}
