// Builds a WebAssembly module with the vector functions, and measures errors in units in the last place.

import { readFileSync } from 'node:fs';
import type { MathFunction } from '../../src/kernels/math/vectorMath.js';
import { declareMath, mathImports } from '../../src/kernels/math/vectorMath.js';
import { FunctionBuilder, ModuleBuilder } from '../../src/kernels/wasm/encoder.js';

/** Rows [argument(s)…, value] per function, from scripts/golden/special_functions.py. */
export const golden = JSON.parse(
  readFileSync(new URL('../golden/special-functions.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly (readonly number[])[]>>;

export const mathFunctions: readonly MathFunction[] = [
  'exp',
  'log',
  'log1p',
  'expm1',
  'sigmoid',
  'softplus',
  'tanh',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
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
];

/** out[i] = f(x[i]) or f(x[i], y[i]), computed two elements at a time. */
type ArrayFunction = (x: ArrayLike<number>, y?: ArrayLike<number>) => Float64Array;

/** An exported function (address of x, of y, of out, bytes) that applies `index` to every pair of doubles. */
function mapOverPairs(index: number, parameters: number): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32', 'i32'], []);
  const offset = f.local('i32');
  f.body.block().loop().get(offset).get(3).op('i32_ge_u').branchIf(1);
  f.body.get(2).get(offset).op('i32_add');
  for (let p = 0; p < parameters; p++) f.body.get(p).get(offset).op('i32_add').mem('v128_load', 0);
  f.body.call(index).mem('v128_store', 0);
  f.body.get(offset).i32Const(16).op('i32_add').set(offset).branch(0).op('end', 'end');
  return f;
}

export function buildMath(names: readonly MathFunction[]): {
  readonly bytes: number;
  readonly functions: Readonly<Record<MathFunction, ArrayFunction>>;
} {
  const builder = new ModuleBuilder();
  const indices = declareMath(builder, new Set(names));
  for (const name of names) {
    builder.addFunction(mapOverPairs(indices.get(name)!, name === 'pow' || name === 'atan2' ? 2 : 1), name);
  }
  const pages = 16;
  const binary = builder.encode({ minimum: pages, maximum: pages, shared: false });
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary as BufferSource), {
    env: { memory, ...mathImports },
  });
  const third = Math.floor((pages * 65536) / 3 / 16) * 16;
  const arrayFunction = (name: MathFunction): ArrayFunction => {
    const run = instance.exports[name] as (x: number, y: number, out: number, bytes: number) => void;
    return (x, y) => {
      const padded = x.length + (x.length % 2);
      if (padded * 8 > third) throw new Error(`at most ${third / 8} elements`);
      new Float64Array(memory.buffer, 0, x.length).set(x);
      if (y !== undefined) new Float64Array(memory.buffer, third, y.length).set(y);
      run(0, third, 2 * third, padded * 8);
      return new Float64Array(memory.buffer, 2 * third, x.length).slice();
    };
  };
  const functions = Object.fromEntries(names.map((name) => [name, arrayFunction(name)]));
  return { bytes: binary.length, functions: functions as Record<MathFunction, ArrayFunction> };
}

/** Position of a double on the line of all doubles, so that neighbours differ by one. */
function ordinal(x: number): bigint {
  const bits = new BigInt64Array(Float64Array.of(x).buffer)[0];
  return bits < 0n ? -(bits & ((1n << 63n) - 1n)) : bits;
}

/** How many doubles apart; 0 for NaN and NaN, Infinity for NaN and a number. A distance of d means an error below d + ½ ulp. */
export function ulpDistance(actual: number, expected: number): number {
  if (Number.isNaN(actual) || Number.isNaN(expected)) {
    return Number.isNaN(actual) && Number.isNaN(expected) ? 0 : Infinity;
  }
  const distance = ordinal(actual) - ordinal(expected);
  return Number(distance < 0n ? -distance : distance);
}
