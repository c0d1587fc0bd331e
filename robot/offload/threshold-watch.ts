// A measured quantity against a threshold with hysteresis and dwell time: noise and short peaks raise nothing, nothing flaps.

export interface ThresholdSpec {
  /** Raised when the value is beyond this … */
  readonly raise: number;
  /** … and cleared when it is back past this. The gap is the hysteresis. */
  readonly clear: number;
  /** `above`: high values are bad (temperature). `below`: low ones (battery). */
  readonly when: 'above' | 'below';
  /** How long the value must stay beyond before it counts [s]; for each direction. */
  readonly raiseAfterSec: number;
  readonly clearAfterSec: number;
}

/** Throws RangeError when raise and clear are on the wrong sides of each other. */
export function checkThreshold(name: string, { raise, clear, when }: ThresholdSpec): void {
  if (when === 'above' ? clear > raise : clear < raise) {
    throw new RangeError(`${name}: with "${when}", clear (${clear}) must not be ${when} raise (${raise})`);
  }
}

export class ThresholdWatch {
  readonly spec: ThresholdSpec;
  #raised = false;
  /** Since when the value asks for the other state [s]. */
  #pendingSec: number | null = null;

  constructor(name: string, spec: ThresholdSpec) {
    checkThreshold(name, spec);
    this.spec = spec;
  }

  get raised(): boolean {
    return this.#raised;
  }

  /** Takes a value; null (not measured) changes nothing. Returns whether the state changed. */
  update(value: number | null, nowSec: number): boolean {
    if (value === null || !Number.isFinite(value)) return false;
    const { raise, clear, when, raiseAfterSec, clearAfterSec } = this.spec;
    const beyond = (limit: number): boolean => (when === 'above' ? value > limit : value < limit);
    const wantsChange = this.#raised ? !beyond(clear) : beyond(raise);
    if (!wantsChange) {
      this.#pendingSec = null;
      return false;
    }
    this.#pendingSec ??= nowSec;
    if (nowSec - this.#pendingSec < (this.#raised ? clearAfterSec : raiseAfterSec)) return false;
    this.#raised = !this.#raised;
    this.#pendingSec = null;
    return true;
  }
}
