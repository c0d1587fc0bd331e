// Small pieces of AssemblyScript text that loading, storing, writing and reading of values share.
import { recordLayout, type CoreType } from '../../shared/elastic/component-layout.ts';
import { memberOf, toInterfaceType, type PortableField, type PortableType, type VariantType } from '../analysis/portable-type.ts';

/** The test for a case number `c`; the last case is what remains. */
export const unlessLast = (type: VariantType, index: number): string => (index === type.cases.length - 1 ? '' : `if (c == ${index}) `);

export function fieldAt(fields: readonly PortableField[], index: number): PortableField {
  const field = fields[index];
  if (field === undefined) throw new RangeError('no such field');
  return field;
}

export const wireFields = (fields: readonly PortableField[]) =>
  fields.map((field) => ({ name: field.name, type: toInterfaceType(field.type) }));
export const optionWire = (type: PortableType & { kind: 'option' }) =>
  toInterfaceType(type) as ReturnType<typeof toInterfaceType> & { kind: 'option' };
export const variantWire = (type: VariantType) => toInterfaceType(type) as ReturnType<typeof toInterfaceType> & { kind: 'variant' };
export const fixedSize = (type: PortableType): number => recordLayout([{ name: 'v', type: toInterfaceType(type) }]).size;

/** Classes with behaviour are allocated without their constructor: every field comes from the state. */
export function construct(name: string, values: readonly string[], classFields: readonly PortableField[] | null): string {
  if (classFields === null) return `return new ${name}(${values.join(', ')});`;
  const sets = classFields.map((field, index) => `o.${memberOf(field)} = ${values[index]};`);
  return `const o = changetype<${name}>(__new(offsetof<${name}>(), idof<${name}>())); ${sets.join(' ')} return o;`;
}

export const enumFromIndex = (cases: readonly string[], index: string): string =>
  cases
    .slice(0, -1)
    .reduceRight((rest, name, at_) => `${index} == ${at_} ? ${JSON.stringify(name)} : ${rest}`, JSON.stringify(cases.at(-1) ?? ''));

export const enumToIndex = (cases: readonly string[], value = 'v'): string =>
  cases
    .slice(0, -1)
    .reduceRight((rest, name, index) => `${value} == ${JSON.stringify(name)} ? ${index} : ${rest}`, String(cases.length - 1));

/** A core value seen as another core type, as variants join them. */
export function castCore(text: string, from: CoreType, to: CoreType): string {
  if (from === to) return text;
  if (from === 'i64')
    return to === 'i32' ? `<i32>(${text})` : to === 'f64' ? `reinterpret<f64>(${text})` : `reinterpret<f32>(<i32>(${text}))`;
  if (to === 'i64')
    return from === 'i32' ? `<i64><u32>(${text})` : from === 'f64' ? `reinterpret<i64>(${text})` : `<i64><u32>reinterpret<i32>(${text})`;
  return to === 'f32' ? `reinterpret<f32>(${text})` : `reinterpret<i32>(${text})`;
}
