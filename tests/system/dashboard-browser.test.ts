// The built page in a real browser, against the site's gateway and broker, with a scripted fleet: rovers move, findings appear, modules
// change places, the operator commands, the broker goes and comes back. Leaves screenshots in out/. Skips where there is no chromium.
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { missionCommand, type MissionStatus } from '../../shared/protocol/mission.ts';
import { ScriptedFleet } from './dashboard-fleet.ts';
import { DashboardSite, SITE } from './dashboard-site.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const OUT = fileURLToPath(new URL('../../out/', import.meta.url));
if (CHROMIUM === undefined) console.warn('dashboard-browser: skipped, no chromium here (Debian: apt-get install chromium)');

/** Polls until the expectation holds; generous, for machines with much else to do. */
const eventually = <T>(look: () => T, message?: string) =>
  expect.poll(look, { interval: 50, ...(message === undefined ? {} : { message }) });

interface Snapshot {
  readonly connection: string;
  readonly dropped: number;
  readonly phase: string | null;
  readonly tiles: number;
  readonly frames: number;
  readonly rovers: readonly { readonly id: string; readonly drawn: { readonly x: number; readonly y: number } | null }[];
  readonly objects: readonly { readonly object: string; readonly status: string; readonly x: number; readonly y: number }[];
}

describe.skipIf(CHROMIUM === undefined)('dashboard in a browser', { timeout: 60_000 }, () => {
  const site = new DashboardSite();
  const fleet = new ScriptedFleet({ speed: 5 });
  const complaints: string[] = [];
  let phase: MissionStatus['phase'] = 'running';
  let timer: NodeJS.Timeout | null = null;
  let browser: Browser;
  let page: Page;

  const snapshot = async (): Promise<Snapshot> => await page.evaluate('outrider.snapshot()');
  const drive = (): void => {
    timer ??= setInterval(() => site.say(fleet.step(1, phase)), 200);
  };
  const halt = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };

  async function open(options: { width: number; height: number; colorScheme?: 'dark' | 'light' }): Promise<Page> {
    const { width, height, colorScheme = 'dark' } = options;
    const opened = await browser.newPage({ viewport: { width, height }, colorScheme, deviceScaleFactor: width < 500 ? 2 : 1 });
    opened.on('pageerror', (error) => complaints.push(String(error)));
    opened.on('console', (message) => {
      if (message.type() === 'error' && !/WebSocket connection|ERR_CONNECTION_REFUSED/.test(message.text()))
        complaints.push(message.text());
    });
    opened.on('request', (request) => {
      const { host, protocol } = new URL(request.url());
      if (host !== new URL(site.address).host && !/^(data|blob):$/.test(protocol)) complaints.push(`fetched ${request.url()}`);
    });
    await opened.goto(`${site.address}?site=${SITE}`);
    return opened;
  }

  /** The canvas as pixels, and the pixels around a map point in it. */
  async function canvasPixels(): Promise<{ image: PNG; around: (x: number, y: number, radius: number) => number[][] }> {
    const image = PNG.sync.read(await page.locator('#map').screenshot());
    const middle: { x: number; y: number }[] = await page.evaluate('[[0,0],[1,1]].map(([x, y]) => outrider.project(x, y))');
    const [zero, one] = [middle[0] ?? { x: 0, y: 0 }, middle[1] ?? { x: 1, y: 1 }];
    return {
      image,
      around: (x, y, radius) => {
        const column = Math.round(zero.x + x * (one.x - zero.x));
        const row = Math.round(zero.y + y * (one.y - zero.y));
        const pixels: number[][] = [];
        for (let dy = -radius; dy <= radius; dy += 1) {
          for (let dx = -radius; dx <= radius; dx += 1) {
            const at = 4 * ((row + dy) * image.width + column + dx);
            pixels.push([...image.data.subarray(at, at + 3)]);
          }
        }
        return pixels;
      },
    };
  }

  beforeAll(async () => {
    mkdirSync(OUT, { recursive: true });
    await site.up();
    for (let step = 0; step < 10; step += 1) site.say(fleet.step(0.2));
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
    page = await open({ width: 1440, height: 900 });
  });

  afterAll(async () => {
    halt();
    await browser?.close();
    await site.down();
  });

  it('shows what is retained to a page that comes late', async () => {
    await eventually(() => page.locator('.card').count()).toBe(3);
    await eventually(async () => (await snapshot()).tiles).toBeGreaterThan(0);
    expect(await page.locator('h1').textContent()).toBe('Search and rescue, warehouse north');
    await eventually(() => page.locator('#connection').textContent()).toBe('Live');
    await eventually(() => page.locator('#hosts li').count()).toBe(2);
  });

  it('shows a module moving to the edge', async () => {
    const module = page.locator('.card[aria-label="rover-2"] .module[data-key="object-detection"]');
    const stepTo = (untilSec: number): void => {
      for (;;) {
        const report = fleet.step(0.5);
        site.say(report);
        if (report.status.elapsedSec >= untilSec) break;
      }
    };
    await eventually(() => module.getAttribute('data-place')).toBe('onboard');
    stepTo(18.5);
    await eventually(() => module.getAttribute('data-place')).toBe('moving');
    await eventually(() => module.locator('.module-where').textContent()).toBe('moving…');
    stepTo(20.5);
    await eventually(() => module.getAttribute('data-placement')).toBe('edge-2');
    await eventually(() => module.locator('.module-where').textContent()).toBe('edge-2');
    await eventually(() => page.locator('#hosts li[data-key="edge-2"]').textContent()).toMatch(/rover-2/);
    expect(await page.locator('.card[aria-label="rover-1"] .module[data-key="object-detection"]').textContent()).toMatch(/modelled/);
    expect(await module.textContent()).not.toMatch(/modelled/);
  });

  it('sees rovers move, smoothly between their messages', async () => {
    const before = await canvasPixels();
    const start = (await snapshot()).rovers.map((rover) => rover.drawn);
    drive();
    const watch = `new Promise((done) => { const seen = new Set(); const until = performance.now() + 2000;
      const look = () => { seen.add(outrider.snapshot().rovers[0].drawn.x); performance.now() < until ? requestAnimationFrame(look) : done(seen.size); };
      look(); })`;
    const positions: number = await page.evaluate(watch);
    expect(positions, 'ten messages in two seconds, many more drawn positions').toBeGreaterThan(20);
    const end = (await snapshot()).rovers.map((rover) => rover.drawn);
    for (const [index, from] of start.entries()) {
      const to = end[index];
      expect(Math.hypot((to?.x ?? 0) - (from?.x ?? 0), (to?.y ?? 0) - (from?.y ?? 0))).toBeGreaterThan(1);
    }
    const after = await canvasPixels();
    let changed = 0;
    for (let at = 0; at < before.image.data.length; at += 4) if (before.image.data[at] !== after.image.data[at]) changed += 1;
    expect(changed, 'pixels of the map that changed').toBeGreaterThan(2000);
  });

  it('sees hazards appear, in the list and as signs on the map', async () => {
    await eventually(() => page.locator('#findings li[data-status="confirmed"]').count()).toBeGreaterThanOrEqual(2);
    halt();
    await page.waitForTimeout(600);
    const { objects } = await snapshot();
    const confirmed = objects.filter((object) => object.status === 'confirmed');
    const pixels = await canvasPixels();
    for (const { x, y, object } of confirmed) {
      const coloured = pixels.around(x, y, 12).filter(([r = 0, , b = 0]) => Math.abs(r - b) > 100).length;
      expect(coloured, `${object} has its sign`).toBeGreaterThan(60);
    }
    expect(pixels.around(29, 19, 12).filter(([r = 0, , b = 0]) => Math.abs(r - b) > 100)).toHaveLength(0);
    await eventually(() => page.locator('#log li[data-kind="hazard"]').count()).toBeGreaterThanOrEqual(1);
  });

  it('counts and drops malformed messages and goes on', async () => {
    drive();
    const topic = `outrider/${SITE}/rover/rover-1/state`;
    site.client.publish(topic, '{"rover":"rover-1","pose":"<img src=x onerror=alert(1)>"}');
    site.client.publish(topic, Buffer.from([0xc3, 0x28]));
    await eventually(async () => (await snapshot()).dropped).toBeGreaterThanOrEqual(2);
    await eventually(() => page.locator('#connection').textContent()).toMatch(/dropped/);
    const [before] = (await snapshot()).rovers;
    await page.waitForTimeout(800);
    const [after] = (await snapshot()).rovers;
    expect(after?.drawn).not.toEqual(before?.drawn);
  });

  it('pauses, resumes and cancels the mission, and asks before it cancels', async () => {
    const topic = topicOf(missionCommand, { site: SITE, mission: 'sar-1' });
    const commands: string[] = [];
    site.client.on('message', (at, payload) => {
      if (at !== topic) return;
      const { command } = decodeMessage(missionCommand, payload);
      commands.push(command);
      phase = command === 'pause' ? 'paused' : command === 'resume' ? 'running' : 'cancelled';
    });
    await site.client.subscribeAsync(topic);
    await page.getByRole('button', { name: 'Pause' }).click();
    await eventually(() => page.locator('#mission-phase').textContent()).toBe('paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await eventually(() => page.locator('#mission-phase').textContent()).toBe('running');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Keep going' }).click();
    await page.waitForTimeout(300);
    expect(commands).toEqual(['pause', 'resume']);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the mission' }).click();
    await eventually(() => page.locator('#mission-phase').textContent()).toBe('cancelled');
    expect(commands).toEqual(['pause', 'resume', 'cancel']);
    await eventually(() => page.locator('#pause').isDisabled()).toBe(true);
    phase = 'running';
    await eventually(() => page.locator('#mission-phase').textContent()).toBe('running');
  });

  it('moves the map by keys and buttons, and finds back', async () => {
    const project = async (): Promise<{ x: number; y: number }> => await page.evaluate('outrider.project(10, 10)');
    const start = await project();
    await page.locator('#map').focus();
    await page.keyboard.press('ArrowRight');
    expect((await project()).x).toBeCloseTo(start.x - 64, 0);
    await eventually(() => page.locator('#fit').getAttribute('aria-pressed')).toBe('false');
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'Show the whole area' }).click();
    await eventually(async () => Math.round((await project()).x)).toBe(Math.round(start.x));
  });

  it('is readable on a phone: nothing wider than 360 px', async () => {
    const desktop = page;
    page = await open({ width: 360, height: 740, colorScheme: 'light' });
    try {
      await eventually(() => page.locator('.card').count()).toBe(3);
      await page.waitForTimeout(1200);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      const cut: string[] = await page.evaluate(
        `[...document.querySelectorAll('.card *, .figures *, .controls *')].filter((node) => node.getBoundingClientRect().right > 361).map((node) => node.className)`,
      );
      expect(cut).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      await page.waitForTimeout(600);
      await page.screenshot({ path: `${OUT}dashboard-phone.png` });
    } finally {
      await page.close();
      page = desktop;
    }
  });

  it('says that the broker is lost, keeps the last view, and comes back by itself', async () => {
    halt();
    await page.waitForTimeout(500);
    const { tiles, objects } = await snapshot();
    await site.down();
    await eventually(() => page.locator('#connection').textContent()).toMatch(/Broker lost/);
    await eventually(() => page.locator('#notice').isVisible()).toBe(true);
    expect(await page.locator('#pause').isDisabled()).toBe(true);
    expect(await snapshot()).toMatchObject({ tiles, objects: expect.objectContaining({ length: objects.length }) });
    await site.up();
    drive();
    await eventually(() => page.locator('#connection').textContent()).toMatch(/Live/);
    await eventually(() => page.locator('#notice').isVisible()).toBe(false);
    const [before] = (await snapshot()).rovers;
    await eventually(async () => (await snapshot()).rovers[0]?.drawn?.x).not.toBe(before?.drawn?.x);
  });

  it('leaves a screenshot, and nothing to complain about', async () => {
    await page.locator('#fit').click();
    await page.waitForTimeout(1000);
    await page.screenshot({ path: `${OUT}dashboard.png` });
    const image = PNG.sync.read(await page.screenshot());
    expect([image.width, image.height]).toEqual([1440, 900]);
    expect(complaints).toEqual([]);
  });
});
