// One measurement with an HC-SR04 (Elec Freaks user guide): a trigger pulse of 10 µs, eight cycles of 40 kHz, and an echo line that is high
// for as long as the sound travels. The echo line is polled: event-driven GPIO is late by whatever else the event loop does, 1 ms of it being 17 cm.
import type { GpioInput, GpioOutput } from '../buses/gpio.ts';

export type EchoResult =
  /** The echo line was high for so long. */
  | { readonly kind: 'echo'; readonly echoUs: number }
  /** High for longer than anything within range would take: nothing there, or nothing that sends sound back. */
  | { readonly kind: 'no-echo' }
  /** The echo line never rose: no sensor, or no supply. */
  | { readonly kind: 'no-answer' }
  /** The echo line was high before the trigger: still busy, or shorted. */
  | { readonly kind: 'stuck' }
  /** The poller was away at an edge for too long to know when it was. */
  | { readonly kind: 'disturbed' };

const TRIGGER_US = 10;
/** The line rises about 0.5 ms after the trigger; a sensor that has not by now will not [µs]. */
const ANSWER_US = 5000;
/** 150 µs are 2.6 cm. */
const MAX_GAP_US = 150;

/** Triggers and polls. Blocks for up to 5 ms + `maxEchoUs`: for a thread of its own. Throws when a line is gone. */
export function measureEcho(trigger: GpioOutput, echo: GpioInput, nowUs: () => number, maxEchoUs: number): EchoResult {
  if (echo.read() === 1) return { kind: 'stuck' };
  trigger.write(1);
  for (const from = nowUs(); nowUs() - from < TRIGGER_US;);
  trigger.write(0);
  const triggeredUs = nowUs();
  let beforeUs = triggeredUs;
  while (echo.read() === 0) {
    beforeUs = nowUs();
    if (beforeUs - triggeredUs > ANSWER_US) return { kind: 'no-answer' };
  }
  const roseUs = nowUs();
  let gapUs = roseUs - beforeUs;
  beforeUs = roseUs;
  while (echo.read() === 1) {
    beforeUs = nowUs();
    if (beforeUs - roseUs > maxEchoUs) return { kind: 'no-echo' };
  }
  const fellUs = nowUs();
  gapUs = Math.max(gapUs, fellUs - beforeUs);
  return gapUs > MAX_GAP_US ? { kind: 'disturbed' } : { kind: 'echo', echoUs: fellUs - roseUs };
}

/** Speed of sound in air [m/s]: 331.3·√(1 + ϑ/273.15). */
export function speedOfSound(airTemperatureC: number): number {
  return 331.3 * Math.sqrt(1 + airTemperatureC / 273.15);
}

/** Range [m] for the time there and back. */
export function echoRange(echoUs: number, airTemperatureC: number): number {
  return (echoUs * 1e-6 * speedOfSound(airTemperatureC)) / 2;
}
