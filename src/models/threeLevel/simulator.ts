// `hierax simulate three-level`: sales of products in markets, of the size that the options ask for.
import { InputError } from '../../data/inputError.js';
import { mostFactors } from '../linearHierarchy/levelCovariance.js';
import { hierarchyOptions } from '../simulatedOptions.js';
import type { ModelSimulator, SimulationSettings } from '../simulation.js';
import { type SalesSize, salesScenario } from './scenario.js';
import { simulateThreeLevel } from './simulate.js';
import { salesConfig } from './simulatedConfig.js';

export const salesSimulator: ModelSimulator = {
  options: {
    rows: {
      kind: 'count',
      describe: 'rows, at least two for each product in each market',
      default: 100_000,
      least: 1,
      most: 100_000_000,
    },
    products: {
      kind: 'count',
      describe: 'products, each sold in every market',
      default: 10,
      least: 2,
      most: 1_000_000,
    },
    markets: { kind: 'count', describe: 'markets; 0 for two levels', default: 20, least: 0, most: 100_000 },
    x: { kind: 'count', describe: 'predictors that vary by row', default: 3, least: 0, most: 50 },
    z: { kind: 'count', describe: 'predictors that vary by product in market', default: 1, least: 0, most: 20 },
    w: {
      kind: 'count',
      describe: 'predictors that vary by market (default: 1, with two levels 0)',
      default: undefined,
      least: 0,
      most: 20,
    },
    ...hierarchyOptions('products', 'the population coefficients'),
  },
  plan: (settings) => {
    const size = sizeOf(settings);
    const simulation = salesScenario(size);
    return (random) => ({
      rows: size.rows,
      ...simulateThreeLevel(simulation, random),
      config: (file, seed) =>
        salesConfig(simulation, { file, covariance: covarianceOf(size), shrinkage: size.shrinkage, seed }),
    });
  },
};

/** As the configuration writes it. */
const covarianceOf = ({ covariance, factors = 0, markets }: SalesSize): string =>
  factors === 0 ? covariance : `{product: {factors: ${factors}}${markets === 0 ? '' : `, market: ${covariance}`}}`;

/** Checks the sizes against each other. */
function sizeOf(settings: SimulationSettings): SalesSize {
  const {
    rows,
    products,
    markets,
    x,
    z,
    w: given,
    covariance,
    factors,
    shrinkage,
    family,
  } = settings as unknown as SalesSize & { w?: number };
  const w = given ?? (markets === 0 ? 0 : 1);
  if (markets === 1) throw new InputError('--markets must be 0 (two levels) or at least 2, not 1', { value: 1 });
  const units = products * Math.max(1, markets);
  if (markets === 0 && w > 0)
    throw new InputError(`--w must be 0 with --markets 0 (there is no market to describe), not ${w}`, { value: w });
  if (markets > 0 && markets < w + 2)
    throw new InputError(`--markets must be at least ${w + 2} for --w ${w}, not ${markets}`, { value: markets });
  if (units < z + 2)
    throw new InputError(`--z must be at most ${units - 2} for ${units} products in all, not ${z}`, { value: z });
  // Fewer than 50 could leave a 0/1 predictor without a 1.
  const least = Math.max(50, 2 * units);
  if (rows < least) {
    const why = least === 50 ? '' : ` (two for each of ${units} ${markets === 0 ? 'products' : 'products in markets'})`;
    throw new InputError(`--rows must be at least ${least}${why}, not ${rows}`, { value: rows });
  }
  const most = mostFactors(x + 1);
  if (factors !== undefined && factors > most) {
    const fault = `--factors must be at most ${most} for ${x + 1} coefficients of a product, not ${factors}`;
    throw new InputError(fault, { value: factors });
  }
  return { rows, products, markets, x, z, w, covariance, factors, shrinkage, family };
}
