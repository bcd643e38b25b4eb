// Intervals after multiple imputation cover the truth at their nominal rate: least squares on completed data sets, pooled by Rubin's rules.
import { expect, it } from 'vitest';
import { dataRandom } from '../../../src/cli/fit/dataRandom.js';
import { chainEquations } from '../../../src/data/preparation/imputation/chainedEquations.js';
import type { NumberVariable } from '../../../src/data/preparation/imputation/variables.js';
import { poolByRubin } from '../../../src/diagnostics/index.js';
import { randomNumbers } from '../../models/random.js';

const rows = 120;
const truth = [0.5, 1, -1];

/** Least squares of y on [1, a, b]: estimates and their standard errors. */
function leastSquares(a: Float64Array, b: Float64Array, y: Float64Array): { estimate: number[]; error: number[] } {
  const x = [new Float64Array(rows).fill(1), a, b];
  const dot = (u: Float64Array, v: Float64Array): number => u.reduce((sum, own, i) => sum + own * v[i], 0);
  const matrix = x.map((u, i) => [...x.map((v) => dot(u, v)), ...[0, 1, 2].map((j) => Number(i === j)), dot(u, y)]);
  for (let i = 0; i < 3; i++) {
    const pivot = matrix[i][i];
    matrix[i] = matrix[i].map((value) => value / pivot);
    for (let k = 0; k < 3; k++)
      if (k !== i) matrix[k] = matrix[k].map((value, j) => value - matrix[k][i] * matrix[i][j]);
  }
  const estimate = matrix.map((row) => row[6]);
  const squares = y.reduce(
    (sum, own, i) => sum + (own - estimate[0] - estimate[1] * a[i] - estimate[2] * b[i]) ** 2,
    0,
  );
  return { estimate, error: matrix.map((row, i) => Math.sqrt((row[3 + i] * squares) / (rows - 3))) };
}

/** 95 % quantile of Student's t, by its expansion in 1/df (Cornish and Fisher); exact enough for df above 5. */
function quantile95(df: number): number {
  const z = 1.6448536269514722;
  return z + (z ** 3 + z) / (4 * df) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df ** 2);
}

it('90 % intervals cover the truth, where those of complete rows do not', { timeout: 120_000 }, () => {
  const simulations = 300;
  const covered = { imputed: [0, 0, 0], complete: [0, 0, 0] };
  for (let s = 0; s < simulations; s++) {
    const random = randomNumbers(1000 + s);
    const a = Float64Array.from({ length: rows }, () => random.normal());
    const b = a.map((own) => 0.5 * own + random.normal());
    const y = a.map((own, i) => truth[0] + truth[1] * own + truth[2] * b[i] + random.normal());
    // b is missing at random given a and y: rows with large y lack it more often.
    const lacks = Array.from(y, (own, i) => random.uniform() < 1 / (1 + Math.exp(-(own + a[i]) + 0.3)));
    const gaps = Int32Array.from(lacks.flatMap((lack, i) => (lack ? [i] : [])));
    const known = Int32Array.from(lacks.flatMap((lack, i) => (lack ? [] : [i])));
    const every = Int32Array.from(a.keys());
    const fits = Array.from({ length: 8 }, (_, m) => {
      const values = b.map((own, i) => (lacks[i] ? NaN : own));
      const number = (name: string, own: Float64Array): NumberVariable => ({
        kind: 'number',
        name,
        values: own,
        gaps: new Int32Array(0),
        known: every,
      });
      chainEquations(
        [{ kind: 'number', name: 'b', values, gaps, known }, number('a', a), number('y', y)],
        rows,
        { iterations: 1, donors: 5 },
        dataRandom(s)(m),
      );
      return leastSquares(a, values, y);
    });
    for (const i of [0, 1, 2]) {
      const { mean, totalSd, df } = poolByRubin(
        fits.map(({ estimate }) => estimate[i]),
        fits.map(({ error }) => error[i]),
      );
      covered.imputed[i] += Number(Math.abs(mean - truth[i]) < quantile95(df) * totalSd);
    }
    // Rows with a gap left out: b's mean given y is taken from the wrong rows.
    const pick = (values: Float64Array): Float64Array =>
      Float64Array.from({ length: rows }, (_, i) => values[known[i % known.length]]);
    const left = leastSquares(pick(a), pick(b), pick(y));
    for (const i of [0, 1, 2])
      covered.complete[i] += Number(
        Math.abs(left.estimate[i] - truth[i]) < 1.66 * left.error[i] * Math.sqrt(rows / known.length),
      );
  }
  const error = Math.sqrt((0.9 * 0.1) / simulations);
  for (const count of covered.imputed) {
    expect(count / simulations).toBeGreaterThan(0.9 - 3.5 * error);
    expect(count / simulations).toBeLessThan(0.9 + 3.5 * error);
  }
  expect(Math.min(...covered.complete) / simulations).toBeLessThan(0.75);
});
