// What a guest publishes leaves its worker no faster than the site allows, and the newest word on each topic always arrives.
import { expect, test } from 'vitest';
import type { HostEffect } from '../../edge/host/host-functions/host-effect.ts';
import { PacedEffects } from '../../edge/host/sandbox/paced-effects.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

const PER_SEC = 100;

function bench() {
  const clock = new VirtualClock();
  const out: HostEffect[] = [];
  const effects = new PacedEffects({ clock, perSec: PER_SEC, put: (effect) => out.push(effect) });
  const say = (topic: string, value: number): void => effects.take({ kind: 'publish', topic, payload: Uint8Array.of(value) });
  const newest = (): Record<string, number | undefined> =>
    Object.fromEntries(out.map((effect) => (effect.kind === 'publish' ? [effect.topic, effect.payload[0]] : ['log', 0])));
  return { clock, effects, out, say, newest };
}

test('a few messages go at once', () => {
  const { out, say } = bench();
  for (let index = 0; index < PER_SEC / 20; index += 1) say(`tile/${index}`, index);
  expect(out).toHaveLength(PER_SEC / 20);
});

test('a flood of one topic becomes its newest message', async () => {
  const { clock, out, say, newest } = bench();
  for (let index = 0; index < 5000; index += 1) say('metadata', index % 251);
  expect(out).toHaveLength(PER_SEC / 20);
  await clock.run({ untilSec: 1 });
  expect(out).toHaveLength(PER_SEC / 20 + 1);
  expect(newest()).toEqual({ metadata: 4999 % 251 });
});

test('a large map leaves at the rate that the site allows, whole', async () => {
  const { clock, out, say } = bench();
  for (let index = 0; index < 300; index += 1) say(`tile/${index}`, 1);
  await clock.run({ untilSec: 1 });
  expect(out.length).toBeLessThanOrEqual(PER_SEC / 20 + PER_SEC + 1);
  await clock.run({ untilSec: 20 });
  expect(new Set(out.map((effect) => effect.kind === 'publish' && effect.topic)).size).toBe(300);
});

test('topics without end fill no memory', async () => {
  const { clock, effects, out, say } = bench();
  for (let index = 0; index < 100_000; index += 1) say(`tile/${index}`, 1);
  effects.end();
  expect(out.length).toBeLessThan(2500);
  await clock.run({ untilSec: 20 });
  expect(out.length).toBeLessThan(2500);
});

test('an instance that ends has its last word', () => {
  const { effects, say, newest } = bench();
  for (let index = 0; index < 100; index += 1) say('metadata', index);
  effects.end();
  expect(newest()).toEqual({ metadata: 99 });
});

test('lines of a log beyond the rate are dropped, not kept', async () => {
  const { clock, effects, out } = bench();
  for (let index = 0; index < 1000; index += 1) effects.take({ kind: 'log', level: 'info', text: 'again' });
  await clock.run({ untilSec: 20 });
  expect(out).toHaveLength(PER_SEC / 20);
});
