// Multinomial logistic regression: a missing label is drawn with the probabilities of a draw from the regression's posterior.
import type { RandomNumbers } from '../random.js';
import { factorise, solve, solveUpper } from './cholesky.js';
import type { Design, LabelVariable } from './variables.js';

/** Prior standard deviation of every coefficient but the constants: wide for columns of standard deviation 1, and an end to separated levels. */
const priorSd = 5;
const mostSteps = 25;

/**
 * Fills the gaps of a variable. The posterior of the coefficients is taken as normal about its mode, found by Newton's method; with two levels this is
 * logistic regression.
 */
export function drawLabels(variable: LabelVariable, design: Design, random: RandomNumbers): void {
  const { known, gaps, codes, levels } = variable;
  const { columns: p, values: x } = design;
  const free = (levels - 1) * p;
  const precision = Float64Array.from({ length: free }, (_, i) => (i % p === 0 ? 1e-4 : priorSd ** -2));
  let coefficients = new Float64Array(free);
  const shares = new Float64Array(levels);

  /** Probabilities of the levels of a row, written to `shares`; the log of that of `code`. */
  const probabilities = (row: number, at: Float64Array, code = 0): number => {
    let largest = 0;
    shares[0] = 0;
    for (let k = 1; k < levels; k++) {
      let eta = 0;
      for (let i = 0; i < p; i++) eta += x[row * p + i] * at[(k - 1) * p + i];
      shares[k] = eta;
      largest = Math.max(largest, eta);
    }
    let sum = 0;
    for (let k = 0; k < levels; k++) sum += shares[k] = Math.exp(shares[k] - largest);
    for (let k = 0; k < levels; k++) shares[k] /= sum;
    return Math.log(shares[code]);
  };
  const logPosterior = (at: Float64Array): number => {
    let sum = 0;
    for (const row of known) sum += probabilities(row, at, codes[row]);
    for (let i = 0; i < free; i++) sum -= 0.5 * precision[i] * at[i] ** 2;
    return sum;
  };

  let value = logPosterior(coefficients);
  let lower: Float64Array = new Float64Array(free * free);
  for (let step = 0; step < mostSteps; step++) {
    const gradient = Float64Array.from(coefficients, (own, i) => -precision[i] * own);
    const curvature = new Float64Array(free * free);
    for (let i = 0; i < free; i++) curvature[i * free + i] = precision[i];
    for (const row of known) {
      probabilities(row, coefficients);
      for (let k = 1; k < levels; k++) {
        const error = Number(codes[row] === k) - shares[k];
        for (let i = 0; i < p; i++) {
          const own = x[row * p + i];
          if (own === 0) continue;
          const place = (k - 1) * p + i;
          gradient[place] += error * own;
          for (let l = 1; l <= k; l++) {
            const weight = own * shares[k] * (Number(k === l) - shares[l]);
            const to = place * free + (l - 1) * p;
            for (let j = 0; j < p; j++) curvature[to + j] += weight * x[row * p + j];
          }
        }
      }
    }
    lower = factorise(curvature, free);
    const change = solve(lower, gradient);
    let scale = 1;
    let next = coefficients.map((own, i) => own + change[i]);
    let reached = logPosterior(next);
    while (reached < value && scale > 1e-4) {
      scale /= 2;
      next = coefficients.map((own, i) => own + scale * change[i]);
      reached = logPosterior(next);
    }
    const gain = reached - value;
    if (gain > 0) [coefficients, value] = [next, reached];
    if (gain < 1e-6) break;
  }
  const deviation = solveUpper(
    lower,
    Float64Array.from({ length: free }, () => random.normal()),
  );
  const drawn = coefficients.map((own, i) => own + deviation[i]);
  for (const row of gaps) {
    probabilities(row, drawn);
    let rest = random.uniform();
    let code = 0;
    while (code < levels - 1 && rest >= shares[code]) rest -= shares[code++];
    codes[row] = code;
  }
}
