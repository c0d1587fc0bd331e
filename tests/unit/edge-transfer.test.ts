// Bundles on their way to a host: tickets, digests, uploads that were cut.
import { describe, expect, test } from 'vitest';
import { decodeTransfer, encodeTransfer } from '../../shared/protocol/offload-transfer.ts';
import { carried, detection, MISSION, prepared, SITE, testSite, type TestSite } from './edge-support.ts';

describe('transfer', () => {
  const bundle = carried[0] as (typeof carried)[0];

  async function reserved(site: TestSite) {
    const rover = await site.rover('rover-1', carried);
    let ticket = '';
    let address = '';
    const bus = site.bus('spy', 'manager');
    await site.run(
      bus.subscribe(`outrider/${SITE}/offload/reply/+`, ({ payload }) => {
        const reply = JSON.parse(new TextDecoder().decode(payload)) as { kind: string; ticket: string; addresses: string[] };
        if (reply.kind === 'reserved') [ticket, address] = [reply.ticket, reply.addresses[0] ?? ''];
      }),
    );
    return { rover, ticket: () => ticket, address: () => address };
  }

  async function talk(site: TestSite, address: string, frames: (Uint8Array | readonly Uint8Array[])[]): Promise<string[]> {
    const transport = await site.run(site.dataPlane.at('intruder').connect(address));
    const said: string[] = [];
    transport.onFrame = (frame) => {
      const message = decodeTransfer(frame);
      said.push(message.kind === 'failed' ? `failed ${message.code}` : message.kind);
    };
    for (const frame of frames) transport.send(frame instanceof Uint8Array ? [frame] : frame);
    await site.pass(1);
    return said;
  }

  test('an invented ticket, a used one, and junk get a coded refusal', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const { rover, ticket, address } = await reserved(site);
    await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
    const open = (with_: string) => encodeTransfer({ kind: 'open', ticket: with_, digest: bundle.digest, bytes: bundle.bytes.byteLength });
    expect(await talk(site, address(), [open('invented')])).toEqual(['failed OUT_EDGE_UNAUTHORIZED']);
    expect(await talk(site, address(), [open(ticket())])).toEqual(['failed OUT_EDGE_UNAUTHORIZED']);
    expect(await talk(site, address(), [Uint8Array.of(9, 9, 9)])).toEqual(['failed OUT_EDGE_TRANSFER']);
    expect(await talk(site, address(), [encodeTransfer({ kind: 'chunk', bytes: new Uint8Array(10) })])).toEqual([
      'failed OUT_EDGE_TRANSFER',
    ]);
  });

  test('a bundle that is not what its digest says is refused and kept nowhere', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const changed = new Uint8Array(bundle.bytes);
    changed[changed.length - 1] = 0;
    const rover = await site.rover('rover-1', [{ ...bundle, bytes: changed }]);
    const result = await site.run(rover.prepare(detection, { reason: 'heat', epoch: 1 }));
    expect(result.kind === 'refused' && result.reason).toMatch(/OUT_MODULE_TAMPERED/);
    expect(site.sandboxes.get('edge-1')?.started).toEqual([]);
    const honest = await site.rover('rover-2', carried);
    expect(prepared(await site.run(honest.prepare(detection, { reason: 'heat', epoch: 1 }))).report.bundleBytesSent).toBe(
      bundle.bytes.byteLength,
    );
  });

  test('an upload that was cut goes on where it stopped', async () => {
    const site = await testSite({ hosts: ['edge-1'] });
    const handler = site.site.hosts.get('edge-1')?.handler;
    handler?.reserve(
      {
        ...{
          instance: 'i-1',
          epoch: 1,
          mission: MISSION,
          rover: 'rover-1',
          requestedBy: 'rover-1',
          tenant: 'default',
          memoryMaxBytes: detection.memoryMaxBytes,
          key: '0'.repeat(64),
        },
        module: { name: detection.name, version: '1.0.0', digest: bundle.digest, sharing: 'per-rover' },
      },
      'ticket-1',
      30,
    );
    const to = handler?.addresses[0] ?? '';
    const open = encodeTransfer({ kind: 'open', ticket: 'ticket-1', digest: bundle.digest, bytes: bundle.bytes.byteLength });
    const half = 300_000;
    const first = await site.run(site.dataPlane.at('rover-1').connect(to));
    first.send(open);
    await site.pass(0.5);
    first.send(encodeTransfer({ kind: 'chunk', bytes: bundle.bytes.subarray(0, half) }));
    await site.pass(0.5);
    first.close(new Error('out of range'));
    const second = await site.run(site.dataPlane.at('rover-1').connect(to));
    const got: unknown[] = [];
    second.onFrame = (frame) => got.push(decodeTransfer(frame));
    second.send(open);
    await site.pass(0.5);
    expect(got).toEqual([{ kind: 'have', bytes: half }]);
    second.send(encodeTransfer({ kind: 'chunk', bytes: bundle.bytes.subarray(half) }));
    await site.pass(0.5);
    expect(got[1]).toMatchObject({ kind: 'ready', instance: 'i-1' });
  });
});
