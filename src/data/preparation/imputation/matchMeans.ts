// Predictive mean matching: a missing number is the observed one of a row whose prediction is close.
import type { RandomNumbers } from '../random.js';
import { factorise, solve, solveUpper } from './cholesky.js';
import type { Design, NumberVariable } from './variables.js';

/** Share of the diagonal that is added to it, so that columns which say the same do no harm (as in mice). */
const ridge = 1e-5;

/**
 * Fills the gaps of a variable. The regression of the known rows gives their predictions by its estimate, those of the gaps by a draw from its
 * posterior; each gap takes the value of one of the `donors` nearest known rows, and of rows as near as the farthest of them
 * (van Buuren 2018, algorithm 3.3; matching of type 1).
 */
export function matchMeans(variable: NumberVariable, design: Design, donors: number, random: RandomNumbers): void {
  const { known, gaps, values } = variable;
  const { columns: p, values: x } = design;
  const products = new Float64Array(p * p);
  const moments = new Float64Array(p);
  for (const row of known) {
    for (let i = 0; i < p; i++) {
      const own = x[row * p + i];
      if (own === 0) continue;
      moments[i] += own * values[row];
      for (let j = 0; j <= i; j++) products[i * p + j] += own * x[row * p + j];
    }
  }
  for (let i = 0; i < p; i++) products[i * p + i] = products[i * p + i] * (1 + ridge) + 1e-10;
  const lower = factorise(products, p);
  const estimate = solve(lower, moments);
  const predict = (row: number, coefficients: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < p; i++) sum += x[row * p + i] * coefficients[i];
    return sum;
  };
  const predicted = Float64Array.from(known, (row) => predict(row, estimate));
  let squares = 0;
  for (let i = 0; i < known.length; i++) squares += (values[known[i]] - predicted[i]) ** 2;
  const df = Math.max(1, known.length - p);
  const sigma = Math.sqrt(squares / (2 * random.gamma(df / 2)));
  const deviation = solveUpper(
    lower,
    Float64Array.from({ length: p }, () => random.normal()),
  );
  const drawn = estimate.map((value, i) => value + sigma * deviation[i]);

  const order = Int32Array.from(known.keys()).sort((a, b) => predicted[a] - predicted[b] || a - b);
  const sorted = Float64Array.from(order, (i) => predicted[i]);
  const made = Float64Array.from(gaps, (row) => {
    const [from, to] = nearest(sorted, predict(row, drawn), donors);
    return values[known[order[from + Math.floor(random.uniform() * (to - from))]]];
  });
  for (const [i, row] of gaps.entries()) values[row] = made[i];
}

/** First place and end of the `count` values nearest to a target in a sorted array, and of those as far as the farthest of them. */
export function nearest(sorted: Float64Array, target: number, count: number): [number, number] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < target) low = middle + 1;
    else high = middle;
  }
  let [from, to] = [low, low];
  const distance = (place: number): number =>
    place < 0 || place >= sorted.length ? Infinity : Math.abs(sorted[place] - target);
  let farthest = 0;
  while (to - from < count && to - from < sorted.length) {
    farthest = Math.max(farthest, Math.min(distance(from - 1), distance(to)));
    if (distance(from - 1) <= distance(to)) from--;
    else to++;
  }
  while (distance(from - 1) <= farthest) from--;
  while (distance(to) <= farthest) to++;
  return [from, to];
}
