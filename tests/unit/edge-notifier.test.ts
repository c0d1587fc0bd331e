// Triggers and placement decisions: thresholds with hysteresis and dwell time, and a policy that does not flap.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { estimateCost } from '../../robot/offload/cost-model.ts';
import { Notifier } from '../../robot/offload/notifier.ts';
import { ONBOARD_FIRST, PlacementPolicy, type MovableModule, type PolicyInputs } from '../../robot/offload/placement-policy.ts';
import { ThresholdWatch } from '../../robot/offload/threshold-watch.ts';
import type { MoveReport, Placement } from '../../shared/elastic/module-events.ts';
import type { DeviceMetricsInputs } from '../../shared/ports/device-metrics.ts';

const heat = { when: 'above', raise: 70, clear: 60, raiseAfterSec: 2, clearAfterSec: 5 } as const;
const metrics = (temperatureC: number, connected = true): DeviceMetricsInputs => ({
  ...{
    connected,
    stampSec: 0,
    cpuFraction: 0.2,
    gpuFraction: null,
    temperatureC,
    throttled: false,
    memoryUsedBytes: 1,
    memoryTotalBytes: 2,
  },
});

describe('threshold', () => {
  test('is raised only after the dwell time, and cleared only past the hysteresis', () => {
    const watch = new ThresholdWatch('heat', heat);
    expect(watch.update(71, 0)).toBe(false);
    expect(watch.update(71, 1.9)).toBe(false);
    expect(watch.update(71, 2)).toBe(true);
    expect(watch.update(65, 3)).toBe(false);
    expect(watch.update(65, 100)).toBe(false);
    expect(watch.update(59, 101)).toBe(false);
    expect(watch.update(59, 106)).toBe(true);
    expect(watch.raised).toBe(false);
  });

  test('a peak shorter than the dwell time raises nothing', () => {
    const watch = new ThresholdWatch('heat', heat);
    for (let second = 0; second < 60; second += 1) expect(watch.update(second % 2 === 0 ? 90 : 50, second)).toBe(false);
  });

  test('refuses a hysteresis the wrong way round', () => {
    expect(() => new ThresholdWatch('heat', { ...heat, clear: 80 })).toThrow(/clear \(80\) must not be above raise \(70\)/);
  });

  test('changes at most once per dwell time, whatever is measured', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 20, max: 110, noNaN: true }), { maxLength: 200 }), (values) => {
        const watch = new ThresholdWatch('heat', heat);
        let lastChangeSec = Number.NEGATIVE_INFINITY;
        for (const [index, value] of values.entries()) {
          const nowSec = index * 0.5;
          if (!watch.update(value, nowSec)) continue;
          expect(nowSec - lastChangeSec).toBeGreaterThanOrEqual(watch.raised ? heat.raiseAfterSec : heat.clearAfterSec);
          lastChangeSec = nowSec;
        }
      }),
    );
  });
});

describe('Notifier', () => {
  test('tells what was raised and cleared, with value and limit', () => {
    const notifier = new Notifier({ temperatureC: heat });
    notifier.update({ metrics: metrics(75), power: null, latencyMs: null }, 0);
    const raised = notifier.update({ metrics: metrics(75), power: null, latencyMs: null }, 2);
    expect(raised).toEqual([{ trigger: 'temperature', raised: true, value: 75, text: 'temperature 75.0 °C above 70.0 °C' }]);
    notifier.update({ metrics: metrics(50), power: null, latencyMs: null }, 3);
    const cleared = notifier.update({ metrics: metrics(50), power: null, latencyMs: null }, 8);
    expect(cleared[0]?.text).toBe('temperature 50.0 °C below 60.0 °C');
    expect(notifier.raised).toEqual([]);
  });

  test('a sensor that is away changes nothing', () => {
    const notifier = new Notifier({ temperatureC: heat });
    for (let second = 0; second < 30; second += 1)
      expect(notifier.update({ metrics: metrics(99, false), power: null, latencyMs: null }, second)).toEqual([]);
  });
});

class FakeModule implements MovableModule {
  readonly name = 'object-detection';
  placement: Placement = { kind: 'onboard', hostId: null, epoch: 0 };
  outcome: MoveReport['outcome'] = 'moved';
  moves: string[] = [];

  async offload({ reason }: { reason: string }): Promise<MoveReport> {
    return this.#move('offload', 'edge', reason);
  }
  async recall({ reason }: { reason: string }): Promise<MoveReport> {
    return this.#move('recall', 'onboard', reason);
  }
  #move(kind: 'offload' | 'recall', to: Placement['kind'], reason: string): MoveReport {
    this.moves.push(`${kind}: ${reason}`);
    if (this.outcome === 'moved') this.placement = { ...this.placement, kind: to };
    return {
      ...{
        module: this.name,
        kind,
        outcome: this.outcome,
        reason,
        from: null,
        to: null,
        epoch: 1,
        startedSec: 0,
        durationMs: 100,
        pauseMs: 1,
      },
      ...{ stepsMs: {}, stateBytes: 0, bytesAhead: 0, bytesInPause: 0, replayed: 0, offload: null, error: null },
    };
  }
}

const inputs = (nowSec: number, extra: Partial<PolicyInputs> = {}): PolicyInputs => ({
  ...{ nowSec, raised: [], changes: [], siteReachable: true, cost: null },
  ...extra,
});
const hot: Partial<PolicyInputs> = {
  raised: ['temperature'],
  changes: [{ trigger: 'temperature', raised: true, value: 71, text: 'temperature 71.0 °C above 70.0 °C' }],
};

describe('placement policy', () => {
  test('offloads on a trigger and recalls when it clears, not before the shortest stay', async () => {
    const module = new FakeModule();
    const policy = new PlacementPolicy(module, ONBOARD_FIRST);
    await policy.step(inputs(0, hot));
    expect(module.moves).toEqual(['offload: temperature 71.0 °C above 70.0 °C']);
    expect(policy.decide(inputs(5))).toBeNull();
    expect(policy.decide(inputs(11))?.move).toBe('recall');
  });

  test('waits longer after each move that did not happen', async () => {
    const module = new FakeModule();
    module.outcome = 'refused';
    const policy = new PlacementPolicy(module, ONBOARD_FIRST);
    const tried: number[] = [];
    for (let second = 0; second < 40; second += 1) if ((await policy.step(inputs(second, hot))) !== null) tried.push(second);
    expect(tried).toEqual([0, 4, 11, 24]);
  });

  test('does not try while the site is out of reach, nor when its triggers are others', () => {
    const policy = new PlacementPolicy(new FakeModule(), { ...ONBOARD_FIRST, triggers: ['battery'] });
    expect(policy.decide(inputs(0, hot))).toBeNull();
    const heatPolicy = new PlacementPolicy(new FakeModule(), ONBOARD_FIRST);
    expect(heatPolicy.decide(inputs(0, { ...hot, siteReachable: false }))).toBeNull();
  });

  test('follows the cost model with hysteresis', () => {
    const weights = { perSec: 1, perJoule: 0.1 };
    const onboard = { callSec: 1.3, extraPowerW: 3 };
    const edge = { roundTripSec: 0.005, bytesPerCall: 230_000, linkBytesPerSec: 12.5e6, callSec: 0.03, radioPowerW: 1 };
    const near = estimateCost(onboard, edge, weights);
    expect(near.gain).toBeGreaterThan(0.9);
    const far = estimateCost({ callSec: 0.06, extraPowerW: 0.5 }, { ...edge, linkBytesPerSec: 1e6 }, weights);
    expect(far.gain).toBeLessThan(0);
    const module = new FakeModule();
    const policy = new PlacementPolicy(module, { ...ONBOARD_FIRST, cost: { offloadGain: 0.3, recallGain: 0 } });
    expect(policy.decide(inputs(0, { cost: near }))).toEqual({ move: 'offload', reason: 'expected 1300 ms on board, 53 ms at the edge' });
    module.placement = { kind: 'edge', hostId: 'edge-1', epoch: 1 };
    expect(policy.decide(inputs(20, { cost: { ...near, gain: 0.1 } }))).toBeNull();
    expect(policy.decide(inputs(20, { cost: far }))?.move).toBe('recall');
  });
});
