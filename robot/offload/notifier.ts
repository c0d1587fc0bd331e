// The Notifier: watches the device and raises triggers (heat, battery, load, latency) that placement is decided by. Pure: time is an argument.
import type { DeviceMetricsInputs } from '../../shared/ports/device-metrics.ts';
import type { PowerInputs } from '../../shared/ports/power-io.ts';
import { type ThresholdSpec, ThresholdWatch } from './threshold-watch.ts';

export type TriggerName = 'temperature' | 'battery' | 'load' | 'latency';

export interface NotifierConfig {
  /** Processor temperature [°C]. */
  readonly temperatureC?: ThresholdSpec | null;
  /** State of charge, 0 to 1. */
  readonly batteryFraction?: ThresholdSpec | null;
  /** Busy share of all cores, 0 to 1. */
  readonly cpuFraction?: ThresholdSpec | null;
  /** On-board latency of the watched calls [ms]. */
  readonly latencyMs?: ThresholdSpec | null;
}

export interface NotifierInputs {
  readonly metrics: DeviceMetricsInputs | null;
  readonly power: PowerInputs | null;
  /** Median latency of recent on-board calls [ms]; null while there are none. */
  readonly latencyMs: number | null;
}

export interface TriggerChange {
  readonly trigger: TriggerName;
  readonly raised: boolean;
  readonly value: number;
  /** For people: `temperature 71.2 °C above 70 °C`. */
  readonly text: string;
}

/** A Raspberry Pi throttles at 80 °C; leaving early keeps the drive's computing fast. */
export const DEFAULT_NOTIFIER: Required<NotifierConfig> = {
  temperatureC: { when: 'above', raise: 70, clear: 58, raiseAfterSec: 2, clearAfterSec: 8 },
  batteryFraction: { when: 'below', raise: 0.3, clear: 0.4, raiseAfterSec: 2, clearAfterSec: 10 },
  cpuFraction: { when: 'above', raise: 0.92, clear: 0.6, raiseAfterSec: 10, clearAfterSec: 15 },
  latencyMs: null,
};

const UNITS: Readonly<Record<TriggerName, (value: number) => string>> = {
  temperature: (value) => `${value.toFixed(1)} °C`,
  battery: (value) => `${(value * 100).toFixed(0)} %`,
  load: (value) => `${(value * 100).toFixed(0)} %`,
  latency: (value) => `${value.toFixed(0)} ms`,
};

export class Notifier {
  readonly #watches: ReadonlyMap<TriggerName, ThresholdWatch>;

  constructor(config: NotifierConfig = {}) {
    const { temperatureC, batteryFraction, cpuFraction, latencyMs } = { ...DEFAULT_NOTIFIER, ...config };
    const specs: [TriggerName, ThresholdSpec | null][] = [
      ['temperature', temperatureC],
      ['battery', batteryFraction],
      ['load', cpuFraction],
      ['latency', latencyMs],
    ];
    this.#watches = new Map(specs.flatMap(([name, spec]) => (spec === null ? [] : [[name, new ThresholdWatch(name, spec)] as const])));
  }

  /** Triggers that are raised now, in a fixed order. */
  get raised(): TriggerName[] {
    return [...this.#watches].filter(([, watch]) => watch.raised).map(([name]) => name);
  }

  /** Takes one reading; returns what changed. Sensors that are away change nothing. */
  update(inputs: NotifierInputs, nowSec: number): TriggerChange[] {
    const { metrics, power, latencyMs } = inputs;
    const values: Readonly<Record<TriggerName, number | null>> = {
      temperature: metrics?.connected === true ? metrics.temperatureC : null,
      battery: power?.connected === true ? power.batteryFraction : null,
      load: metrics?.connected === true ? metrics.cpuFraction : null,
      latency: latencyMs,
    };
    const changes: TriggerChange[] = [];
    for (const [trigger, watch] of this.#watches) {
      const value = values[trigger];
      if (value === null || !watch.update(value, nowSec)) continue;
      changes.push({ trigger, raised: watch.raised, value, text: describe(trigger, value, watch) });
    }
    return changes;
  }
}

function describe(trigger: TriggerName, value: number, { raised, spec }: ThresholdWatch): string {
  const unit = UNITS[trigger];
  const side = raised === (spec.when === 'above') ? 'above' : 'below';
  return `${trigger} ${unit(value)} ${side} ${unit(raised ? spec.raise : spec.clear)}`;
}
