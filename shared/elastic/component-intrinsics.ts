// What every guest may import besides its host functions: the engine's own mathematics, so that both builds give the same bits,
// number formatting, and the way in which an error leaves the guest with its message.
import { OutriderError } from '../errors.ts';
import { hostImportModule, toKebab } from './component-names.ts';
import type { Field, FunctionSignature, HostInterface, InterfaceType } from './interface-type.ts';

const F64: InterfaceType = { kind: 'number', type: 'f64' };
const I32: InterfaceType = { kind: 'number', type: 'i32' };
const TEXT: InterfaceType = { kind: 'string' };

const define = (
  name: string,
  parameters: readonly (readonly [string, InterfaceType])[],
  result: InterfaceType | null,
): FunctionSignature => ({
  name,
  description: '',
  parameters: parameters.map(([field, type]): Field => ({ name: field, type })),
  result,
  stateful: false,
});

const UNARY = 'sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp expm1 log log2 log10 log1p cbrt'.split(' ');

export const MATH_FUNCTIONS: readonly FunctionSignature[] = [
  ...UNARY.map((name) => define(name, [['x', F64]], F64)),
  define(
    'atan2',
    [
      ['y', F64],
      ['x', F64],
    ],
    F64,
  ),
  define(
    'pow',
    [
      ['base', F64],
      ['exponent', F64],
    ],
    F64,
  ),
  define(
    'hypot',
    [
      ['x', F64],
      ['y', F64],
    ],
    F64,
  ),
  define('numberText', [['x', F64]], TEXT),
  define(
    'toFixed',
    [
      ['x', F64],
      ['digits', I32],
    ],
    TEXT,
  ),
];

export const FAULT: HostInterface = { name: 'fault', functions: [define('raise', [['message', TEXT]], null)] };

type Wrap<G> = (
  signature: FunctionSignature,
  implementation: (...args: unknown[]) => unknown,
  guest: G,
  label: string,
) => (...args: never[]) => unknown;

/**
 * The core imports of the intrinsic interfaces. Functions of numbers only are passed to the engine as they are: V8 then calls
 * the same routine as for JavaScript, without a wrapper.
 */
export function intrinsicImports<G>(guest: G, wrap: Wrap<G>): Record<string, Record<string, WebAssembly.ImportValue>> {
  const math: Record<string, WebAssembly.ImportValue> = {};
  for (const signature of MATH_FUNCTIONS) {
    const implementation = mathFunction(signature.name);
    math[toKebab(signature.name)] =
      signature.result?.kind === 'string' ? wrap(signature, implementation, guest, `math.${signature.name}`) : implementation;
  }
  const [raise] = FAULT.functions;
  const fault = raise === undefined ? {} : { raise: wrap(raise, raiseError as (...args: unknown[]) => unknown, guest, 'fault.raise') };
  return { [hostImportModule('math')]: math, [hostImportModule('fault')]: fault };
}

function mathFunction(name: string): (...args: unknown[]) => unknown {
  if (name === 'numberText') return String;
  if (name === 'toFixed') return ((x: number, digits: number) => x.toFixed(digits)) as (...args: unknown[]) => unknown;
  return Math[name as 'sin'] as (...args: unknown[]) => unknown;
}

function raiseError(message: string): never {
  throw new OutriderError('OUT_MODULE_THREW', message);
}
