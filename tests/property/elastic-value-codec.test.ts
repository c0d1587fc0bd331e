// The typed value codec: what goes in comes out; what is no encoding is refused with a code, at bounded cost.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InterfaceType } from '../../shared/elastic/interface-type.ts';
import { decodeValues, encodeValues } from '../../shared/elastic/value-codec.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { valuesOf } from '../support/module-values.ts';

const numbers = ['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64', 'f32', 'f64'] as const;
const { type: types } = fc.letrec<{ type: InterfaceType }>((tie) => {
  const fields = fc
    .array(tie('type'), { minLength: 1, maxLength: 4 })
    .map((list) => list.map((type, index) => ({ name: ['alpha', 'beta', '__proto__', 'constructor'][index] ?? 'x', type })));
  return {
    type: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...numbers).map((type): InterfaceType => ({ kind: 'number', type })),
      fc.constant<InterfaceType>({ kind: 'boolean' }),
      fc.constant<InterfaceType>({ kind: 'string' }),
      fc.constantFrom(...numbers).map((element): InterfaceType => ({ kind: 'typed-array', element })),
      fc.constant<InterfaceType>({ kind: 'enum', name: 'Phase', cases: ['idle', 'busy', 'done'] }),
      tie('type').map((element): InterfaceType => ({ kind: 'list', element })),
      tie('type').map((value): InterfaceType => (value.kind === 'option' ? value : { kind: 'option', value })),
      fields.map((list): InterfaceType => ({ kind: 'record', name: 'Thing', fields: list.filter((field) => field.name !== '__proto__') })),
      fc.tuple(fields, fields).map(([a, b]): InterfaceType => ({
        kind: 'variant',
        name: 'Shape',
        discriminant: 'kind',
        cases: [
          { name: 'one', fields: a.filter((field) => field.name !== '__proto__') },
          { name: 'two', fields: b.filter((field) => field.name !== '__proto__') },
          { name: 'none', fields: [] },
        ],
      })),
    ),
  };
});
const typed = types.chain((type) => fc.tuple(fc.constant(type), valuesOf(type)));

/** Whether bytes were decoded or refused by code; anything else is thrown on. */
function decodedOrRefused(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!isOutriderError(error, 'OUT_MODULE_VALUE')) throw error;
    return true;
  }
}

describe('typed value codec', () => {
  it('gives back every value of every type', () => {
    fc.assert(
      fc.property(typed, ([type, value]) => {
        expect(decodeValues([type], encodeValues([type], [value]))).toEqual([value]);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses every shortened or lengthened encoding', () => {
    fc.assert(
      fc.property(typed, fc.nat(), ([type, value], cut) => {
        const bytes = encodeValues([type], [value]);
        expect(() => decodeValues([type], bytes.subarray(0, cut % bytes.length))).toThrow(
          expect.objectContaining({ code: 'OUT_MODULE_VALUE' }),
        );
        expect(() => decodeValues([type], Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(
          expect.objectContaining({ code: 'OUT_MODULE_VALUE' }),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('answers arbitrary bytes with a value or a code', () => {
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
        expect(decodedOrRefused(() => decodeValues([type], bytes))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not allocate what a count merely claims', () => {
    const bytes = Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    const types_: InterfaceType[] = [
      { kind: 'typed-array', element: 'f64' },
      { kind: 'list', element: { kind: 'boolean' } },
      { kind: 'string' },
    ];
    for (const type of types_) {
      const before = process.memoryUsage().arrayBuffers;
      expect(() => decodeValues([type], bytes)).toThrow(expect.objectContaining({ code: 'OUT_MODULE_VALUE' }));
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
    }
  });

  it('holds the limit of values: at it, and one over it', () => {
    const type: InterfaceType = { kind: 'list', element: { kind: 'boolean' } };
    const bytes = encodeValues([type], [[true, false, true]]);
    expect(decodeValues([type], bytes, { maxValues: 4 })).toEqual([[true, false, true]]);
    expect(() => decodeValues([type], bytes, { maxValues: 3 })).toThrow(/too many values/);
  });

  it('keeps a field called __proto__ a field', () => {
    const type: InterfaceType = {
      kind: 'record',
      name: 'R',
      fields: [{ name: '__proto__', type: { kind: 'record', name: 'P', fields: [{ name: 'polluted', type: { kind: 'boolean' } }] } }],
    };
    const [value] = decodeValues([type], Buffer.from([1])) as [object];
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('copies typed arrays unless the caller hands the buffer over', () => {
    const type: InterfaceType = { kind: 'typed-array', element: 'u8' };
    const bytes = encodeValues([type], [new Uint8Array([1, 2, 3])]);
    const [copy] = decodeValues([type], bytes) as [Uint8Array];
    const [view] = decodeValues([type], bytes, { viewsAllowed: true }) as [Uint8Array];
    bytes[4] = 9;
    expect([...copy]).toEqual([1, 2, 3]);
    expect([...view]).toEqual([9, 2, 3]);
  });

  it('says at which path a value has not its type', () => {
    const type: InterfaceType = {
      kind: 'list',
      element: { kind: 'record', name: 'R', fields: [{ name: 'x', type: { kind: 'number', type: 'u8' } }] },
    };
    expect(() => encodeValues([type], [[{ x: 1 }, { x: 256 }]])).toThrow('value 0[1].x: 256 is not a whole number from 0 to 255');
  });
});
