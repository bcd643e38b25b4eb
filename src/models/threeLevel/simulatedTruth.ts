// The true values of a simulation, named as the three-level model names its reported scalars and in the same order.
import { quoteLevel } from '../../data/run/names.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import { belowDiagonal, type SimulatedCovariance } from '../simulatedCovariance.js';
import { namedTruth, type TrueSite } from '../namedTruth.js';
import type { NamedValue } from '../simulation.js';
import { scaleParameter } from '../groupPriors.js';
import type { ThreeLevelSimulation } from './simulate.js';

/** Designs, constant first, and coefficients of the groups of a simulation. */
export interface SimulatedGroups {
  /** `[market][r]`; with two levels one row, `[1]`. */
  readonly w: readonly (readonly number[])[];
  /** `[unit][q]`; units lie sorted by market, then product. */
  readonly z: readonly (readonly number[])[];
  /** `[market][p·q]`; with two levels one row. */
  readonly gamma: readonly (readonly number[])[];
  /** `[unit][p]` */
  readonly beta: readonly (readonly number[])[];
}

const coefficientDims = [
  'coefficient',
  'coefficient_z',
  'coefficient_w',
  'coefficient_column',
  'market_coefficient',
  'market_coefficient_column',
];

/** Population sites first, then the coefficients of markets and units; correlations below the diagonal. */
export function simulatedTruth(simulation: ThreeLevelSimulation, groups: SimulatedGroups): NamedValue[] {
  const coords = coordinates(simulation);
  return namedTruth(trueSites(simulation, groups, coords), coords);
}

const withConstant = (predictors: readonly { readonly name: string }[]): string[] => [
  'Intercept',
  ...predictors.map(({ name }) => name),
];

/** The dimension of the units: the product column where products alone are the units. */
const unitDimension = ({ markets, columns }: ThreeLevelSimulation): string =>
  markets === null ? columns.product : 'unit';

function coordinates(simulation: ThreeLevelSimulation): Coordinates {
  const { columns, products, markets } = simulation;
  const [x, z, w] = [simulation.x, simulation.z, simulation.w].map(withConstant);
  const pairs = x.flatMap((name) => z.map((other) => (z.length === 1 ? name : `${name}:${other}`)));
  const common = { coefficient: x, coefficient_column: x, coefficient_z: z, coefficient_w: w };
  if (markets === null) return { ...common, [columns.product]: products };
  const unit = (product: string, market: string) =>
    `${columns.product}=${quoteLevel(product)},${columns.market}=${quoteLevel(market)}`;
  return {
    ...common,
    market_coefficient: pairs,
    market_coefficient_column: pairs,
    [columns.market]: markets,
    unit: markets.flatMap((market) => products.map((product) => unit(product, market))),
  };
}

function trueSites(simulation: ThreeLevelSimulation, groups: SimulatedGroups, coords: Coordinates): TrueSite[] {
  const { markets, columns, delta } = simulation;
  const scale = scaleParameter(simulation.family ?? 'gaussian');
  const site = (name: string, dims: readonly string[], values: readonly number[]): TrueSite => ({
    name,
    dims,
    shape: dims.map((dim) => coords[dim].length),
    coefficientDims,
    values,
  });
  const coefficients = simulation.z.length > 0 ? ['coefficient', 'coefficient_z'] : ['coefficient'];
  const correlation = (name: string, dim: string, { loadings }: SimulatedCovariance): TrueSite[] =>
    loadings === undefined ? [] : [site(name, [dim, `${dim}_column`], belowDiagonal(loadings))];
  const product = [
    ...(scale === undefined ? [] : [site(scale, [], [simulation[scale]!])]),
    site('sigma_u', ['coefficient'], simulation.product.sds),
    ...correlation('corr_u', 'coefficient', simulation.product),
  ];
  const beta = site('beta', [unitDimension(simulation), 'coefficient'], groups.beta.flat());
  if (markets === null) return [site('gamma', coefficients, groups.gamma.flat()), ...product, beta];
  return [
    site('delta', [...coefficients, 'coefficient_w'], delta.flat()),
    ...product,
    site('sigma_v', coefficients, simulation.market.sds),
    ...correlation('corr_v', 'market_coefficient', simulation.market),
    site('gamma', [columns.market, ...coefficients], groups.gamma.flat()),
    beta,
  ];
}
