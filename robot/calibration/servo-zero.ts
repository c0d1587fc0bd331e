// Where the ultrasonic sensor's servo truly looks ahead: by the eye, step by step, or by a post that stands exactly ahead of the rover.
import { OutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RangeIo } from '../../shared/ports/range-io.ts';

const RAD = Math.PI / 180;
/** How far to either side is swept, and in which steps [°]. */
const SWEEP_DEG = 45;
const STEP_DEG = 1.5;
/** Time for the servo to come to rest after a step, and between two echoes [s]. */
const SETTLE_SEC = 0.15;
const CYCLE_SEC = 0.07;
const PINGS = 3;
/** The post is what is not further away than this behind the nearest echo [m]: its own shape, and the sensor's scatter. */
const POST_DEPTH_M = 0.06;
/** What is seen over more than this is a wall; over less than this, chance [°]. */
const MAX_WIDTH_DEG = 50;
const MIN_WIDTH_DEG = 3;

export interface PostSighting {
  /** Bearing of the post as the sensor's port gives it [°], left positive: what the zero is off by. */
  readonly bearingDeg: number;
  /** Angle over which it was seen [°]: a beam's width and its own. */
  readonly widthDeg: number;
  readonly rangeM: number;
}

/**
 * Sweeps there and back, which takes out the servo's play, and gives the middle of the angles at which the nearest thing is seen: the beam is wide,
 * but as wide to the left as to the right. Throws OUT_CALIBRATION where nothing stands alone, in front, within the sweep.
 */
export async function findPost(sonar: RangeIo, clock: Clock): Promise<PostSighting> {
  const steps = Math.round(SWEEP_DEG / STEP_DEG);
  const bearings = Array.from({ length: 2 * steps + 1 }, (_, i) => (i - steps) * STEP_DEG);
  const there = await sweep(sonar, clock, bearings);
  const back = await sweep(sonar, clock, bearings.toReversed());
  sonar.aim(0);
  const passes = [postIn(bearings, there), postIn(bearings, back.toReversed())] as const;
  const mean = (read: (pass: PostSighting) => number): number => (read(passes[0]) + read(passes[1])) / 2;
  return { bearingDeg: mean((pass) => pass.bearingDeg), widthDeg: mean((pass) => pass.widthDeg), rangeM: mean((pass) => pass.rangeM) };
}

/** The median range at each bearing; infinite where nothing came back. */
async function sweep(sonar: RangeIo, clock: Clock, bearings: readonly number[]): Promise<number[]> {
  const ranges: number[] = [];
  sonar.aim((bearings[0] ?? 0) * RAD);
  await clock.sleep(1); // from wherever it looked
  for (const bearing of bearings) {
    sonar.aim(bearing * RAD);
    await clock.sleep(SETTLE_SEC);
    sonar.update(); // starts a measurement; what is given is still of the way here
    const pings: number[] = [];
    for (let ping = 0; ping < PINGS; ping += 1) {
      await clock.sleep(CYCLE_SEC);
      const { connected, rangeM } = sonar.update();
      if (!connected)
        throw new OutriderError('OUT_CALIBRATION', 'the ultrasonic sensor does not answer: look at its plug, and run `outrider doctor`');
      pings.push(Number.isNaN(rangeM) ? Number.POSITIVE_INFINITY : rangeM);
    }
    ranges.push(pings.toSorted((a, b) => a - b)[PINGS >> 1] as number);
  }
  return ranges;
}

function postIn(bearings: readonly number[], ranges: readonly number[]): PostSighting {
  const rangeM = Math.min(...ranges);
  const nearest = ranges.indexOf(rangeM);
  const isPost = (at: number): boolean => (ranges[at] ?? Number.POSITIVE_INFINITY) <= rangeM + POST_DEPTH_M;
  let [first, last] = [nearest, nearest];
  while (isPost(first - 1)) first -= 1;
  while (isPost(last + 1)) last += 1;
  const widthDeg = (last - first + 1) * STEP_DEG;
  const place = `the nearest thing (${rangeM.toFixed(2)} m)`;
  if (!Number.isFinite(rangeM))
    throw new OutriderError('OUT_CALIBRATION', 'no echo from anywhere: put a post half a metre ahead of the rover');
  if (first === 0 || last === ranges.length - 1 || widthDeg > MAX_WIDTH_DEG || widthDeg < MIN_WIDTH_DEG) {
    throw new OutriderError(
      'OUT_CALIBRATION',
      `${place} is seen over ${widthDeg.toFixed(0)}° from ${bearings[first]}°: it must be a post, alone within ${SWEEP_DEG}° to both sides`,
    );
  }
  return { bearingDeg: ((bearings[first] as number) + (bearings[last] as number)) / 2, widthDeg, rangeM };
}

/** The sensor's zero on its servo, such that a bearing which was given as `bearingDeg` becomes 0. Throws OUT_CALIBRATION beyond what a horn can be off. */
export function correctedZero(pan: { readonly zeroDeg: number; readonly leftSign: 1 | -1 }, bearingDeg: number): number {
  const zeroDeg = Math.round((pan.zeroDeg + pan.leftSign * bearingDeg) * 10) / 10;
  if (Math.abs(zeroDeg) > MAX_ZERO_DEG) {
    throw new OutriderError(
      'OUT_CALIBRATION',
      `the servo would be ${zeroDeg}° off: take its horn off, and put it back on nearer to straight ahead`,
    );
  }
  return zeroDeg;
}

const MAX_ZERO_DEG = 60;

/** By the eye: `ask` shows the sensor and gives what the operator typed, degrees further to the left, or nothing when it looks ahead. */
export async function centreByHand(sonar: RangeIo, ask: (bearingDeg: number) => Promise<string>): Promise<number> {
  for (let bearingDeg = 0; ;) {
    sonar.aim(bearingDeg * RAD);
    const answer = (await ask(bearingDeg)).trim();
    if (answer === '') return bearingDeg;
    const step = Number(answer);
    if (!Number.isFinite(step) || Math.abs(bearingDeg + step) > MAX_ZERO_DEG) {
      throw new OutriderError(
        'OUT_CALIBRATION',
        `${JSON.stringify(answer)} is no turn: degrees to the left, such as 5 or -2, at most ${MAX_ZERO_DEG} in all`,
      );
    }
    bearingDeg += step;
  }
}
