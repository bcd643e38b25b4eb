// The three-level model: occasions within products-in-markets within markets; two levels when there is no market.
import type { PriorSpec } from '../../data/prior.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import type { CovarianceKind } from '../groupPriors.js';
import { chooseCentring, leastWithFactors } from '../linearHierarchy/chooseCentring.js';
import { countPilot } from '../linearHierarchy/countPilot.js';
import { unitFactors } from '../linearHierarchy/crossproducts.js';
import { likelihoodOfCounts } from '../linearHierarchy/likelihood.js';
import { pilotEstimates } from '../linearHierarchy/pilot.js';
import { hierarchyModel } from '../linearHierarchy/hierarchyModel.js';
import type { Hierarchy, HierarchyLevel } from '../linearHierarchy/structure.js';
import type { Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import type { ShrinkageOptions } from '../shrinkage.js';
import { type LevelValues, type ThreeLevelContext, unitDimension } from './context.js';
import { describeThreeLevel } from './describe.js';
import { designMatrix, threeLevelDesign, type ThreeLevelDesign } from './design.js';
import { type Covariances, threeLevelPriors } from './priors.js';
import { withShrinkage } from './shrinkage.js';
import { populationErrors, threeLevelStart } from './start.js';
import { threeLevelReport, threeLevelSites } from './report.js';

export interface ThreeLevelOptions extends ShrinkageOptions {
  readonly covariance?: Covariances;
  /** `auto`: coefficient by coefficient, by how much the data of a typical group say. */
  readonly parametrisation?: 'auto' | 'centred' | 'noncentred';
  readonly priors?: Readonly<Record<string, PriorSpec>>;
  /** Of a response that is not 0/1, successes or counts (`ThreeLevelData.counts`): default gaussian. */
  readonly errors?: 'gaussian' | 'studentT';
  /** Degrees of freedom of Student-t errors; default 4. */
  readonly df?: number;
}

/**
 * η_ijt = β_ij'[1, X_ijt], y = η + ε or y given η through a link;  β_ij = Γ_j[1, Z_ij] + u_ij;  vec Γ_j = Δ[1, W_j] + v_j  (MISSION §1). Parameters:
 * sigma, or phi, or neither; beta `[unit][p]`; with three levels gamma `[market][p·q]` and delta `[p·q·r]`, else gamma `[p·q]`; sigma_u `[p]`,
 * sigma_v `[p·q]`; Cholesky factors of the correlations where a covariance is full. beta and gamma are sampled in model units
 * (standardised predictors; non-centred where that suits) and reported in the data's.
 * Throws InputError for priors that do not suit.
 */
export function threeLevelModel(data: ThreeLevelData, options: ThreeLevelOptions = {}): ObservedModel {
  const design = threeLevelDesign(data);
  const covariance = options.covariance ?? { product: 'diagonal', market: 'diagonal' };
  const family = data.counts?.family ?? options.errors ?? 'gaussian';
  const declared = threeLevelPriors(options.priors ?? {}, design, covariance, data.response, family);
  const p = design.rows.names.length;
  const q = design.units.names.length;
  const r = design.markets?.names.length ?? 0;
  const fallback = design.rows.sds.map((sd) => (0.3 * data.response.sd) / sd);
  const markets = data.markets?.names.length ?? 0;
  const rough = {
    covariates: design.units.columns,
    marketOfUnit: design.marketOfUnit,
    markets,
    marketCovariates: design.markets?.columns ?? [],
    response: data.response,
    fallbackSd: fallback,
  };
  const { columns } = design.rows;
  const { rowStart } = data.units;
  const factors = data.counts === undefined ? unitFactors(data.y, columns, rowStart) : undefined;
  const pilot =
    data.counts === undefined
      ? pilotEstimates({ ...rough, factors: factors! })
      : countPilot(data.y, data.counts, columns, rowStart, rough);
  const priors = withShrinkage(declared, options, populationErrors(design, data.units.count, pilot), data.response.sd);
  const wanted = options.parametrisation ?? 'auto';
  const centring = {
    unit: chooseCentring(wanted, pilot.unitShare, p, data.units.count, leastCentring(covariance.product)),
    market: chooseCentring(wanted, pilot.marketShare, p * q, markets, leastCentring(covariance.market)),
  };
  const df = options.df ?? usualDf;
  const context: ThreeLevelContext = { data, family, df, design, priors, covariance, centring, p, q, r };

  const structure = declareHierarchy(context);
  const hierarchy = hierarchyModel(structure, factors);
  const levels = (parameters: Tensors, d: Tensors): LevelValues => {
    const { coefficients, populations } = hierarchy.evaluate(parameters, d);
    const [[beta, gamma = populations[0]]] = coefficients;
    return { beta, gamma, population: populations[0] };
  };
  return {
    name: 'three-level',
    parameters: hierarchy.parameters,
    data: hierarchy.data,
    byObservation: hierarchy.byObservation,
    coords: coordinates(context),
    sites: threeLevelSites(context),
    logPrior: (parameters, d) => hierarchy.logPrior(parameters, d),
    logLikelihood: (parameters, d) => hierarchy.logLikelihood(parameters, d),
    totalLogLikelihood: hierarchy.totalLogLikelihood,
    report: (parameters, d) => threeLevelReport(context, structure, parameters, levels(parameters, d), d),
    predict: (parameters, d) => hierarchy.predict(parameters, d),
    replicate: hierarchy.replicate,
    observed: { name: data.responseName, values: data.y },
    start: threeLevelStart(context, pilot),
    structure,
    description: describeThreeLevel(context),
  };
}

/** Heavier tails than the normal's, with a finite variance. */
const usualDf = 4;

/** The model as a hierarchy: units in markets in the population, or units in the population. */
function declareHierarchy(context: ThreeLevelContext): Hierarchy {
  const { data, design, priors, centring, p, q, r } = context;
  const three = design.markets !== null;
  const unit: HierarchyLevel = {
    groups: data.units.count,
    size: p,
    parent: design.marketOfUnit,
    covariates: designMatrix(design.units),
    covariateCount: q,
    covariance: priors.unit,
    coefficients: 'beta',
    centring: centring.unit,
  };
  const market: HierarchyLevel[] =
    design.markets === null
      ? []
      : [
          {
            groups: data.markets!.names.length,
            size: p * q,
            parent: null,
            covariates: designMatrix(design.markets),
            covariateCount: r,
            covariance: priors.market!,
            coefficients: 'gamma',
            centring: centring.market,
          },
        ];
  const predictor = {
    rows: data.rows,
    y: data.y,
    terms: [
      {
        columns: design.rows.columns,
        rowStart: data.units.rowStart,
        levels: [unit, ...market],
        population: { name: three ? 'delta' : 'gamma', prior: priors.population },
      },
    ],
    fixed: undefined,
  };
  if (data.counts !== undefined)
    return { ...predictor, likelihood: likelihoodOfCounts(data.counts, 'phi', priors.scale) };
  const errors = { sigma: 'sigma', prior: priors.scale! };
  return { ...predictor, errors: context.family === 'studentT' ? { ...errors, df: context.df } : errors };
}

const leastCentring = (kind: CovarianceKind) => (): number => (typeof kind === 'object' ? leastWithFactors : 0);

function coordinates({ data, design, covariance }: ThreeLevelContext): Coordinates {
  const coords: Record<string, readonly string[]> = {
    coefficient: design.rows.names,
    coefficient_column: design.rows.names,
    coefficient_z: design.units.names,
    [unitDimension(data)]: data.units.names,
  };
  for (const [key, dim] of [
    ['product', 'factor'],
    ['market', 'market_factor'],
  ] as const) {
    const kind = covariance[key];
    if (typeof kind === 'object') coords[dim] = Array.from({ length: kind.factors }, (_, i) => `F${i + 1}`);
  }
  if (design.markets !== null) {
    coords.coefficient_w = design.markets.names;
    coords[data.markets!.column] = data.markets!.names;
    const pairs = marketCoefficients(design);
    coords.market_coefficient = pairs;
    coords.market_coefficient_column = pairs;
  }
  return coords;
}

/** Names of a market's coefficients: those of the rows, crossed with those of the units where there are any. */
function marketCoefficients(design: ThreeLevelDesign): string[] {
  const [x, z] = [design.rows.names, design.units.names];
  return x.flatMap((name) => z.map((other) => (z.length === 1 ? name : `${name}:${other}`)));
}
