// The three-level model (Gaussian): occasions within products-in-markets within markets; two levels when there is no market.
import * as tf from '@tensorflow/tfjs-core';
import type { PriorSpec } from '../../data/prior.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { gatherRows, literal } from '../../kernels/ops/index.js';
import { covarianceLogDensity } from '../covariancePriors.js';
import { normal } from '../distributions/index.js';
import type { Model, ModelArray, ModelParameter, Site, Tensors } from '../model.js';
import { choleskyCorrelation, type ParameterSpec, positive, real } from '../parameters.js';
import { priorLogDensity } from '../priors.js';
import { type Centring, type LevelValues, type ThreeLevelContext, unitDimension } from './context.js';
import { unitFactors } from './crossproducts.js';
import { describeThreeLevel } from './describe.js';
import { designMatrix, threeLevelDesign, type ThreeLevelDesign } from './design.js';
import { hierarchicalLevel } from './hierarchicalLevel.js';
import { pilotEstimates } from './pilot.js';
import { type Covariances, threeLevelPriors } from './priors.js';
import { threeLevelStart } from './start.js';
import { threeLevelReport, threeLevelSites } from './report.js';

export interface ThreeLevelOptions {
  readonly covariance?: Covariances;
  /** `auto`: coefficient by coefficient, by how much the data of a typical group say. */
  readonly parametrisation?: 'auto' | 'centred' | 'noncentred';
  readonly priors?: Readonly<Record<string, PriorSpec>>;
}

/**
 * y_ijt = β_ij'[1, X_ijt] + ε;  β_ij = Γ_j[1, Z_ij] + u_ij;  vec Γ_j = Δ[1, W_j] + v_j  (MISSION §1). Parameters:
 * sigma; beta `[unit][p]`; with three levels gamma `[market][p·q]` and delta `[p·q][r]`, else gamma `[p·q]`; sigma_u `[p]`,
 * sigma_v `[p·q]`; Cholesky factors of the correlations where a covariance is full. beta and gamma are sampled in model units
 * (standardised predictors; non-centred where that suits) and reported in the data's.
 * Throws InputError for priors that do not suit.
 */
export function threeLevelModel(data: ThreeLevelData, options: ThreeLevelOptions = {}): Model {
  const design = threeLevelDesign(data);
  const covariance = options.covariance ?? { product: 'diagonal', market: 'diagonal' };
  const priors = threeLevelPriors(options.priors ?? {}, design, covariance, data.response);
  const p = design.rows.names.length;
  const q = design.units.names.length;
  const r = design.markets?.names.length ?? 0;
  const factors = unitFactors(data.y, design.rows.columns, data.units.rowStart);
  const fallback = design.rows.sds.map((sd) => (0.3 * data.response.sd) / sd);
  const markets = data.markets?.names.length ?? 0;
  const pilot = pilotEstimates({
    factors,
    covariates: design.units.columns,
    marketOfUnit: design.marketOfUnit,
    markets,
    response: data.response,
    fallbackSd: fallback,
  });
  const centring = chooseCentring(options.parametrisation ?? 'auto', pilot, p, q);
  const context: ThreeLevelContext = { data, design, priors, covariance, centring, p, q, r };

  const arrays: Record<string, ModelArray> = {
    y: { shape: [data.rows], values: data.y },
    x: { shape: [data.rows, p], values: designMatrix(design.rows) },
    unit: { shape: [data.rows], values: data.unitOfRow, dtype: 'int32' },
    z: { shape: [data.units.count, q], values: designMatrix(design.units) },
    upper: { shape: [data.units.count, p, p], values: factors.upper },
    projected: { shape: [data.units.count, p], values: factors.projected },
  };
  if (design.markets !== null) {
    arrays.w = { shape: [markets, r], values: designMatrix(design.markets) };
    arrays.market = { shape: [data.units.count], values: design.marketOfUnit!, dtype: 'int32' };
  }
  const sites: Site[] = threeLevelSites(context);
  return {
    name: 'three-level',
    parameters: parameterList(context),
    data: arrays,
    coords: coordinates(context),
    sites,
    logPrior: (parameters, d) => {
      const levels = evaluateLevels(context, parameters, d);
      return tf.addN([
        levels.logPrior,
        priorLogDensity(priors.sigma, parameters.sigma),
        populationLogPrior(context, parameters),
        covarianceLogDensity(priors.unit, parameters.sigma_u, parameters.cholesky_u),
        ...(priors.market === undefined
          ? []
          : [covarianceLogDensity(priors.market, parameters.sigma_v, parameters.cholesky_v)]),
      ]);
    },
    logLikelihood: (parameters, d) => {
      const { beta } = evaluateLevels(context, parameters, d);
      return normal.logDensity(d.y, rowMeans(beta, d), parameters.sigma);
    },
    totalLogLikelihood: (parameters, d) => {
      const { beta } = evaluateLevels(context, parameters, d);
      // ‖y − Xβ‖² = residual + Σ over units of ‖z − Rβ‖².
      const deviation = d.projected
        .sub(d.upper.mul(beta.expandDims(1)).sum(2))
        .square()
        .sum();
      const squares = deviation.add(literal(factors.residualSumOfSquares));
      return parameters.sigma
        .log()
        .add(literal(0.5 * Math.log(2 * Math.PI)))
        .mul(-data.rows)
        .sub(squares.mul(0.5).div(parameters.sigma.square()));
    },
    report: (parameters, d) => threeLevelReport(context, parameters, evaluateLevels(context, parameters, d)),
    predict: (parameters, d) => rowMeans(evaluateLevels(context, parameters, d).beta, d),
    replicate: (parameters, d, noise) =>
      rowMeans(evaluateLevels(context, parameters, d).beta, d).add(noise.mul(parameters.sigma)),
    observed: { name: data.responseName, values: data.y },
    start: threeLevelStart(context, pilot),
    description: describeThreeLevel(context),
  };
}

/** Coefficients of every level from what is sampled, and the log density of the blocks. */
function evaluateLevels(context: ThreeLevelContext, parameters: Tensors, d: Tensors): LevelValues {
  const { p, q, centring, design } = context;
  if (design.markets === null) {
    const gamma = parameters.gamma;
    const means = tf.matMul(d.z, gamma.reshape([p, q]), false, true);
    const unit = hierarchicalLevel(parameters.beta, means, parameters.sigma_u, parameters.cholesky_u, centring.unit);
    return { beta: unit.coefficients, gamma, logPrior: unit.logPrior };
  }
  const marketMeans = tf.matMul(d.w, parameters.delta, false, true);
  const market = hierarchicalLevel(
    parameters.gamma,
    marketMeans,
    parameters.sigma_v,
    parameters.cholesky_v,
    centring.market,
  );
  const ofUnit = gatherRows(market.coefficients, d.market);
  const units = d.z.shape[0];
  const means = q === 1 ? ofUnit : ofUnit.reshape([units, p, q]).mul(d.z.expandDims(1)).sum(2);
  const unit = hierarchicalLevel(parameters.beta, means, parameters.sigma_u, parameters.cholesky_u, centring.unit);
  return { beta: unit.coefficients, gamma: market.coefficients, logPrior: market.logPrior.add(unit.logPrior) };
}

function rowMeans(beta: tf.Tensor, d: Tensors): tf.Tensor {
  return gatherRows(beta, d.unit).mul(d.x).sum(1);
}

function populationLogPrior({ priors, design }: ThreeLevelContext, parameters: Tensors): tf.Tensor {
  const x = (design.markets === null ? parameters.gamma : parameters.delta).flatten();
  return priors.population.kind === 'common'
    ? priorLogDensity(priors.population.prior, x).sum()
    : normal.logDensity(x, literal(priors.population.means), literal(priors.population.sds)).sum();
}

function parameterList({ data, covariance, p, q, r }: ThreeLevelContext): ModelParameter[] {
  const list: Record<string, ParameterSpec> = { sigma: positive(), sigma_u: positive(p) };
  if (covariance.product === 'full') list.cholesky_u = choleskyCorrelation(p, p);
  if (data.markets === null) list.gamma = real(p * q);
  else {
    list.delta = real(p * q, r);
    list.sigma_v = positive(p * q);
    if (covariance.market === 'full') list.cholesky_v = choleskyCorrelation(p * q, p * q);
    list.gamma = real(data.markets.names.length, p * q);
  }
  list.beta = real(data.units.count, p);
  return Object.entries(list).map(([name, spec]) => ({ ...spec, name, shape: spec.dims as number[] }));
}

/** Below this share of own information a spread may well be near 0, where any centring makes a funnel. */
const leastShareToCentre = 0.6;

/** A coefficient is centred by the share of a typical group's own data in it (Papaspiliopoulos, Roberts and Sköld 2003, §4). */
function chooseCentring(
  wanted: 'auto' | 'centred' | 'noncentred',
  pilot: ReturnType<typeof pilotEstimates>,
  p: number,
  q: number,
): Centring {
  const decide = (shares: Float64Array | null, length: number): number[] =>
    Array.from({ length }, (_, i) => {
      if (wanted !== 'auto') return wanted === 'centred' ? 1 : 0;
      const share = shares?.[i] ?? 0;
      return share > 0.95 ? 1 : share < leastShareToCentre ? 0 : Number(share.toFixed(2));
    });

  return { unit: decide(pilot.unitShare, p), market: decide(pilot.marketShare, p * q) };
}

function coordinates({ data, design }: ThreeLevelContext): Coordinates {
  const coords: Record<string, readonly string[]> = {
    coefficient: design.rows.names,
    coefficient_column: design.rows.names,
    coefficient_z: design.units.names,
    [unitDimension(data)]: data.units.names,
  };
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
