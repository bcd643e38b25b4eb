// A rough, fast look at the data before sampling: where to start, how wide, and which levels have enough data to be centred.
import type { UnitFactors } from './crossproducts.js';

/**
 * Rough estimates in model units; never used as results. p row coefficients, q unit covariates and r market covariates, each with the
 * constant.
 */
export interface PilotEstimates {
  readonly sigma: number;
  /** `[p·q·r]`: coefficients of the population, on market covariates. */
  readonly population: Float64Array;
  /** `[p]`: standard deviation between units around what their market and covariates predict. */
  readonly unitSd: Float64Array;
  /** `[p·q]`: standard deviation between markets around what their covariates predict; null with two levels. */
  readonly marketSd: Float64Array | null;
  /** Share of a typical unit's own information in its coefficients, `[p]`, between 0 and 1. */
  readonly unitShare: Float64Array;
  /** The same for a market's coefficients, `[p·q]`. */
  readonly marketShare: Float64Array | null;
  /** `[unit][p]`: shrunken unit coefficients, what they are shrunk to, and their rough standard deviations. */
  readonly unitCoefficients: Float64Array;
  readonly unitMeans: Float64Array;
  readonly unitCoefficientSd: Float64Array;
  /** `[market][p·q]`: shrunken market coefficients, what they are shrunk to, and their rough standard deviations. */
  readonly marketCoefficients: Float64Array | null;
  readonly marketMeans: Float64Array | null;
  readonly marketCoefficientSd: Float64Array | null;
}

export interface PilotInput {
  readonly factors: UnitFactors;
  /** Columns of the unit design, the constant first, each `[unit]`. */
  readonly covariates: readonly Float64Array[];
  /** Null with two levels. */
  readonly marketOfUnit: Int32Array | null;
  readonly markets: number;
  /** Columns of the market design, the constant first, each `[market]`. */
  readonly marketCovariates: readonly Float64Array[];
  /** Mean and standard deviation over all rows. */
  readonly response: { readonly mean: number; readonly sd: number };
  /** `[p]`: a spread to assume where too few units can be estimated. */
  readonly fallbackSd: readonly number[];
}

/** Spreads are taken to be at least this share of the fallback. */
const smallestSpread = 0.01;
/** Units that must be estimable before their spread is estimated. */
const enoughUnits = 5;

/**
 * Per-unit least squares; their regression on the unit covariates within each market, and of these on the market covariates; between-unit and
 * between-market variances by the moment equation of Paule and Mandel (1982), one row coefficient at a time.
 */
export function pilotEstimates(input: PilotInput): PilotEstimates {
  const { factors, covariates, marketOfUnit, marketCovariates, response, fallbackSd } = input;
  const { units, coefficients: p, residualDegrees, residualSumOfSquares } = factors;
  const q = covariates.length;
  const { estimates, unscaledVariances, estimable } = unitLeastSquares(factors);
  const sigma =
    residualDegrees > 0 && residualSumOfSquares > 0
      ? Math.sqrt(residualSumOfSquares / residualDegrees)
      : 0.5 * response.sd;
  const groups = marketOfUnit ?? new Int32Array(units);
  const groupCount = marketOfUnit === null ? 1 : input.markets;
  const z = Array.from({ length: units }, (_, u) => covariates.map((column) => column[u]));
  const w = Array.from({ length: groupCount }, (_, g) =>
    marketOfUnit === null ? [1] : marketCovariates.map((column) => column[g]),
  );
  const r = w[0].length;
  const vector = (length: number): Float64Array => new Float64Array(length);
  const out = {
    population: vector(p * q * r),
    unitSd: vector(p),
    marketSd: vector(p * q),
    unitShare: vector(p),
    marketShare: vector(p * q),
    unitCoefficients: vector(units * p),
    unitMeans: vector(units * p),
    unitCoefficientSd: vector(units * p),
    marketCoefficients: vector(groupCount * p * q),
    marketMeans: vector(groupCount * p * q),
    marketCoefficientSd: vector(groupCount * p * q),
  };
  for (let c = 0; c < p; c++) {
    const members = estimable.map((u): Member => ({
      group: groups[u],
      z: z[u],
      value: estimates[u * p + c],
      variance: sigma * sigma * unscaledVariances[u * p + c],
    }));
    const tau2 = members.length >= enoughUnits ? spreadWithinGroups(members, groupCount, q) : fallbackSd[c] ** 2;
    out.unitSd[c] = Math.sqrt(Math.max(tau2, (smallestSpread * fallbackSd[c]) ** 2));
    const fits = groupRegressions(members, groupCount, q, tau2);
    for (let k = 0; k < q; k++) {
      const own = fits.map((fit) => fit[k]);
      // The constant comes first: without a single unit to go by it is the mean of the response.
      const { coefficients, spread2 } = regressionOfGroups(own, w, c === 0 && k === 0 ? response.mean : 0);
      const at = c * q + k;
      out.population.set(coefficients, at * r);
      out.marketSd[at] = Math.sqrt(Math.max(spread2, (smallestSpread * fallbackSd[c]) ** 2));
      const shares = own.map(({ variance }) =>
        groupCount === 1 ? 1 : out.marketSd[at] ** 2 / (out.marketSd[at] ** 2 + variance),
      );
      out.marketShare[at] = median(Float64Array.from(shares));
      for (let g = 0; g < groupCount; g++) {
        const isKnown = Number.isFinite(own[g].variance);
        const mean = dot(w[g], coefficients);
        out.marketMeans[g * p * q + at] = mean;
        out.marketCoefficients[g * p * q + at] = isKnown ? mean + shares[g] * (own[g].value - mean) : mean;
        out.marketCoefficientSd[g * p * q + at] =
          out.marketSd[at] * Math.sqrt(Math.max(1e-6, isKnown ? 1 - shares[g] : 1));
      }
    }
    const variances = vector(units).fill(Infinity);
    for (const [i, u] of estimable.entries()) variances[u] = members[i].variance;
    for (let u = 0; u < units; u++) {
      const row = (groups[u] * p + c) * q;
      const prior = z[u].reduce((sum, value, k) => sum + value * out.marketCoefficients[row + k], 0);
      const weight = out.unitSd[c] ** 2 / (out.unitSd[c] ** 2 + variances[u]);
      out.unitMeans[u * p + c] = prior;
      out.unitCoefficients[u * p + c] = weight > 0 ? prior + weight * (estimates[u * p + c] - prior) : prior;
      out.unitCoefficientSd[u * p + c] = out.unitSd[c] * Math.sqrt(Math.max(1e-6, 1 - weight));
    }
    out.unitShare[c] = median(Float64Array.from(variances, (v) => out.unitSd[c] ** 2 / (out.unitSd[c] ** 2 + v)));
  }
  if (marketOfUnit !== null) return { sigma, ...out };
  return {
    sigma,
    ...out,
    marketSd: null,
    marketShare: null,
    marketCoefficients: null,
    marketMeans: null,
    marketCoefficientSd: null,
  };
}

/** A unit's estimate of one coefficient, with its covariates. */
interface Member {
  readonly group: number;
  readonly z: readonly number[];
  readonly value: number;
  readonly variance: number;
}

interface Estimate {
  readonly value: number;
  readonly variance: number;
}

/** b̂ = R⁻¹ z and the diagonal of (R'R)⁻¹, for the units whose R is well conditioned. */
function unitLeastSquares({ units, coefficients: k, upper, projected }: UnitFactors) {
  const estimates = new Float64Array(units * k);
  const unscaledVariances = new Float64Array(units * k).fill(Infinity);
  const estimable: number[] = [];
  for (let u = 0; u < units; u++) {
    const r = (i: number, j: number): number => upper[(u * k + i) * k + j];
    let largest = 0;
    for (let i = 0; i < k; i++) largest = Math.max(largest, Math.abs(r(i, i)));
    let regular = largest > 0;
    for (let i = 0; i < k; i++) regular &&= Math.abs(r(i, i)) > 1e-6 * largest;
    if (!regular) continue;
    estimable.push(u);
    unscaledVariances.fill(0, u * k, (u + 1) * k);
    // Columns of R⁻¹ (the last of them applied to z) by back substitution.
    for (let column = 0; column <= k; column++) {
      const solution = new Float64Array(k);
      for (let i = k - 1; i >= 0; i--) {
        let rest = column === k ? projected[u * k + i] : i === column ? 1 : 0;
        for (let j = i + 1; j < k; j++) rest -= r(i, j) * solution[j];
        solution[i] = rest / r(i, i);
        if (column === k) estimates[u * k + i] = solution[i];
        else unscaledVariances[u * k + i] += solution[i] ** 2;
      }
    }
  }
  return { estimates, unscaledVariances, estimable };
}

/** Pools the moment equation over groups, each around its own weighted regression. */
function spreadWithinGroups(members: readonly Member[], groups: number, q: number): number {
  const sizes = new Int32Array(groups);
  for (const { group } of members) sizes[group]++;
  const degrees = sizes.reduce((sum, size) => sum + Math.max(0, size - q), 0);
  if (degrees === 0) return 0;
  const excess = (tau2: number): number => {
    const fits = groupRegressions(members, groups, q, tau2);
    const fitted = fits.map((fit) => fit.map((coefficient) => coefficient.value));
    let sum = 0;
    for (const { group, z, value, variance } of members) {
      if (sizes[group] <= q || !Number.isFinite(fits[group][0].variance)) continue;
      sum += (value - dot(z, fitted[group])) ** 2 / (variance + tau2);
    }
    return sum - degrees;
  };
  return solveDecreasing(excess);
}

/**
 * Regression of the groups' estimates on their covariates, and the variance between groups around it. Where the estimates are too few for
 * all covariates, the constant alone is estimated.
 * @param w `[group][covariate]`, the constant first; @param otherwise the constant without any estimate
 */
function regressionOfGroups(own: readonly Estimate[], w: readonly (readonly number[])[], otherwise: number) {
  const known = own.flatMap(({ value, variance }, g) =>
    Number.isFinite(variance) ? [{ group: 0, z: w[g], value, variance }] : [],
  );
  const coefficients = new Array<number>(w[0].length).fill(0);
  coefficients[0] = otherwise;
  for (const width of new Set([w[0].length, 1])) {
    if (known.length < (width === 1 ? 1 : width + 2)) continue;
    const members = known.map((one) => ({ ...one, z: one.z.slice(0, width) }));
    const spread2 = known.length >= width + 2 ? spreadWithinGroups(members, 1, width) : 0;
    const [fit] = groupRegressions(members, 1, width, spread2);
    if (!Number.isFinite(fit[0].variance)) continue;
    for (const [i, { value }] of fit.entries()) coefficients[i] = value;
    return { coefficients, spread2 };
  }
  return { coefficients, spread2: 0 };
}

function solveDecreasing(excess: (x: number) => number): number {
  if (!(excess(0) > 0)) return 0;
  let high = 1e-6;
  while (excess(high) > 0 && high < 1e12) high *= 4;
  let low = high / 4;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Weighted least squares of the members' values on their covariates, by group; infinite variances where that is not possible. */
function groupRegressions(members: readonly Member[], groups: number, q: number, tau2: number): Estimate[][] {
  const normal = Array.from({ length: groups }, () => new Float64Array(q * q));
  const right = Array.from({ length: groups }, () => new Float64Array(q));
  for (const { group, z, value, variance } of members) {
    const weight = 1 / (variance + tau2);
    for (let i = 0; i < q; i++) {
      right[group][i] += weight * z[i] * value;
      for (let j = 0; j < q; j++) normal[group][i * q + j] += weight * z[i] * z[j];
    }
  }
  return normal.map((matrix, g) => solveNormalEquations(matrix, right[g], q));
}

/** Gauss–Jordan elimination of a small normal matrix, to solution and inverse diagonal. */
function solveNormalEquations(matrix: Float64Array, right: Float64Array, q: number): Estimate[] {
  const rows = Array.from({ length: q }, (_, i) => [
    ...matrix.subarray(i * q, (i + 1) * q),
    ...Array.from({ length: q }, (_, j) => (i === j ? 1 : 0)),
    right[i],
  ]);
  for (let k = 0; k < q; k++) {
    const pivot = rows[k][k];
    if (!(pivot > 1e-9 * matrix[k * q + k])) return rows.map(() => ({ value: 0, variance: Infinity }));
    rows[k] = rows[k].map((x) => x / pivot);
    for (let i = 0; i < q; i++) {
      const factor = rows[i][k];
      if (i !== k) rows[i] = rows[i].map((x, j) => x - factor * rows[k][j]);
    }
  }
  return rows.map((row, i) => ({ value: row[2 * q], variance: row[q + i] }));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

function median(values: Float64Array): number {
  const sorted = values.toSorted();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
