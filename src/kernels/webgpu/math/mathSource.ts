// The elementwise functions of tensor programs as WGSL source.
import { exactFunctions } from './exactFunctions.js';
import { exponentialFunctions } from './exponentialFunctions.js';
import { gammaFunctions } from './gammaFunctions.js';
import { logarithmFunctions } from './logarithmFunctions.js';
import { normalFunctions } from './normalFunctions.js';
import { powerFunctions } from './powerFunctions.js';
import { calledBy, functionName, instantiate, type Templates, type WgslType } from './template.js';
import { trigonometricFunctions } from './trigonometricFunctions.js';

/**
 * Functions that can be asked for; pow, mod, min and max take two arguments, atan2 takes (y, x), infinity and nan take
 * none. They mean what `unaryScalar` and `binaryScalar` mean in f64.
 *
 * Errors stand at the functions: the largest measured one in ulps of f32 (6e-8 to 1.2e-7 of the value) over 5·10⁵
 * random arguments per range, with fused and with separate multiply-adds and correctly rounded division and square root.
 * WGSL allows a division 2.5 ulp and a square root about 3. Mean signed errors were below 2.5e-9 of the value, save
 * where noted. Results in the subnormal range (below 1.2e-38) may be flushed to zero; so may subnormal arguments, but
 * by log.
 *
 * Nothing rests on the accuracy of built-in functions: only on +, −, ×, /, sqrt, fma (fused or not), round, floor,
 * comparisons and integers. Optimisers may contract a·b + c and merge added constants.
 */
export const mathNames = [
  'exp',
  'log',
  'log1p',
  'expm1',
  'sigmoid',
  'softplus',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'asinh',
  'acosh',
  'atanh',
  'erf',
  'normalCdf',
  'normalLogCdf',
  'logGamma',
  'digamma',
  'trigamma',
  'pow',
  'atan2',
  'isNaN',
  'sign',
  'round',
  'mod',
  'min',
  'max',
  'infinity',
  'nan',
] as const;
export type MathName = (typeof mathNames)[number];

const templates: Templates = {
  ...exactFunctions,
  ...exponentialFunctions,
  ...logarithmFunctions,
  ...powerFunctions,
  ...trigonometricFunctions,
  ...normalFunctions,
  ...gammaFunctions,
};

/** The name to call: `${mathCall('exp', 'vec4f')}(x)`. */
export function mathCall(fn: MathName, type: WgslType): string {
  return functionName(fn, type);
}

/**
 * Declarations of the functions for one type with all that they need, each once. Two types may be declared in one module;
 * ask for all functions of a type in one call. Without branches: every lane does the same work.
 */
export function mathSource(functions: Iterable<MathName>, type: WgslType): string {
  const needed = new Set<string>();
  const add = (name: string): void => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const called of calledBy(templates[name])) add(called);
  };
  for (const name of functions) add(name);
  return Array.from(needed, (name) => instantiate(templates[name], type)).join('\n');
}

/**
 * Declares `opaqueCall(type)`, the identity of numbers that no compiler can see through: what is computed from its result
 * cannot be simplified together with what its argument was computed from, so that compensated sums survive. `zero` is an
 * expression of type u32 that is 0 whenever the shader runs, and not known when it is compiled: a uniform.
 */
export function opaqueSource(type: WgslType, zero: string): string {
  return instantiate(`fn @opaque(x: T) -> T { return bitcast<T>(bitcast<U>(x) ^ U(${zero})); }`, type);
}

export function opaqueCall(type: WgslType): string {
  return functionName('opaque', type);
}
