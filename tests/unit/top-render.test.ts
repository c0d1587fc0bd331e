// The terminal view: what a frame shows, and that it keeps within the terminal whatever a site says.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderSite } from '../../edge/top/render.ts';
import { frameText } from '../../edge/top/screen.ts';
import type { SiteState } from '../../edge/top/site-watch.ts';
import { columnsOf, fitted, printable } from '../../edge/top/text-table.ts';
import { fleetOf, rover, EMPTY, event, host, record } from '../support/top-state.ts';

const WIDE = { width: 200, height: Infinity };
const texts = (state: SiteState, size = WIDE): string[] => renderSite(state, 'mqtt://broker', size).map(({ text }) => text);

describe('a frame', () => {
  test('says what rovers, hosts and placements do, in aligned columns', () => {
    const shown = texts(fleetOf(2));
    expect(shown[0]).toBe('Outrider · site barn · mqtt://broker · manager active, term 3');
    expect(shown[1]).toBe('mission search running 2:05 · 2 rovers · 12.5 m² explored · 1 hazards');
    const line = (start: string): string => shown.find((text) => text.startsWith(start)) ?? '';
    expect(line('rover-1')).toMatch(
      /^rover-1 +exploring +15 % +61 °C +40 % +5\.5 W +object-detection@edge-1 12 ms {2}map-server@onboard ~3\.5 ms$/,
    );
    expect(line('edge-1')).toMatch(/^edge-1 +online +25 % +16 of 1024 MiB +1 of 32 +7 +-$/);
    expect(line('detection-1')).toMatch(/^detection-1 +object-detection 1\.0\.0 +edge-1 +rover-1 +4 +running$/);
    expect(line('0:59')).toMatch(/^0:59 +offload +rover-1 +moved$/);
    expect(line('ROVER').indexOf('MODULES')).toBe(line('rover-1').indexOf('object-detection@'));
  });

  test('says how many layers of a shared network are at the host', () => {
    const shared = { layers: 49, atHost: 9, plan: 1, plans: 4, linkMbps: 9.5 };
    const module = { module: 'neural-detection', placement: 'edge-1', epoch: 1, calls: 3, latencyMs: 95, modelled: false, shared };
    const state: SiteState = { ...fleetOf(0), rovers: [rover('rover-1', { modules: [module] })] };
    expect(texts(state).join('\n')).toContain('neural-detection@edge-1 (9 of 49 layers) 95 ms');
  });

  test('marks what is worth a look: low battery, a lost rover, a lost host, an instance that waits for a host', () => {
    const state: SiteState = {
      ...fleetOf(0),
      rovers: [rover('low'), { rover: 'gone', presence: 'lost', state: null }, rover('well', { batteryFraction: 0.8 })],
      hosts: [{ host: 'edge-9', session: 's', status: 'lost' }, host('edge-1')],
      placements: [{ ...record('map', 'edge-1'), status: 'restarting', host: null }],
    };
    const warnings = renderSite(state, 'mqtt://broker', WIDE).filter(({ style }) => style === 'warning');
    expect(warnings.map(({ text }) => text.split(' ')[0])).toEqual(['low', 'gone', 'edge-9', 'map']);
  });

  test('says that the broker is away, and that nobody manages', () => {
    const [title] = renderSite({ ...EMPTY, connected: false }, 'mqtt://broker', WIDE);
    expect(title).toEqual({ text: 'Outrider · site barn · mqtt://broker is out of reach · no manager', style: 'warning' });
  });

  test('shortens the longest sections where the terminal is low, and says by how much; events keep their newest', () => {
    const events = Array.from({ length: 50 }, (_, index) => event(index, `event ${index}`));
    const shown = texts({ ...fleetOf(40), events }, { width: 120, height: 30 });
    expect(shown).toHaveLength(30);
    const rovers = shown.filter((text) => text.startsWith('rover-')).length;
    expect(rovers).toBeGreaterThan(3);
    expect(shown).toContain(`… ${40 - rovers} more`);
    expect(shown.at(-1)).toContain('event 49');
  });

  test('never wider or higher than the terminal, for any names and sizes', () => {
    const faults = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 3 });
    fc.assert(
      fc.property(faults, fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 60 }), fc.nat(60), (notes, width, height, count) => {
        const fleet = fleetOf(count);
        const state = { ...fleet, rovers: [...fleet.rovers, rover('r', { faults: notes })] };
        const lines = renderSite(state, 'mqtt://broker', { width, height });
        expect(lines.length).toBeLessThanOrEqual(height);
        for (const { text } of lines) expect(columnsOf(text)).toBeLessThanOrEqual(width);
      }),
    );
  });

  test('an escape sequence in what a rover says does not reach the terminal', () => {
    const state = { ...EMPTY, rovers: [rover('r', { faults: ['\u001b[2J\u001b]0;title\u0007 \u009b31m gone'] })] };
    const codes = frameText(renderSite(state, 'mqtt://broker', WIDE)).matchAll(/[\u001b\u009b\u0007](\[?[?0-9;]*[a-zA-Z]?)/g); // eslint-disable-line no-control-regex
    expect(new Set([...codes].map(([, code]) => code))).toEqual(new Set(['[H', '[2m', '[33m', '[0m', '[K', '[J']));
  });
});

test('text is cut by columns, not by code units', () => {
  expect(fitted('abcdef', 6)).toBe('abcdef');
  expect(fitted('abcdef', 5)).toBe('abcd…');
  expect(columnsOf(fitted('漢字漢字', 5))).toBeLessThanOrEqual(5);
  expect(printable('a\nb\u202ec')).toBe('a?b?c');
});
