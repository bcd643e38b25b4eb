// Log densities against high-precision references, their gradients by differences, and their integrals.
import type * as tf from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as distributions from '../../src/models/distributions/index.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../kernels/support.js';
import { integrate } from './quadrature.js';

type Name = keyof typeof distributions;
type LogDensity = (x: tf.Tensor, ...parameters: (tf.Tensor | number)[]) => tf.Tensor;

/** Rows [x, parameters…, log density] by distribution, from scripts/golden/distributions.py. */
const golden = JSON.parse(readFileSync(new URL('../golden/distributions.json', import.meta.url), 'utf8')) as Readonly<
  Record<Name, readonly (readonly number[])[]>
>;

const names = Object.keys(distributions) as Name[];
const discrete: readonly Name[] = [
  'bernoulliLogit',
  'bernoulliProbit',
  'binomialLogit',
  'poissonLog',
  'negativeBinomialLog',
];
const logDensityOf =
  (name: Name): LogDensity =>
  (...given) =>
    (distributions[name] as { logDensity: LogDensity }).logDensity(...given);

/** Log density of many points at once, all arguments as tensors. */
function program(name: Name, count: number, parameters: number) {
  const shape = [count];
  const columns = Object.fromEntries(Array.from({ length: parameters + 1 }, (_, i) => [`a${i}`, shape]));
  return gradientProgram(
    (given) => {
      const [x, ...others] = Object.keys(columns).map((key) => given[key]);
      return logDensityOf(name)(x, ...others);
    },
    { parameters: columns },
  ).program;
}

it('every distribution has references', () => {
  expect(Object.keys(golden).sort()).toEqual([...names].sort());
});

describe.each(names)('%s', (name) => {
  const rows = golden[name];
  const columns = rows[0].map((_, i) => rows.map((row) => row[i]));
  const expected = columns.at(-1)!;
  const argumentsByName = Object.fromEntries(columns.slice(0, -1).map((column, i) => [`a${i}`, column]));
  const whole = program(name, rows.length, columns.length - 2);

  it('equals the reference', () => {
    // Cancellation between terms larger than the sum: log Γ(y + φ) − log Γ(φ) for φ to 256 loses two digits.
    const tolerance = name === 'negativeBinomialLog' ? 2e-12 : 2e-13;
    expect(largestError(evaluate(whole, argumentsByName).get('value')!, expected)).toBeLessThan(tolerance);
  });

  it('is the same for numbers as for tensors', () => {
    const takesTensorsOnly = ['bernoulliLogit', 'bernoulliProbit', 'poissonLog', 'binomialLogit'].includes(name);
    for (const row of takesTensorsOnly ? [] : rows) {
      const [x, ...parameters] = row.slice(0, -1);
      const numbers = name === 'negativeBinomialLog' ? parameters.slice(1) : parameters;
      const { program: one } = gradientProgram(
        ({ x: value, logMean }) =>
          logDensityOf(name)(value, ...(name === 'negativeBinomialLog' ? [logMean] : []), ...numbers),
        { parameters: { x: [], logMean: [] } },
      );
      const result = evaluate(one, { x: [x], logMean: [parameters[0]] }).get('value')!;
      expect(largestError(result, row.slice(-1))).toBeLessThan(2e-12);
    }
  });

  it('has the gradient of its differences', () => {
    const isCount = discrete.includes(name);
    for (const key of Object.keys(argumentsByName).slice(isCount ? (name === 'binomialLogit' ? 2 : 1) : 0)) {
      // Relative steps: arguments near 0 have large high derivatives.
      const error = Math.max(
        ...rows.map((row) => {
          const values = Object.fromEntries(row.slice(0, -1).map((value, i) => [`a${i}`, [value]]));
          const one = program(name, 1, row.length - 2);
          const gradient = evaluate(one, values).get(`gradient of ${key}`)!;
          const size = Math.abs(values[key][0]);
          const step = 1e-3 * Math.min(1, size, name === 'beta' && key === 'a0' ? 1 - size : 1);
          return largestError(gradient, finiteDifferences(one, values, key, 'value', step));
        }),
      );
      expect(error, key).toBeLessThan(1e-8);
    }
  });

  it('integrates to 1', () => {
    const parameterSets = rows.filter((_, i) => i % 6 === 0).map((row) => row.slice(1, -1));
    for (const parameters of parameterSets) {
      if (discrete.includes(name)) {
        const most = name.startsWith('bernoulli') ? 1 : name === 'binomialLogit' ? parameters[0] : 6000;
        const y = Float64Array.from({ length: most + 1 }, (_, i) => i);
        expect(sum(densities(name, y, parameters))).toBeCloseTo(1, 9);
      } else if (name === 'laplace') {
        // The rule is for smooth functions: each side of the kink by itself.
        const [location] = parameters;
        const side = (sign: number) =>
          integrate(
            (x) =>
              densities(
                name,
                x.map((own) => location + sign * own),
                parameters,
              ),
            'positive',
          );
        expect(side(1) + side(-1)).toBeCloseTo(1, 7);
      } else expect(integrate((x) => densities(name, x, parameters), supports[name])).toBeCloseTo(1, 7);
    }
  });
});

/** Where each continuous distribution lives. */
const supports: Partial<Record<Name, 'real' | 'positive' | 'unit'>> = {
  normal: 'real',
  studentT: 'real',
  cauchy: 'real',
  halfNormal: 'positive',
  halfStudentT: 'positive',
  halfCauchy: 'positive',
  logNormal: 'positive',
  exponential: 'positive',
  gamma: 'positive',
  inverseGamma: 'positive',
  beta: 'unit',
};

function densities(name: Name, x: Float64Array, parameters: readonly number[]): Float64Array {
  const columns = parameters.map((value, i): [string, Float64Array] => [`a${i + 1}`, x.map(() => value)]);
  const values = { a0: x, ...Object.fromEntries(columns) };
  return evaluate(program(name, x.length, parameters.length), values)
    .get('value')!
    .map(Math.exp);
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
