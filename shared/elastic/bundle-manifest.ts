// The schema of manifest.json: what a bundle from elsewhere must look like before anything of it is used.
import { z } from 'zod';
import type { InterfaceType } from './interface-type.ts';
import type { ModuleManifest } from './module-manifest.ts';

/** Deeper types are refused: no interface needs them, and every walk over a type recurses. */
const MAX_TYPE_DEPTH = 32;

const identifier = z.string().regex(/^[A-Za-z_$][\w$]{0,127}$/);
const numberType = z.enum(['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64', 'f32', 'f64']);

const interfaceType: z.ZodType<InterfaceType> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('number'), type: numberType }),
    z.strictObject({ kind: z.literal('boolean') }),
    z.strictObject({ kind: z.literal('string') }),
    z.strictObject({ kind: z.literal('typed-array'), element: numberType }),
    z.strictObject({ kind: z.literal('list'), element: interfaceType }),
    z.strictObject({ kind: z.literal('record'), name: identifier, fields: fields.min(1) }),
    z.strictObject({ kind: z.literal('enum'), name: identifier, cases: z.array(z.string().max(200)).min(1).max(1000) }),
    z.strictObject({ kind: z.literal('option'), value: interfaceType }),
    z.strictObject({
      kind: z.literal('variant'),
      name: identifier,
      discriminant: identifier,
      cases: z.array(variantCase).min(1).max(1000),
    }),
  ]),
);
const field = z.strictObject({ name: identifier, type: interfaceType });
const fields = z.array(field).max(1000);
const variantCase = z.strictObject({ name: z.string().max(200), fields });

const typeDepth = (type: InterfaceType, depth = 0): number => {
  if (depth > MAX_TYPE_DEPTH) return depth;
  if (type.kind === 'list') return typeDepth(type.element, depth + 1);
  if (type.kind === 'option') return typeDepth(type.value, depth + 1);
  if (type.kind === 'record') return Math.max(depth, ...type.fields.map((item) => typeDepth(item.type, depth + 1)));
  if (type.kind === 'variant')
    return Math.max(depth, ...type.cases.flatMap((item) => item.fields.map((inner) => typeDepth(inner.type, depth + 1))));
  return depth;
};
const boundedType = interfaceType.refine((type) => typeDepth(type) <= MAX_TYPE_DEPTH, {
  error: `a type nests more than ${MAX_TYPE_DEPTH} deep`,
});

const signature = z.strictObject({
  name: identifier,
  description: z.string().max(2000),
  parameters: z.array(z.strictObject({ name: identifier, type: boundedType })).max(100),
  result: boundedType.nullable(),
  stateful: z.boolean(),
});
const fileName = z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/);
const buildEntry = z.strictObject({ file: fileName, bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const version = z.int().min(1).max(0xffff_ffff);

export const manifestSchema: z.ZodType<ModuleManifest> = z.strictObject({
  formatVersion: z.literal(1),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  version: z.string().max(64),
  description: z.string().max(2000),
  functions: z.array(signature).min(1).max(1000),
  hostInterfaces: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/), functions: z.array(signature).max(1000) }))
    .max(100),
  state: z
    .strictObject({
      version,
      type: boundedType,
      previous: z
        .array(z.strictObject({ version, type: boundedType }))
        .max(100)
        .optional(),
    })
    .nullable() as z.ZodType<ModuleManifest['state']>,
  sharing: z.enum(['shared', 'per-rover']),
  memoryMaxBytes: z
    .int()
    .min(65_536)
    .max(2 ** 32),
  onboard: z.enum(['native', 'wasm']),
  builds: z.strictObject({
    native: buildEntry.nullable(),
    wasm: buildEntry.extend({ engine: z.enum(['assemblyscript', 'starlingmonkey', 'prebuilt']) }),
    wit: buildEntry,
  }),
});
