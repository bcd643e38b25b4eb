// The joint density of the three-level model as MISSION.md §1 states it, in plain loops over dense matrices.
import type { ThreeLevelData } from '../../src/data/threeLevelData.js';
import { logGamma } from '../../src/kernels/math/specialFunctions.js';
import { factorOf, huangWandLogDensity, covarianceOf, logVolumeOfCovariance } from './covarianceReference.js';
import { invert, jacobian, logDeterminant, type Matrix, matrixOf } from './denseMatrices.js';

type Vector = readonly number[];

/** Parameters of the model on their own scales, in model units (standardised predictors). */
export interface NaturalParameters {
  readonly sigma: number;
  readonly beta: Matrix;
  readonly unit: NaturalCovariance;
  /** `[market][p·q]`; with two levels one row, the population's. */
  readonly gamma: Matrix;
  /** `[p·q][r]`; undefined with two levels. */
  readonly delta?: Matrix;
  readonly market?: NaturalCovariance;
}

export interface NaturalCovariance {
  readonly sds: Vector;
  /** Below the diagonal of the Cholesky factor of the correlations; empty for a diagonal covariance. */
  readonly below: Vector;
}

/** Sizes: p row coefficients, q unit coefficients, r market coefficients. */
export const sizesOf = (data: ThreeLevelData) => ({
  p: data.x.length + 1,
  q: data.z.length + 1,
  r: data.markets === null ? 0 : data.markets.w.length + 1,
  units: data.units.count,
  markets: data.markets?.names.length ?? 0,
});

const withConstant = (columns: readonly { readonly values: Float64Array }[], i: number): number[] => [
  1,
  ...columns.map(({ values }) => values[i]),
];
const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const total = (values: Vector): number => values.reduce((a, b) => a + b, 0);

export const normalLog = (x: number, mean: number, sd: number): number =>
  -0.5 * Math.log(2 * Math.PI * sd * sd) - (x - mean) ** 2 / (2 * sd * sd);

export function halfTLog(x: number, df: number, scale: number): number {
  const normaliser = logGamma((df + 1) / 2) - logGamma(df / 2) - 0.5 * Math.log(df * Math.PI) - Math.log(scale);
  return Math.LN2 + normaliser - ((df + 1) / 2) * Math.log(1 + (x / scale) ** 2 / df);
}

function multivariateNormalLog(x: Vector, mean: Vector, covariance: Matrix): number {
  const { inverse, logDet } = invert(covariance);
  const deviation = x.map((value, i) => value - mean[i]);
  const squares = dot(
    deviation,
    inverse.map((row) => dot(row, deviation)),
  );
  return -0.5 * (x.length * Math.log(2 * Math.PI) + logDet + squares);
}

/** Mean of a unit's coefficients: Γ_j [1, z], Γ row-major `[p·q]`. */
function unitMean(gamma: Vector, z: Vector, p: number): number[] {
  return Array.from({ length: p }, (_, k) => dot(gamma.slice(k * z.length, (k + 1) * z.length), z));
}

const designOf = (data: ThreeLevelData) => ({
  x: (row: number) => withConstant(data.x, row),
  z: (unit: number) => withConstant(data.z, unit),
  w: (market: number) => withConstant(data.markets?.w ?? [], market),
});

/** Log prior densities of the scalars and covariances; the defaults of the model unless replaced. */
export interface ReferencePriors {
  sigma(x: number): number;
  /** Element of Δ (or Γ with two levels) by its place. */
  population(x: number, index: number): number;
  unit(covariance: NaturalCovariance): number;
  market(covariance: NaturalCovariance): number;
}

/** sd(y) over the typical size of each coefficient's predictors, as the defaults are described. */
function scales(data: ThreeLevelData, levels: readonly (readonly { readonly values: Float64Array }[])[]): number[] {
  return levels.reduce<number[]>(
    (known, level) => known.flatMap((scale) => [scale, ...level.map(({ values }) => scale / sampleSd(values))]),
    [data.response.sd],
  );
}

function sampleSd(values: Float64Array): number {
  const mean = total([...values]) / values.length;
  return Math.sqrt(total([...values].map((v) => (v - mean) ** 2)) / (values.length - 1));
}

export function defaultPriors(data: ThreeLevelData): ReferencePriors {
  const population = scales(data, [data.x, data.z, data.markets?.w ?? []]);
  const covariance =
    (levelScales: number[]) =>
    ({ sds, below }: NaturalCovariance): number =>
      below.length === 0
        ? total(sds.map((s, i) => halfTLog(s, 2, levelScales[i])))
        : huangWandLogDensity(covarianceOf(sds, factorOf(sds.length, below)), 2, levelScales) +
          logVolumeOfCovariance(sds, below);
  return {
    sigma: (x) => halfTLog(x, 3, data.response.sd),
    population: (x, i) => normalLog(x, i === 0 ? data.response.mean : 0, 5 * population[i]),
    unit: covariance(scales(data, [data.x])),
    market: covariance(scales(data, [data.x, data.z])),
  };
}

const covarianceMatrix = ({ sds, below }: NaturalCovariance): number[][] =>
  covarianceOf(
    sds,
    below.length === 0 ? matrixOf(sds.length, sds.length, (i, j) => Number(i === j)) : factorOf(sds.length, below),
  );

/** log p(y, β, Γ, Δ, σ, s, L): with respect to the coefficients, σ, the standard deviations and L below its diagonal. */
export function logJoint(data: ThreeLevelData, given: NaturalParameters, priors = defaultPriors(data)): number {
  const { p } = sizesOf(data);
  const design = designOf(data);
  let sum = priors.sigma(given.sigma) + priors.unit(given.unit);
  for (let row = 0; row < data.rows; row++) {
    sum += normalLog(data.y[row], dot(given.beta[data.unitOfRow[row]], design.x(row)), given.sigma);
  }
  const unitCovariance = covarianceMatrix(given.unit);
  for (const [unit, beta] of given.beta.entries()) {
    const gamma = given.gamma[data.units.market?.[unit] ?? 0];
    sum += multivariateNormalLog(beta, unitMean(gamma, design.z(unit), p), unitCovariance);
  }
  if (given.delta === undefined || given.market === undefined) {
    return sum + total(given.gamma[0].map((x, i) => priors.population(x, i)));
  }
  const marketCovariance = covarianceMatrix(given.market);
  for (const [market, gamma] of given.gamma.entries()) {
    sum += multivariateNormalLog(
      gamma,
      given.delta.map((row) => dot(row, design.w(market))),
      marketCovariance,
    );
  }
  return sum + priors.market(given.market) + total(given.delta.flat().map((x, i) => priors.population(x, i)));
}

/** λ of each coefficient: 1 sampled as itself, 0 as its standardised deviation. */
export interface ReferenceCentring {
  readonly unit: readonly number[];
  readonly market: readonly number[];
}

/** Entries of L below the diagonal from unconstrained numbers, row by row: partial correlations tanh(x). */
function belowOf(k: number, free: Vector): number[] {
  const below: number[] = [];
  let next = 0;
  for (let i = 1; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const partial = Math.tanh(free[next++]);
      below.push(partial * Math.sqrt(rest));
      rest *= 1 - partial * partial;
    }
  }
  return below;
}

/** Coefficients of groups from what is sampled: b = m + s^(1−λ) (a − λ m), m and s conditional on the coefficients before. */
function coefficientsOf(
  sampled: Matrix,
  means: Matrix,
  { sds, below }: NaturalCovariance,
  centring: readonly number[],
) {
  const k = sds.length;
  const lower = factorOf(k, below.length === 0 ? Array<number>((k * (k - 1)) / 2).fill(0) : below);
  let logVolume = 0;
  const coefficients = sampled.map((own, group) => {
    const zeta: number[] = [];
    return own.map((value, i) => {
      const mean = means[group][i] + sds[i] * total(zeta.map((z, j) => lower[i][j] * z));
      const sd = sds[i] * lower[i][i];
      const coefficient = mean + sd ** (1 - centring[i]) * (value - centring[i] * mean);
      zeta.push((coefficient - mean) / sd);
      logVolume += (1 - centring[i]) * Math.log(sd);
      return coefficient;
    });
  });
  return { coefficients, logVolume };
}

/**
 * Natural parameters at an unconstrained position, whose blocks are sigma, sigma_u, cholesky_u (full), then gamma, or delta,
 * sigma_v, cholesky_v (full) and gamma, then beta; and the log volume of that map.
 */
export function naturalAt(
  data: ThreeLevelData,
  blocks: ReadonlyMap<string, Vector>,
  centring: ReferenceCentring,
): { natural: NaturalParameters; logVolume: number } {
  const { p, q, r, units, markets } = sizesOf(data);
  const design = designOf(data);
  const block = (name: string): Vector => blocks.get(name) ?? [];
  const rowsOf = (values: Vector, rows: number): number[][] =>
    matrixOf(rows, values.length / rows, (i, j) => values[(i * values.length) / rows + j]);
  let logVolume = total([...block('sigma'), ...block('sigma_u'), ...block('sigma_v')]);
  const covariance = (level: 'u' | 'v', k: number): NaturalCovariance => {
    const free = block(`cholesky_${level}`);
    logVolume += logDeterminant(jacobian((x) => belowOf(k, [...x]), free));
    return { sds: block(`sigma_${level}`).map(Math.exp), below: free.length === 0 ? [] : belowOf(k, free) };
  };
  const unit = covariance('u', p);
  let [gamma, delta, market]: [number[][], number[][] | undefined, NaturalCovariance | undefined] = [
    [[...block('gamma')]],
    undefined,
    undefined,
  ];
  if (markets > 0) {
    market = covariance('v', p * q);
    delta = rowsOf(block('delta'), p * q);
    const means = matrixOf(markets, p * q, (j, k) => dot(delta![k], design.w(j)));
    const level = coefficientsOf(rowsOf(block('gamma'), markets), means, market, centring.market);
    gamma = level.coefficients;
    logVolume += level.logVolume;
    if (delta[0].length !== r) throw new Error('delta does not have a column for each market coefficient');
  }
  const means = Array.from({ length: units }, (_, i) => unitMean(gamma[data.units.market?.[i] ?? 0], design.z(i), p));
  const level = coefficientsOf(rowsOf(block('beta'), units), means, unit, centring.unit);
  const sigma = Math.exp(block('sigma')[0]);
  return {
    natural: { sigma, beta: level.coefficients, unit, gamma, ...(delta && { delta, market }) },
    logVolume: logVolume + level.logVolume,
  };
}
