// The partitioner against the published figures of IONN (Jeong et al., SoCC 2018) for AlexNet, and against an exhaustive search.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerCosts } from '../../shared/partition/edge-costs.ts';
import { toLayerProfiles, type LayerProfile } from '../../shared/partition/layer-profile.ts';
import { describePlaces, planUploads } from '../../shared/partition/plan-uploads.ts';
import { cheapestPlaces, queryCost } from '../../shared/partition/shortest-path.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { ALEXNET } from '../../bench/support/alexnet-profile.ts';

const layer = (over: Partial<LayerProfile> = {}): LayerProfile => ({
  name: 'l',
  inputBytes: 1000,
  outputBytes: 1000,
  weightBytes: 1000,
  clientMs: 1,
  serverMs: 0.1,
  loadMs: 0,
  ...over,
});

describe('plans for AlexNet', () => {
  it('at 80 Mbit/s uploads conv1–pool2, then conv1–pool5, then everything', () => {
    const { plans, onboard } = planUploads(ALEXNET, { bandwidthMbps: 80, k: 0.8 });
    expect(plans.map((plan) => describePlaces(plan.serverLayers, ALEXNET))).toEqual(['conv1–pool2', 'conv1–pool5', 'conv1–fc8']);
    expect(plans.map((plan) => Math.round(plan.queryMs))).toEqual([610, 376, 61]);
    expect(plans.map((plan) => Number(plan.cumulativeUploadSec.toPrecision(plan.cumulativeUploadSec > 1 ? 3 : 2)))).toEqual([
      0.13, 0.89, 23.3,
    ]);
    expect(Math.round(onboard.queryMs)).toBe(822);
  });

  it('at 10 Mbit/s keeps the wide first layers on board', () => {
    const { plans } = planUploads(ALEXNET, { bandwidthMbps: 10, k: 0.8 });
    expect(plans.map((plan) => describePlaces(plan.serverLayers, ALEXNET))).toEqual(['conv2–pool5', 'conv2–fc8']);
    expect(plans.map((plan) => Math.round(plan.queryMs))).toEqual([669, 332]);
    expect(plans[0]?.cumulativeUploadSec).toBeCloseTo(7.0, 1);
    expect(plans[1]?.cumulativeUploadSec).toBeCloseTo(186, 0);
  });

  it('never sends the raw frame when the first layer stays on board', () => {
    const { plans } = planUploads(ALEXNET, { bandwidthMbps: 80, minLayersOnboard: 1 });
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) expect(plan.serverLayers).not.toContain(0);
    const all = planUploads(ALEXNET, { bandwidthMbps: 80, minLayersOnboard: ALEXNET.length });
    expect(all.plans).toEqual([]);
  });

  it('saves at least as much energy as the plan for time does', () => {
    for (const bandwidthMbps of [5, 10, 20, 80]) {
      const time = planUploads(ALEXNET, { bandwidthMbps }).plans.at(-1);
      const energy = planUploads(ALEXNET, { bandwidthMbps, energy: true }).plans.at(-1);
      expect(energy?.queryJ).toBeLessThanOrEqual((time?.queryJ ?? 0) + 1e-9);
      expect(energy?.queryMs).toBeGreaterThanOrEqual((time?.queryMs ?? 0) - 1e-9);
    }
    // All on board: 0.822 s at 7.239 W.
    expect(planUploads(ALEXNET, { bandwidthMbps: 80 }).onboard.queryJ).toBeCloseTo(0.8216 * 7.239, 2);
  });

  it('plans nothing over a link that is too slow for any gain', () => {
    expect(planUploads(ALEXNET, { bandwidthMbps: 0.01 }).plans).toEqual([]);
  });
});

describe('shortest path', () => {
  const arbitrary = fc.record({
    inputBytes: fc.integer({ min: 0, max: 100_000 }),
    outputBytes: fc.integer({ min: 0, max: 100_000 }),
    weightBytes: fc.integer({ min: 0, max: 1_000_000 }),
    clientMs: fc.integer({ min: 0, max: 200 }),
    serverMs: fc.integer({ min: 0, max: 20 }),
    loadMs: fc.integer({ min: 0, max: 5 }),
  });

  it('is as cheap as the best of all placements', () => {
    fc.assert(
      fc.property(
        fc.array(arbitrary, { minLength: 1, maxLength: 8 }),
        fc.nat(8),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (some, least, share) => {
          const layers = some.map((part) => layer(part));
          const minLayersOnboard = Math.min(least, layers.length);
          const costs = layerCosts(layers, 10);
          const withUpload = costs.map((cost) => ({ ...cost, onServer: cost.onServer + cost.upload * (1 - share) }));
          const found = queryCost(withUpload, cheapestPlaces(costs, { uploadedShare: share, minLayersOnboard }));
          let best = Number.POSITIVE_INFINITY;
          for (let mask = 0; mask < 2 ** layers.length; mask += 1) {
            const places = layers.map((_, index) => (mask & (1 << index)) !== 0);
            if (places.slice(0, minLayersOnboard).includes(true)) continue;
            best = Math.min(best, queryCost(withUpload, places));
          }
          expect(found).toBeCloseTo(best, 6);
        },
      ),
    );
  });

  it('uploads each layer once, and each plan is no slower than the ones before where all weights count', () => {
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 1, maxLength: 12 }), (some) => {
        const { plans, onboard } = planUploads(
          some.map((part) => layer(part)),
          { bandwidthMbps: 10 },
        );
        const order = plans.flatMap((plan) => plan.newLayers);
        expect(new Set(order).size).toBe(order.length);
        const last = plans.at(-1);
        if (last === undefined) return;
        for (const plan of plans) expect(last.queryMs).toBeLessThanOrEqual(plan.queryMs + 1e-6);
        expect(last.queryMs).toBeLessThanOrEqual(onboard.queryMs + 1e-6);
      }),
    );
  });
});

describe('bad input', () => {
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (isOutriderError(error)) return error.code;
      throw error;
    }
    return 'nothing thrown';
  };

  it.each([
    ['no layers', []],
    ['a negative time', [layer({ clientMs: -1 })]],
    ['an endless time', [layer({ serverMs: Number.POSITIVE_INFINITY })]],
    ['a missing name', [{ ...layer(), name: undefined }]],
    ['no list', { layers: [] }],
  ])('refuses a profile with %s', (_, value) => {
    expect(code(() => toLayerProfiles(value))).toBe('OUT_MODEL_PROFILE');
  });

  it.each([
    { bandwidthMbps: 0 },
    { bandwidthMbps: Number.NaN },
    { bandwidthMbps: 1, k: 1 },
    { bandwidthMbps: 1, k: 0 },
    { bandwidthMbps: 1, minLayersOnboard: 2 },
  ])('refuses %o', (options) => {
    expect(code(() => planUploads([layer()], options))).toBe('OUT_MODEL_PROFILE');
  });

  it('names what is wrong', () => {
    expect(() => toLayerProfiles([layer({ clientMs: -1 })])).toThrow(/0\.clientMs/);
    expect(toLayerProfiles([layer()])).toHaveLength(1);
  });
});
