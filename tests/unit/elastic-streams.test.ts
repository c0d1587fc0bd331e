// Streams of calls: order, back pressure, errors and their end, while the module moves.
import { describe, expect, it } from 'vitest';
import { streamCalls } from '../../shared/elastic/stream-calls.ts';
import { echo, inVirtualTime, ledger } from '../support/elastic-rig.ts';

describe('a stream', () => {
  it('takes items and gives results in order, a window ahead, while the module moves', async () => {
    const rig = echo({ holdBackSec: () => 0.002 });
    await inVirtualTime(rig, async () => {
      let taken = 0;
      let given = 0;
      let ahead = 0;
      async function* source(): AsyncGenerator<number> {
        for (let item = 0; item < 100; item += 1) {
          taken += 1;
          ahead = Math.max(ahead, taken - given);
          yield item;
          if (item % 10 === 0) await rig.clock.sleep(0.005);
        }
      }
      const moves = (async () => {
        for (const move of ['offload', 'handoff', 'recall'] as const) expect((await rig.module[move]()).outcome).toBe('moved');
      })();
      const results: number[] = [];
      for await (const result of streamCalls((item: number) => rig.module.handle.double(item), source(), { window: 5 })) {
        given += 1;
        results.push(result);
      }
      await moves;
      expect(results).toEqual(Array.from({ length: 100 }, (_, item) => 2 * item));
      expect(ahead).toBeLessThanOrEqual(6);
      expect(ahead).toBeGreaterThan(2);
    });
  });

  it('gives an answer when it is there, not only when the source has its next item', async () => {
    const rig = echo();
    await inVirtualTime(rig, async () => {
      async function* source(): AsyncGenerator<number> {
        yield 1;
        await rig.clock.sleep(100);
        yield 2;
      }
      const times: number[] = [];
      for await (const result of streamCalls((item: number) => rig.module.handle.double(item), source()))
        times.push(rig.clock.nowSec() + 0 * result);
      expect(times[0]).toBeLessThan(1);
      expect(times[1]).toBeGreaterThan(99);
    });
  });

  it('ends with the error of a call, and cancels and closes the source when it is left', async () => {
    const rig = ledger({ holdBackSec: () => 0.01 });
    await inVirtualTime(rig, async () => {
      await rig.module.offload();
      const seen: number[] = [];
      await expect(
        (async () => {
          for await (const count of streamCalls(
            (item: number) => (item === 3 ? rig.module.handle.fail('three').then(() => 0) : rig.module.handle.append(item)),
            [1, 2, 3, 4],
          ))
            seen.push(count);
        })(),
      ).rejects.toThrow('three');
      expect(seen).toEqual([1, 2]);
      let closed = false;
      function* endless(): Generator<number> {
        try {
          for (let item = 10; ; item += 1) yield item;
        } finally {
          closed = true;
        }
      }
      for await (const count of streamCalls((item: number, options) => rig.module.handle.append(item, options), endless(), { window: 8 })) {
        if (count > 4) break;
      }
      expect(closed).toBe(true);
      const entries = await rig.module.handle.entries();
      expect(entries.length).toBeLessThan(10);
    });
  });
});
