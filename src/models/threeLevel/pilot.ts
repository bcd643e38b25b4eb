// A rough, fast look at the data before sampling: where to start, how wide, and which levels have enough data to be centred.
import type { UnitFactors } from './crossproducts.js';

/** Rough estimates in model units; never used as results. */
export interface PilotEstimates {
  readonly sigma: number;
  /** `[coefficient]`: population mean of the unit coefficients. */
  readonly mean: Float64Array;
  /** `[coefficient]`: standard deviation between units within a market (or in all, with two levels). */
  readonly unitSd: Float64Array;
  /** `[coefficient]`: standard deviation between markets; null with two levels. */
  readonly marketSd: Float64Array | null;
  /** Share of a typical unit's own information in its coefficients, `[coefficient]`, between 0 and 1. */
  readonly unitShare: Float64Array;
  /** The same for a market's coefficients. */
  readonly marketShare: Float64Array | null;
  /** `[unit][coefficient]`: shrunken unit coefficients, and their rough standard deviations. */
  readonly unitCoefficients: Float64Array;
  readonly unitCoefficientSd: Float64Array;
  /** `[market][coefficient]`. */
  readonly marketMeans: Float64Array | null;
  readonly marketMeanSd: Float64Array | null;
}

/**
 * Per-unit least squares, then between-unit and between-market variances by the Paule–Mandel moment equation, one coefficient at
 * a time. Covariates of units and markets are ignored, so the spreads err upwards.
 * @param response mean and standard deviation over all rows
 * @param fallbackSd `[coefficient]`: a spread to assume where too few units can be estimated
 */
export function pilotEstimates(
  factors: UnitFactors,
  marketOfUnit: Int32Array | null,
  markets: number,
  response: { readonly mean: number; readonly sd: number },
  fallbackSd: readonly number[],
): PilotEstimates {
  const { units, coefficients: k, residualDegrees, residualSumOfSquares } = factors;
  const { estimates, unscaledVariances, estimable } = unitLeastSquares(factors);
  const sigma =
    residualDegrees > 0 && residualSumOfSquares > 0
      ? Math.sqrt(residualSumOfSquares / residualDegrees)
      : 0.5 * response.sd;

  const groups = marketOfUnit ?? new Int32Array(units);
  const groupCount = marketOfUnit === null ? 1 : markets;
  const mean = new Float64Array(k);
  const unitSd = new Float64Array(k);
  const marketSd = new Float64Array(k);
  const unitShare = new Float64Array(k);
  const marketShare = new Float64Array(k);
  const unitCoefficients = new Float64Array(units * k);
  const unitCoefficientSd = new Float64Array(units * k);
  const marketMeans = new Float64Array(groupCount * k);
  const marketMeanSd = new Float64Array(groupCount * k);
  for (let c = 0; c < k; c++) {
    const members = estimable.map((u) => ({
      group: groups[u],
      value: estimates[u * k + c],
      variance: sigma * sigma * unscaledVariances[u * k + c],
    }));
    const enough = members.length >= 5;
    const tau2 = enough ? spreadWithinGroups(members, groupCount) : fallbackSd[c] ** 2;
    const groupMeans = weightedGroupMeans(members, groupCount, tau2);
    const known = groupMeans.filter(({ variance }) => Number.isFinite(variance));
    const upsilon2 = groupCount > 1 && known.length >= 3 ? pauleMandel(known) : 0;
    // The constant comes first: without a single unit to go by it is the mean of the response.
    const overall = weightedMean(known, upsilon2, c === 0 ? response.mean : 0);
    mean[c] = overall;
    unitSd[c] = Math.sqrt(Math.max(tau2, (0.01 * fallbackSd[c]) ** 2));
    marketSd[c] = Math.sqrt(Math.max(upsilon2, (0.01 * fallbackSd[c]) ** 2));
    for (let g = 0; g < groupCount; g++) {
      const { value, variance } = groupMeans[g];
      const weight =
        groupCount > 1 && Number.isFinite(variance)
          ? marketSd[c] ** 2 / (marketSd[c] ** 2 + variance)
          : groupCount > 1
            ? 0
            : 1;
      marketMeans[g * k + c] = overall + weight * ((Number.isFinite(value) ? value : overall) - overall);
      marketMeanSd[g * k + c] = Number.isFinite(variance)
        ? 1 / Math.sqrt(1 / variance + 1 / marketSd[c] ** 2)
        : marketSd[c];
    }
    const variances = new Float64Array(units).fill(Infinity);
    for (const [i, u] of estimable.entries()) variances[u] = members[i].variance;
    for (let u = 0; u < units; u++) {
      const prior = marketMeans[groups[u] * k + c];
      const weight = Number.isFinite(variances[u]) ? unitSd[c] ** 2 / (unitSd[c] ** 2 + variances[u]) : 0;
      unitCoefficients[u * k + c] = prior + (weight > 0 ? weight * (estimates[u * k + c] - prior) : 0);
      unitCoefficientSd[u * k + c] = unitSd[c] * Math.sqrt(Math.max(1e-6, 1 - weight));
    }
    unitShare[c] = median(Float64Array.from(variances, (v) => unitSd[c] ** 2 / (unitSd[c] ** 2 + v)));
    marketShare[c] = median(
      Float64Array.from(groupMeans, ({ variance: v }) => marketSd[c] ** 2 / (marketSd[c] ** 2 + v)),
    );
  }
  const three = marketOfUnit !== null;
  return {
    sigma,
    mean,
    unitSd,
    marketSd: three ? marketSd : null,
    unitShare,
    marketShare: three ? marketShare : null,
    unitCoefficients,
    unitCoefficientSd,
    marketMeans: three ? marketMeans : null,
    marketMeanSd: three ? marketMeanSd : null,
  };
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

/** Pools the moment equation over groups, each around its own weighted mean. */
function spreadWithinGroups(members: readonly (Estimate & { group: number })[], groups: number): number {
  const sizes = new Int32Array(groups);
  for (const { group } of members) sizes[group]++;
  const degrees = sizes.reduce((sum, size) => sum + Math.max(0, size - 1), 0);
  if (degrees === 0) return 0;
  const excess = (tau2: number): number => {
    const means = weightedGroupMeans(members, groups, tau2);
    let q = 0;
    for (const { group, value, variance } of members) q += (value - means[group].value) ** 2 / (variance + tau2);
    return q - degrees;
  };
  return solveDecreasing(excess);
}

/** Paule and Mandel (1982): the spread at which the weighted sum of squares equals its degrees of freedom. */
function pauleMandel(members: readonly Estimate[]): number {
  return solveDecreasing((spread) => {
    const mean = weightedMean(members, spread, 0);
    let q = 0;
    for (const { value, variance } of members) q += (value - mean) ** 2 / (variance + spread);
    return q - (members.length - 1);
  });
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

function weightedGroupMeans(
  members: readonly (Estimate & { group: number })[],
  groups: number,
  tau2: number,
): Estimate[] {
  const weights = new Float64Array(groups);
  const sums = new Float64Array(groups);
  for (const { group, value, variance } of members) {
    const weight = 1 / (variance + tau2);
    weights[group] += weight;
    sums[group] += weight * value;
  }
  return Array.from(weights, (weight, g) => ({ value: sums[g] / weight, variance: 1 / weight }));
}

function weightedMean(members: readonly Estimate[], spread: number, otherwise: number): number {
  let weights = 0;
  let sum = 0;
  for (const { value, variance } of members) {
    const weight = 1 / (variance + spread);
    weights += weight;
    sum += weight * value;
  }
  return weights > 0 ? sum / weights : otherwise;
}

function median(values: Float64Array): number {
  const sorted = values.toSorted();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
