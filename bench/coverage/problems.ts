// Small three-level models whose fits take a fraction of a second: the coverage benchmark's.
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { simulatedSales } from '../simulatedSales.js';

interface CoverageProblem {
  readonly model: Model;
  /** The same model for another response. */
  readonly rebuild: (y: Float64Array) => Model;
}

function problem(markets: number, covariance: 'diagonal' | 'full'): CoverageProblem {
  const size = {
    rows: 360,
    products: markets === 0 ? 20 : 3,
    markets,
    x: 1,
    z: 0,
    w: markets === 0 ? 0 : 1,
    covariance,
  };
  const data = simulatedSales(size, 1);
  // Priors take their scale from `data.response`, which stays that of the first response.
  const rebuild = (y: Float64Array): Model =>
    threeLevelModel({ ...data, y }, { covariance: { product: covariance, market: covariance } });
  return { model: rebuild(data.y), rebuild };
}

export const problems = {
  'two levels, diagonal': problem(0, 'diagonal'),
  'two levels, full': problem(0, 'full'),
  'three levels, diagonal': problem(12, 'diagonal'),
  'three levels, full': problem(12, 'full'),
} as const;
