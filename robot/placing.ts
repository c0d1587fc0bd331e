// Steps the placement policies of a rover's modules once a second, with what the Notifier makes of the device's health.
import type { Clock, Timer } from '../shared/ports/clock.ts';
import type { DeviceMetricsInputs } from '../shared/ports/device-metrics.ts';
import type { PowerInputs } from '../shared/ports/power-io.ts';
import { Notifier } from './offload/notifier.ts';
import { EDGE_FIRST, type MovableModule, ONBOARD_FIRST, PlacementPolicy, type PlacementRule } from './offload/placement-policy.ts';

/** `policy`: on board until a trigger is raised. `edge`: at the edge whenever it can be. `onboard`: never moved. */
export type PlacementMode = 'policy' | 'edge' | 'onboard';

/** When a module leaves for the edge and when it comes back; each pair is a hysteresis. */
export interface PlacementTriggers {
  readonly temperatureHighC: number;
  readonly temperatureLowC: number;
  readonly batteryLow: number;
  readonly batteryOk: number;
  /** Least time between two moves [s]. */
  readonly dwellSec: number;
}

export interface PlacingOptions {
  readonly clock: Clock;
  readonly modules: readonly { readonly module: MovableModule; readonly mode: PlacementMode }[];
  readonly triggers: PlacementTriggers;
  readonly health: () => { readonly power: PowerInputs | null; readonly metrics: DeviceMetricsInputs | null };
  readonly siteReachable: () => boolean;
  readonly onError: (error: Error) => void;
}

const STEP_SEC = 1;
/** A trigger must hold for this long before it is raised or cleared [s]: one odd reading moves nothing. */
const SETTLE_SEC = 2;

export class Placing {
  readonly #options: PlacingOptions;
  readonly #notifier: Notifier;
  readonly #policies: readonly PlacementPolicy[];
  #timer: Timer | null = null;

  constructor(options: PlacingOptions) {
    this.#options = options;
    const { temperatureHighC, temperatureLowC, batteryLow, batteryOk, dwellSec } = options.triggers;
    const settle = { raiseAfterSec: SETTLE_SEC, clearAfterSec: SETTLE_SEC };
    this.#notifier = new Notifier({
      temperatureC: { when: 'above', raise: temperatureHighC, clear: temperatureLowC, ...settle },
      batteryFraction: { when: 'below', raise: batteryLow, clear: batteryOk, ...settle },
      cpuFraction: null,
      latencyMs: null,
    });
    const rules: Readonly<Record<PlacementMode, PlacementRule | null>> = {
      policy: { ...ONBOARD_FIRST, triggers: ['temperature', 'battery'], minStaySec: dwellSec },
      edge: EDGE_FIRST,
      onboard: null,
    };
    this.#policies = options.modules.flatMap(({ module, mode }) => {
      const rule = rules[mode];
      return rule === null ? [] : [new PlacementPolicy(module, rule)];
    });
  }

  start(): void {
    this.#step();
    this.#timer = this.#options.clock.every(STEP_SEC, () => this.#step());
  }

  stop(): void {
    this.#timer?.stop();
  }

  #step(): void {
    const { clock, health, siteReachable, onError } = this.#options;
    const nowSec = clock.nowSec();
    const { power, metrics } = health();
    const changes = this.#notifier.update({ power, metrics, latencyMs: null }, nowSec);
    const inputs = { nowSec, raised: this.#notifier.raised, changes, siteReachable: siteReachable(), cost: null };
    for (const policy of this.#policies) policy.step(inputs).catch((error: unknown) => onError(error as Error));
  }
}
