// The vector functions: golden values, agreement with scalar twins over all doubles, special values, independence of the lanes.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  digamma,
  erf,
  log1pExp,
  logGamma,
  normalCdf,
  normalLogCdf,
  sigmoid,
  trigamma,
} from '../../src/kernels/math/specialFunctions.js';
import type { MathFunction } from '../../src/kernels/math/vectorMath.js';
import { declareMath, mathImports } from '../../src/kernels/math/vectorMath.js';
import { ModuleBuilder } from '../../src/kernels/wasm/encoder.js';
import { buildMath, golden, mathFunctions, ulpDistance } from './mathFixture.js';

const { functions } = buildMath(mathFunctions);

/** Largest distance in doubles from the correctly rounded value: the documented error, rounded. Those of Math.* are V8's. */
const bounds: Readonly<Record<MathFunction, number>> = {
  exp: 1,
  log: 1,
  log1p: 1,
  expm1: 1,
  sigmoid: 2,
  softplus: 2,
  tanh: 2,
  sin: 1,
  cos: 1,
  tan: 1,
  asin: 1,
  acos: 1,
  atan: 1,
  sinh: 2,
  cosh: 2,
  asinh: 2,
  acosh: 2,
  atanh: 2,
  erf: 2,
  normalCdf: 5,
  normalLogCdf: 5,
  logGamma: 6,
  digamma: 3,
  trigamma: 3,
  pow: 1,
  atan2: 1,
};

/** Scalar twin and how far it may itself be from the true value, in doubles. */
const twins: Readonly<Record<MathFunction, readonly [(x: number, y: number) => number, number]>> = {
  exp: [Math.exp, 1],
  log: [Math.log, 1],
  log1p: [Math.log1p, 1],
  expm1: [Math.expm1, 1],
  sigmoid: [sigmoid, 2],
  softplus: [log1pExp, 2],
  tanh: [Math.tanh, 2],
  sin: [Math.sin, 1],
  cos: [Math.cos, 1],
  tan: [Math.tan, 0],
  asin: [Math.asin, 0],
  acos: [Math.acos, 0],
  atan: [Math.atan, 0],
  sinh: [Math.sinh, 0],
  cosh: [Math.cosh, 0],
  asinh: [Math.asinh, 0],
  acosh: [Math.acosh, 0],
  atanh: [Math.atanh, 0],
  erf: [erf, 2],
  normalCdf: [normalCdf, 5],
  normalLogCdf: [normalLogCdf, 5],
  logGamma: [logGamma, 6],
  digamma: [digamma, 3],
  trigamma: [trigamma, 0],
  pow: [Math.pow, 0],
  atan2: [Math.atan2, 0],
};

const specialArguments = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  Infinity,
  -Infinity,
  NaN,
  5e-324,
  -5e-324,
  2 ** -1022,
  1e-200,
  1e5,
  -1e5,
  100001,
  1e22,
  709.782712893384,
  709.7827128933841,
  -745.1332191019411,
  -745.1332191019412,
  1e300,
  -1e300,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  8.5,
  8,
  -1e10,
];

const isBinary = (name: MathFunction): boolean => name === 'pow' || name === 'atan2';
const sameBits = (a: number, b: number): boolean => Object.is(a, b);

describe('golden values', () => {
  test.each(mathFunctions)('%s', (name) => {
    const rows = golden[name];
    const x = rows.map((row) => row[0]);
    const actual = functions[name](x, isBinary(name) ? rows.map((row) => row[1]) : undefined);
    const failures = rows
      .map((row, i) => ({ row, actual: actual[i], distance: ulpDistance(actual[i], row[row.length - 1]) }))
      .filter(({ distance }) => distance > bounds[name]);
    expect(rows.length).toBeGreaterThan(30);
    expect(failures).toEqual([]);
  });
});

describe('agreement with the scalar twin over all doubles', () => {
  const anyDouble = fc.oneof(
    fc.double(),
    fc.double({ min: -50, max: 50 }),
    fc.double({ min: -800, max: 800 }),
    fc.double({ min: 0, max: 20 }),
    fc.constantFrom(...specialArguments),
  );
  const unary = mathFunctions.filter((name) => !isBinary(name));
  test.each(unary)('%s', (name) => {
    const [twin, twinError] = twins[name];
    const allowed = twinError === 0 ? 0 : bounds[name] + twinError;
    fc.assert(
      fc.property(fc.array(anyDouble, { minLength: 1, maxLength: 64 }), (x) => {
        const actual = functions[name](x);
        x.forEach((value, i) => {
          const expected = twin(value, 0);
          if (ulpDistance(actual[i], expected) > allowed) {
            throw new Error(`${name}(${value}) = ${actual[i]}, twin ${expected}`);
          }
        });
      }),
      { seed: 20240611, numRuns: 200 },
    );
  });

  test.each(['pow', 'atan2'] as const)('%s', (name) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyDouble, anyDouble), { minLength: 1, maxLength: 64 }), (pairs) => {
        const actual = functions[name](
          pairs.map(([x]) => x),
          pairs.map(([, y]) => y),
        );
        pairs.forEach(([x, y], i) => {
          const expected = twins[name][0](x, y);
          // Math.pow loses digits of large results: V8's error is relative 2⁻⁵² times |y log x|, and near the limits of the range that
          // decides between finite and infinite.
          const exponent = Math.abs(y * Math.log(Math.abs(x)));
          if (name === 'pow' && exponent > 700 && exponent < 750) return;
          const allowed = name === 'pow' && Number.isFinite(exponent) ? 4 + exponent : 0;
          if (ulpDistance(actual[i], expected) > allowed) {
            throw new Error(`${name}(${x}, ${y}) = ${actual[i]}, twin ${expected}`);
          }
        });
      }),
      { seed: 20240611, numRuns: 300 },
    );
  });
});

describe('special values', () => {
  const cases: readonly (readonly [MathFunction, number, number])[] = [
    ['exp', Infinity, Infinity],
    ['exp', -Infinity, 0],
    ['exp', NaN, NaN],
    ['exp', 0, 1],
    ['exp', 709.7827128933841, Infinity],
    ['exp', -745.1332191019412, 0],
    ['exp', -745.13, 5e-324],
    ['log', 0, -Infinity],
    ['log', -0, -Infinity],
    ['log', 1, 0],
    ['log', -5e-324, NaN],
    ['log', Infinity, Infinity],
    ['log', NaN, NaN],
    ['log', 5e-324, Math.log(5e-324)],
    ['log1p', -1, -Infinity],
    ['log1p', -1.5, NaN],
    ['log1p', -0, -0],
    ['log1p', Infinity, Infinity],
    ['log1p', -Infinity, NaN],
    ['expm1', -0, -0],
    ['expm1', -Infinity, -1],
    ['expm1', Infinity, Infinity],
    ['expm1', 709.7827128933841, Infinity],
    ['sigmoid', -Infinity, 0],
    ['sigmoid', Infinity, 1],
    ['softplus', -Infinity, 0],
    ['softplus', Infinity, Infinity],
    ['softplus', NaN, NaN],
    ['tanh', Infinity, 1],
    ['tanh', -Infinity, -1],
    ['tanh', -0, -0],
    ['sin', -0, -0],
    ['sin', Infinity, NaN],
    ['cos', 0, 1],
    ['cos', -Infinity, NaN],
    ['erf', -0, -0],
    ['erf', Infinity, 1],
    ['erf', -Infinity, -1],
    ['normalCdf', 0, 0.5],
    ['normalCdf', -Infinity, 0],
    ['normalCdf', Infinity, 1],
    ['normalCdf', NaN, NaN],
    ['normalLogCdf', -Infinity, -Infinity],
    ['normalLogCdf', NaN, NaN],
    ['normalLogCdf', -1e10, -5e19],
    ['logGamma', 1, 0],
    ['logGamma', 2, 0],
    ['logGamma', 0, Infinity],
    ['logGamma', -3, Infinity],
    ['logGamma', Infinity, Infinity],
    ['logGamma', -Infinity, Infinity],
    ['logGamma', NaN, NaN],
    ['digamma', 0, -Infinity],
    ['digamma', -0, Infinity],
    ['digamma', -1, NaN],
    ['digamma', Infinity, Infinity],
    ['trigamma', 0, Infinity],
    ['trigamma', -2, Infinity],
    ['trigamma', Infinity, 0],
  ];
  test.each(cases)('%s(%d) is %d', (name, x, expected) => {
    expect(functions[name]([x, 0.25])[0]).toBe(expected);
    expect(functions[name]([0.25, x])[1]).toBe(expected);
  });

  test('pow follows Math.pow wherever an argument is special', () => {
    for (const x of specialArguments) {
      for (const y of [...specialArguments, 3, -3, 2 ** 61]) {
        if (x > 0 && x < Infinity && Math.abs(y) < 2 ** 60) continue;
        const [actual] = functions.pow([x], [y]);
        expect(sameBits(actual, Math.pow(x, y)), `pow(${x}, ${y}) = ${actual}`).toBe(true);
      }
    }
  });

  test('pow of small integers is exact', () => {
    for (let base = 1; base <= 30; base++) {
      for (let exponent = 0; exponent <= 10; exponent++) {
        expect(functions.pow([base], [exponent])[0]).toBe(Number(BigInt(base) ** BigInt(exponent)));
      }
    }
  });
});

describe('lanes', () => {
  test.each(mathFunctions)('%s: the result of a lane does not depend on the other', (name) => {
    const values = [...specialArguments, 0.3, 1.5, 2.75, -0.75, 3.9, 12, -7.3, 40, 700];
    const second = [...values].reverse();
    const expected = values.map((x, i) => functions[name]([x, x], [second[i], second[i]]));
    values.forEach((a, i) => {
      expect(sameBits(expected[i][0], expected[i][1])).toBe(true);
      values.forEach((b, j) => {
        const pair = functions[name]([a, b], [second[i], second[j]]);
        expect(sameBits(pair[0], expected[i][0]) && sameBits(pair[1], expected[j][0]), `(${a}, ${b})`).toBe(true);
      });
    });
  });
});

describe('declareMath', () => {
  const importsOf = (names: readonly MathFunction[]): string[] => {
    const builder = new ModuleBuilder();
    declareMath(builder, new Set(names));
    const binary = builder.encode({ minimum: 1, maximum: 1, shared: false });
    return WebAssembly.Module.imports(new WebAssembly.Module(binary as BufferSource)).map(({ name }) => name);
  };

  test.each(mathFunctions)('%s alone brings what it needs', (name) => {
    const alone = buildMath([name]).functions[name];
    expect(alone([0.7, 1.3], [0.4, 2])).toEqual(functions[name]([0.7, 1.3], [0.4, 2]));
    for (const imported of importsOf([name])) expect(['memory', ...Object.keys(mathImports)]).toContain(imported);
  });

  test('imports only what is used, once', () => {
    expect(importsOf(['exp', 'log', 'softplus', 'tanh', 'normalLogCdf'])).toEqual(['memory']);
    expect(importsOf(['logGamma', 'tan', 'digamma']).sort()).toEqual(['digamma', 'logGamma', 'memory', 'tan']);
  });
});
