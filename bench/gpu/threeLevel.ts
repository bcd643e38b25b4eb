// The three-level model at the size of a published fit of sales: 1,237,582 rows, 542 products in 5 countries.
import type { Model } from '../../src/models/model.js';
import { benchmarkModel } from '../gradient/model.js';
import { makeProblem } from '../gradient/problem.js';

export const salesRows = 1_237_582;
const [markets, products] = [5, 542];

/** Simulated; 4 coefficients (a constant, a real and two 0/1 predictors), one market covariate beside the constant. */
export function salesModel(rows: number): Model {
  const unitsPerMarket = Math.max(2, Math.min(products, Math.floor(rows / (20 * markets))));
  return benchmarkModel(makeProblem({ rows, markets, unitsPerMarket, coefficients: 4, traits: 2 }));
}
