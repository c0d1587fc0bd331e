// An HC-SR04 on two GPIO lines, with the sound really travelling: time passes with every access to a line, as it does on a Pi.
import type { GpioInput, GpioOutput, Level } from '../../../hardware/buses/gpio.ts';
import type { EchoResult } from '../../../hardware/freenove-4wd/echo-timing.ts';
import { measureEcho } from '../../../hardware/freenove-4wd/echo-timing.ts';
import type { Pinger } from '../../../hardware/freenove-4wd/ultrasonic.ts';

/** From the end of the trigger pulse until the echo line rises: the burst of eight cycles at 40 kHz and the module's own delay. */
const BURST_US = 460;
/** How long the line stays high when nothing comes back. */
const SILENCE_US = 38_000;

export class SonarModel {
  /** Distance of what reflects [m]; null: nothing does. */
  distanceM: number | null = 1;
  airTemperatureC = 20;
  /** `unplugged`: the echo line is pulled low; `stuck`: shorted to the supply. */
  fault: 'none' | 'unplugged' | 'stuck' = 'none';
  /** Time that one access to a line takes [µs]. */
  accessUs = 4;
  /** How long the processor is away at a given instant [µs since start], as a busy kernel does it. */
  pauses: { readonly atUs: number; readonly forUs: number }[] = [];
  triggerPulsesUs: number[] = [];
  #nowUs = 0;
  #level: Level = 0;
  #raisedUs = 0;
  #echo: { readonly fromUs: number; readonly untilUs: number } | null = null;

  readonly trigger: GpioOutput = {
    write: (level) => {
      this.#pass();
      if (level === 1 && this.#level === 0) this.#raisedUs = this.#nowUs;
      if (level === 0 && this.#level === 1) this.#fire(this.#nowUs - this.#raisedUs);
      this.#level = level;
    },
  };

  readonly echo: GpioInput = {
    read: () => {
      this.#pass();
      if (this.fault === 'stuck') return 1;
      return this.#echo !== null && this.#nowUs >= this.#echo.fromUs && this.#nowUs < this.#echo.untilUs ? 1 : 0;
    },
  };

  /** Reading the clock takes time, too. */
  nowUs(): number {
    this.#nowUs += 0.5;
    return this.#nowUs;
  }

  /** Lets time pass between measurements. */
  wait(us: number): void {
    this.#nowUs += us;
  }

  /** A pinger that polls these lines. */
  pinger(): Pinger & { results: EchoResult[] } {
    const results: EchoResult[] = [];
    return {
      results,
      ping: (maxEchoUs, onResult) => {
        this.wait(60_000);
        const result = measureEcho(this.trigger, this.echo, () => this.nowUs(), maxEchoUs);
        results.push(result);
        onResult(result);
      },
      close: () => {},
    };
  }

  #fire(pulseUs: number): void {
    this.triggerPulsesUs.push(pulseUs);
    if (this.fault === 'unplugged' || pulseUs < 10) return;
    const fromUs = this.#nowUs + BURST_US;
    // c = √(γ·R·T/M) for air as an ideal gas; not the driver's formula.
    const soundMPerSec = Math.sqrt((1.4 * 8.314_462_6 * (this.airTemperatureC + 273.15)) / 0.028_964_5);
    const echoUs = this.distanceM === null ? SILENCE_US : ((2 * this.distanceM) / soundMPerSec) * 1e6;
    this.#echo = { fromUs, untilUs: fromUs + echoUs };
  }

  #pass(): void {
    const from = this.#nowUs;
    this.#nowUs += this.accessUs;
    for (const { atUs, forUs } of this.pauses) if (atUs >= from && atUs < this.#nowUs) this.#nowUs += forUs;
  }
}
