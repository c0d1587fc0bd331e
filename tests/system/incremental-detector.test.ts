// A detector's network shared with live hosts over a slow link: real processes, real sockets, real pixels.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { readBuiltModule } from '../../shared/elastic/built-modules.ts';
import type { NeuralDetection } from '../../shared/modules/neural-detection/records.ts';
import type { CameraFrame } from '../../shared/ports/camera-io.ts';
import { evaluationFrames } from '../../sim/dataset/evaluation-scenes.ts';
import { sharingRover, type SharingRover } from '../support/shared-detector-rover.ts';

const MODELS = 'shared/modules/object-detection/model';
const LIMIT_MS = 60_000;

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a detector whose network is shared', { timeout: LIMIT_MS }, () => {
  let data: string;
  let site: LiveSite;
  let bundle: ModuleBundle;
  let frames: readonly CameraFrame[];
  const rovers: SharingRover[] = [];
  let count = 0;

  beforeAll(async () => {
    bundle = await readBuiltModule('neural-detection');
    frames = [...evaluationFrames({ frames: 3 })].map(({ width, height, data: pixels }, index) => ({
      ...{ encoding: 'rgb8', sequence: index, stampSec: index, width, height, data: pixels },
    }));
  }, LIMIT_MS);

  /** Each test has hosts that hold no weights yet. */
  const open = async (options: { readonly mbitPerSec?: number; readonly minLayersOnboard?: number } = {}): Promise<SharingRover> => {
    count += 1;
    const rover = await sharingRover({
      ...{ rover: `rover-${count}`, site: 'test', brokerUrl: site.brokerUrl, bundle, models: MODELS, mbitPerSec: 10, ...options },
    });
    rovers.push(rover);
    return rover;
  };
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-shared-'));
    site = await startEdgeSite(defineSite({ site: 'test', data, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
  }, LIMIT_MS);
  afterEach(async () => {
    for (const rover of rovers.splice(0)) await rover.close();
    await site.close();
    await rm(data, { recursive: true, force: true });
  });
  const frameAt = (index: number): CameraFrame => frames[index % frames.length] as CameraFrame;
  const weightBytes = ({ network }: SharingRover): number => network.chain.segments.reduce((sum, segment) => sum + segment.weightBytes, 0);
  const running = async (): Promise<number> => {
    const page = (await (await fetch(`${site.url}/api/site`)).json()) as { hosts: { instances?: { state: string }[] }[] };
    return page.hosts.flatMap(({ instances = [] }) => instances).filter(({ state }) => state === 'running').length;
  };
  const isLast = (said: Readonly<Record<string, unknown>>): boolean => said['plan'] === said['plans'];

  it('answers before the upload ends, then by more and more layers at the host, always as on board', async () => {
    const rover = await open();
    const { detector } = rover;
    const onboard: NeuralDetection[][] = [];
    for (const frame of frames) onboard.push(await detector.detect(frame));
    expect(onboard.flat().length).toBeGreaterThan(0);
    const whole = rover.logged('more layers at the host', isLast);
    const report = await detector.offload({ reason: 'heat' });
    expect(report).toMatchObject({ outcome: 'moved', kind: 'offload', from: null, error: null });
    expect(detector.placement).toMatchObject({ kind: 'edge', hostId: report.to });
    let uploaded = false;
    void whole.then(() => (uploaded = true));
    const atHost: number[] = [];
    const before = rover.upBytes();
    // One more when everything is there.
    for (let index = 0, last = 0; last < 2; index += 1) {
      if (uploaded) last += 1;
      expectSame(await detector.detect(frameAt(index)), onboard[index % frames.length] ?? []);
      atHost.push(detector.sharing?.atHost ?? 0);
      if (index === 0) expect(rover.upBytes() - before).toBeLessThan(weightBytes(rover));
    }
    expect(atHost.at(-1)).toBeGreaterThan(0);
    expect(atHost).toEqual(atHost.toSorted((a, b) => a - b));
    const { linkMbps, layers, plan, plans } = detector.sharing ?? {};
    expect(plan).toBe(plans);
    expect(layers).toBe(rover.network.chain.segments.length);
    // The relay lets 10 · 10⁶ bits through each second, which are 9.5 of the partitioner's.
    expect(linkMbps).toBeGreaterThan(4);
    expect(linkMbps).toBeLessThan(20);
    expect(detector.stats.calls).toMatchObject({ failed: 0, pending: 0 });
    expect(detector.stats.calls.edge).toBeGreaterThan(0);
    expect(await running()).toBe(1);
  });

  it('uploads nothing twice: not the second rover, nor one that comes back', async () => {
    const first = await open({ mbitPerSec: 100 });
    const whole = first.logged('more layers at the host', isLast);
    const { to } = await first.detector.offload();
    await whole;
    const second = await open({ mbitPerSec: 100 });
    const warm = second.logged('more layers at the host', isLast);
    expect(await second.detector.offload({ preferHost: to ?? '' })).toMatchObject({ outcome: 'moved', to });
    await warm;
    expect(second.upBytes()).toBeLessThan(weightBytes(second) / 10);
    await second.detector.recall();
    const again = second.logged('more layers at the host', isLast);
    await second.detector.offload({ preferHost: to ?? '' });
    await again;
    expect(second.upBytes()).toBeLessThan(weightBytes(second) / 5);
  });

  it('comes back in the middle of the upload: frames under way are answered, the host forgets it', async () => {
    const rover = await open();
    const { detector } = rover;
    const alone = await detector.detect(frameAt(0));
    expect(await detector.offload()).toMatchObject({ outcome: 'moved' });
    const [found, report] = await Promise.all([detector.detect(frameAt(0)), detector.recall({ reason: 'cool again' })]);
    expectSame(found, alone);
    expect(report).toMatchObject({ outcome: 'moved', kind: 'recall', to: null });
    expect(detector.placement.kind).toBe('onboard');
    expect(detector.sharing).toBeNull();
    expect(rover.upBytes()).toBeLessThan(weightBytes(rover));
    const sent = rover.queries.length;
    expectSame(await detector.detect(frameAt(0)), alone);
    expect(rover.queries).toHaveLength(sent);
    await expect.poll(running).toBe(0);
  });

  it('sends no frame where a layer stays on board, nothing that only resizes one', async () => {
    const whole = await open({ mbitPerSec: 100 });
    const ready = whole.logged('more layers at the host', isLast);
    await whole.detector.offload();
    await ready;
    await whole.detector.detect(frameAt(1));
    const [input] = whole.network.chain.model.inputs.map(({ name }) => name);
    const isFrame = (rover: SharingRover) => rover.queries.some(({ range, tensors }) => range[0] === 0 || tensors.has(input ?? ''));
    // Without the wish it does: the sieve below would let nothing through.
    expect(isFrame(whole)).toBe(true);
    const discreet = await open({ mbitPerSec: 100, minLayersOnboard: 1 });
    const more = discreet.logged('more layers at the host', isLast);
    await discreet.detector.offload();
    await more;
    for (const frame of frames) await discreet.detector.detect(frame);
    expect(discreet.queries.length).toBeGreaterThanOrEqual(frames.length);
    expect(isFrame(discreet)).toBe(false);
    expect(discreet.queries.flatMap(({ tensors }) => [...tensors.values()]).filter(({ dims }) => dims[1] === 3)).toEqual([]);
    const [layer] = discreet.network.chain.segments;
    expect(layer?.weightBytes).toBeGreaterThan(0);
  });

  it('stays on board where no layer gains, and says so', async () => {
    const rover = await open({ mbitPerSec: 0.1 });
    expect(await rover.detector.offload()).toMatchObject({ outcome: 'refused', error: { code: 'OUT_ELASTIC_REFUSED' } });
    expect(rover.detector.placement.kind).toBe('onboard');
    await expect.poll(running).toBe(0);
  });

  it('goes on alone with the frame under way, and with another host when it is moved again', async () => {
    const rover = await open();
    const { detector } = rover;
    const alone = await detector.detect(frameAt(2));
    const { to } = await detector.offload();
    const events: string[] = [];
    detector.on('lost', ({ hostId }) => events.push(`lost ${hostId}`));
    detector.on('recovered', ({ how }) => events.push(how));
    const lost = rover.logged('the shared network is on board again');
    const found = detector.detect(frameAt(2));
    process.kill(site.hosts.find(({ host }) => host === to)?.pid as number, 'SIGKILL');
    expectSame(await found, alone);
    await lost;
    expect(events).toEqual([`lost ${to}`, 'fallback']);
    expect(detector.placement).toMatchObject({ kind: 'onboard', hostId: null });
    expectSame(await detector.detect(frameAt(2)), alone);
    let again = await detector.offload({ excludeHost: to ?? '' });
    while (again.outcome === 'refused') again = await detector.offload({ excludeHost: to ?? '' });
    expect(again).toMatchObject({ outcome: 'moved', kind: 'offload' });
    expect(again.to).not.toBe(to);
    expectSame(await detector.detect(frameAt(2)), alone);
  });
});

/** Scores within 1e-4; boxes to a hundredth of a pixel, which is as much of the coordinates' size. */
function expectSame(found: readonly NeuralDetection[], wanted: readonly NeuralDetection[]): void {
  expect(found.map(({ className }) => className)).toEqual(wanted.map(({ className }) => className));
  for (const [index, { score, x, y, width, height }] of found.entries()) {
    const other = wanted[index] as NeuralDetection;
    expect(Math.abs(score - other.score)).toBeLessThanOrEqual(1e-4);
    for (const [a, b] of [
      [x, other.x],
      [y, other.y],
      [width, other.width],
      [height, other.height],
    ] as const)
      expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-2);
  }
}
