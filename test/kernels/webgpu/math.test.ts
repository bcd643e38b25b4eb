// The WGSL functions against the f64 ones at the same f32 arguments: errors in ulps, mean errors, special values.
import { afterAll, describe, expect, it } from 'vitest';
import {
  type MathName,
  mathCall,
  mathNames,
  mathSource,
  opaqueCall,
  opaqueSource,
} from '../../../src/kernels/webgpu/math/mathSource.js';
import type { WgslType } from '../../../src/kernels/webgpu/math/template.js';
import { binaryScalar, unaryScalar } from '../../../src/kernels/program/scalarFunctions.js';
import type { BinaryFunction, UnaryFunction } from '../../../src/kernels/program/tensorProgram.js';
import { errorInUlps, evaluate, runOnArrays } from './mathKernel.js';
import { testGpu } from './testGpu.js';

const gpu = await testGpu();
afterAll(() => gpu?.dispose());

const types: readonly WgslType[] = ['f32', 'vec4f'];
const count = 2 ** 14;

/** Half of the arguments are a grid, half are fresh random numbers: of an interval, or of a logarithmic one with a sign. */
type Range = readonly [number, number] | { readonly sign: 1 | -1; readonly exponents: readonly [number, number] };

function draw(range: Range): Float32Array {
  const at = (i: number): number => (i % 2 === 0 ? i / (count - 2) : Math.random());
  if ('sign' in range) {
    const [low, high] = range.exponents;
    return Float32Array.from({ length: count }, (_, i) => range.sign * 10 ** (low + (high - low) * at(i)));
  }
  return Float32Array.from({ length: count }, (_, i) => range[0] + (range[1] - range[0]) * at(i));
}
const positive = (low: number, high: number): Range => ({ sign: 1, exponents: [low, high] });
const negative = (low: number, high: number): Range => ({ sign: -1, exponents: [low, high] });

/** The documented largest error in ulps, and the ranges that it is documented for. */
const unary: readonly (readonly [UnaryFunction & MathName, number, readonly Range[]])[] = [
  [
    'exp',
    1,
    [
      [-1, 1],
      [-87, 88.7],
      [-1e-3, 1e-3],
    ],
  ],
  ['log', 1, [[0.5, 2], [0.999, 1.001], positive(-44, 38)]],
  ['log1p', 1, [[-1, 1], positive(-37, 38), negative(-37, -1e-6)]],
  ['expm1', 1.5, [[-1, 1], [-30, 88.7], negative(-37, -1)]],
  [
    'sigmoid',
    2.5,
    [
      [-5, 5],
      [-87, 100],
    ],
  ],
  [
    'softplus',
    2,
    [
      [-5, 5],
      [-87, 100],
    ],
  ],
  ['tanh', 1.5, [[-1, 1], [-12, 12], positive(-37, 38)]],
  ['sin', 1.5, [[-4, 4], [-100, 100], negative(-37, 0)]],
  [
    'cos',
    1.5,
    [
      [-4, 4],
      [-100, 100],
      [-1e5, 1e5],
    ],
  ],
  ['tan', 3.25, [[-4, 4], [-100, 100], negative(-37, 0)]],
  ['asin', 2.25, [[-1, 1], [0.99, 1], negative(-37, 0)]],
  [
    'acos',
    1.5,
    [
      [-1, 1],
      [0.99, 1],
    ],
  ],
  ['atan', 2, [[-2, 2], positive(-37, 38)]],
  ['sinh', 1.75, [[-1.1, 1.1], [-90, 90], positive(-37, 0)]],
  [
    'cosh',
    1.5,
    [
      [-1.1, 1.1],
      [-90, 90],
    ],
  ],
  ['asinh', 2, [[-1, 1], positive(-37, 38)]],
  ['acosh', 2.75, [[1, 1.01], [1, 5], positive(0, 38)]],
  ['atanh', 1.5, [[-1, 1], [0.99, 1], positive(-37, 0)]],
  ['erf', 1.5, [[-1.2, 1.2], [-5, 5], positive(-37, 0)]],
  [
    'normalCdf',
    3.75,
    [
      [-3, 3],
      [-12.9, 6],
    ],
  ],
  ['normalLogCdf', 4.75, [[-2, 2], [-14, 6], negative(-30, 18)]],
  ['logGamma', 3.75, [[0.01, 4], [0.99, 1.01], [1.99, 2.01], [2.5, 12], positive(-37, 36)]],
  ['digamma', 2.5, [[0.01, 4], [1.46, 1.462], [2.5, 12], positive(-37, 38)]],
  ['trigamma', 2.75, [[0.01, 4], [2, 12], positive(-18, 37)]],
];

const binary: readonly (readonly [BinaryFunction & MathName, number, readonly (readonly [Range, Range])[]])[] = [
  [
    'pow',
    1.25,
    [
      [
        [0, 4],
        [-20, 20],
      ],
      [positive(-38, 38), [-1, 1]],
      [
        [0.99, 1.01],
        [-5000, 5000],
      ],
      [
        [0.5, 1.5],
        [-100, 100],
      ],
    ],
  ],
  [
    'atan2',
    2,
    [
      [
        [-1, 1],
        [-1, 1],
      ],
      [positive(-20, 30), negative(-20, 30)],
      [negative(30, 38.4), positive(30, 38.4)],
    ],
  ],
  [
    'mod',
    1,
    [
      [
        [-100, 100],
        [-7, 7],
      ],
      [
        [-1e6, 1e6],
        [0.5, 1],
      ],
    ],
  ],
  [
    'min',
    0,
    [
      [
        [-1, 1],
        [-1, 1],
      ],
    ],
  ],
  [
    'max',
    0,
    [
      [
        [-1, 1],
        [-1, 1],
      ],
    ],
  ],
];

/** Largest error in ulps with its argument, and the mean of (f − true)/|true| with its standard error. */
function judge(
  actual: Float32Array,
  expected: (i: number) => number,
): { worst: number; at: number; mean: number; error: number } {
  let [worst, at, sum, squares] = [0, 0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    const truth = expected(i);
    const ulps = Math.abs(errorInUlps(actual[i], truth));
    if (!(ulps <= worst)) [worst, at] = [ulps, i];
    const relative = Math.abs(truth) > 1.2e-38 && Math.abs(truth) < 3.4e38 ? (actual[i] - truth) / Math.abs(truth) : 0;
    sum += relative;
    squares += relative * relative;
  }
  return { worst, at, mean: sum / actual.length, error: Math.sqrt(squares) / actual.length };
}

/** Sums of millions of rows inherit the mean error: a small fraction of an ulp (1.2e-7) is asked of it. */
const largestMean = 5e-9;
/** The value is π/2 or π, a large number plus log 2, or passes through a root. */
const largestMeans: Partial<Record<MathName, number>> = {
  atan: 3e-8,
  atan2: 3e-8,
  asinh: 1.5e-8,
  acosh: 1.5e-8,
  digamma: 1e-8,
};

const specials = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  3,
  -3,
  7,
  -7,
  Infinity,
  -Infinity,
  NaN,
  1e-36,
  -1e-36,
  1e38,
  -1e38,
  3.4028234663852886e38,
  100,
  -100,
  1000,
  -1000,
  2.5,
  -2.5,
  8388609,
  -8388609,
  4194304.5,
  1e10,
  -1e10,
  0.9999999403953552,
];

describe.skipIf(gpu === undefined).each(types)('WGSL functions of %s', (type) => {
  it.each(unary)('%s is within %f ulp', async (name, bound, ranges) => {
    for (const range of ranges) {
      const x = draw(range);
      const { worst, at, mean, error } = judge(await evaluate(gpu!, name, type, x), (i) => unaryScalar[name](x[i]));
      expect(worst, `${name}(${x[at]}) of ${JSON.stringify(range)}`).toBeLessThanOrEqual(bound);
      expect(Math.abs(mean), `mean of ${JSON.stringify(range)}`).toBeLessThan(
        (largestMeans[name] ?? largestMean) + 5 * error,
      );
    }
  });

  it.each(binary)('%s is within %f ulp', async (name, bound, ranges) => {
    for (const [first, second] of ranges) {
      const x = draw(first);
      const y = draw(second).sort(() => Math.random() - 0.5);
      const { worst, at, mean, error } = judge(await evaluate(gpu!, name, type, x, y), (i) =>
        binaryScalar[name](x[i], y[i]),
      );
      expect(worst, `${name}(${x[at]}, ${y[at]})`).toBeLessThanOrEqual(bound);
      expect(Math.abs(mean)).toBeLessThan((largestMeans[name] ?? largestMean) + 5 * error);
    }
  });

  it.each(['logGamma', 'digamma'] as const)(
    '%s of negative numbers is accurate beside the terms of the reflection',
    async (name) => {
      const x = draw([-30, 0]);
      const actual = await evaluate(gpu!, name, type, x);
      for (let i = 0; i < count; i++) {
        const truth = unaryScalar[name](x[i]);
        if (!(Math.abs(truth) < 1e6)) continue;
        expect(Math.abs(actual[i] - truth), `${name}(${x[i]})`).toBeLessThan(
          5e-7 * (1 + Math.abs(truth) + Math.abs(unaryScalar[name](1 - x[i]))),
        );
      }
    },
  );

  it.each([...unary.map(([name]) => name), 'trigamma', 'round', 'sign', 'isNaN'] as (UnaryFunction & MathName)[])(
    '%s of zeros, infinities, NaN and its poles is that of f64',
    async (name) => {
      const tested =
        name === 'sin' || name === 'cos' || name === 'tan'
          ? specials.filter((x) => !(Math.abs(x) > 1e5 && Number.isFinite(x)))
          : specials;
      const x = new Float32Array(Math.ceil(tested.length / 4) * 4);
      x.set(tested);
      const actual = await evaluate(gpu!, name, type, x);
      x.forEach((argument, i) => {
        const truth = unaryScalar[name](argument);
        const wide = argument < 0 && ['logGamma', 'digamma', 'trigamma'].includes(name) ? 20 : 4;
        expect(
          Math.abs(errorInUlps(actual[i], truth)),
          `${name}(${argument}) = ${actual[i]}, not ${truth}`,
        ).toBeLessThan(wide);
        if (truth === 0 && name !== 'logGamma')
          expect(Object.is(actual[i], Math.fround(truth)), `sign of ${name}(${argument})`).toBe(true);
      });
    },
  );

  it.each(binary)('%s of pairs of zeros, infinities and NaN is that of f64', async (name) => {
    const pairs = specials.flatMap((a) => specials.map((b) => [a, b] as const));
    const x = Float32Array.from(pairs, ([a]) => a);
    const y = Float32Array.from(pairs, ([, b]) => b);
    const actual = await evaluate(gpu!, name, type, x, y);
    for (let i = 0; i < x.length; i++) {
      const quotient = Math.abs(x[i] / y[i]);
      if (name === 'mod' && !(quotient < 2 ** 23)) continue;
      const truth = binaryScalar[name](x[i], y[i]);
      const message = `${name}(${x[i]}, ${y[i]}) = ${actual[i]}, not ${truth}`;
      if (name === 'mod' && quotient < 2 ** -25) continue;
      expect(Math.abs(errorInUlps(actual[i], truth)), message).toBeLessThan(2);
      if (truth === 0 && name !== 'mod') expect(Object.is(actual[i], truth), message).toBe(true);
    }
  });

  it('makes infinity and NaN', async () => {
    expect([...(await evaluate(gpu!, 'infinity', type, new Float32Array(4)))]).toEqual(Array(4).fill(Infinity));
    expect([...(await evaluate(gpu!, 'nan', type, new Float32Array(4)))]).toEqual(Array(4).fill(NaN));
  });
});

describe('the source', () => {
  it('declares every function once, under names of the type', () => {
    const source = mathSource(mathNames, 'vec2f');
    const declared = Array.from(source.matchAll(/fn (\w+)/g), (match) => match[1]);
    expect(new Set(declared).size).toBe(declared.length);
    expect(declared.every((name) => name.endsWith('_vec2f'))).toBe(true);
    expect(declared).toEqual(expect.arrayContaining(mathNames.map((name) => mathCall(name, 'vec2f'))));
  });
});

describe.skipIf(gpu === undefined)('opaque', () => {
  it('protects the compensation of a sum, in a module with functions of all types', async () => {
    const code = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
${mathSource(mathNames, 'f32')}
${mathSource(mathNames, 'vec2f')}
${mathSource(mathNames, 'vec4f')}
${opaqueSource('f32', 'y[0]')}
${opaqueSource('vec4f', 'y[0]')}
@compute @workgroup_size(1) fn main() {
  var sum = 0.0;
  var rest = 0.0;
  for (var i = 0u; i < arrayLength(&x); i++) {
    let total = ${opaqueCall('f32')}(sum + x[i]);
    let other = ${opaqueCall('f32')}(total - sum);
    rest += (sum - ${opaqueCall('f32')}(total - other)) + (x[i] - other);
    sum = total;
  }
  result[0] = sum;
  result[1] = rest;
}`;
    const x = Float32Array.from({ length: 1000 }, () => Math.random() - 0.3);
    x[0] = 2 ** 20;
    const [sum, rest] = await runOnArrays(gpu!, code, 'two-sum', x, new Float32Array(4), 1);
    const truth = x.reduce((total, value) => total + value, 0);
    expect(rest).not.toBe(0);
    expect(Math.abs(sum + rest - truth)).toBeLessThan(1e-3);
    expect(Math.abs(sum - truth)).toBeGreaterThan(Math.abs(sum + rest - truth));
  });
});
