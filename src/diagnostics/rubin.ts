// Rubin's rules: what fits of several completed data sets say together, and how much the missing values cost (Rubin 1987, §3.3).

export interface PooledEstimate {
  readonly mean: number;
  /** √ of the mean variance of the fits. */
  readonly withinSd: number;
  /** Standard deviation of the fits' means. */
  readonly betweenSd: number;
  /** √ of within + (1 + 1/m) between. */
  readonly totalSd: number;
  /** Degrees of freedom of the t distribution of the estimate; Infinity where the fits agree. */
  readonly df: number;
  /** Share of the information that the missing values take away: (r + 2 / (df + 3)) / (r + 1), r the relative increase of the variance. */
  readonly fractionMissing: number;
}

/** @param means of a quantity in each of m fits; @param sds its standard deviation in each; m is 2 or more */
export function poolByRubin(means: readonly number[], sds: readonly number[]): PooledEstimate {
  const m = means.length;
  const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / m;
  const mean = average(means);
  const within = average(sds.map((sd) => sd ** 2));
  const between = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (m - 1);
  const added = (1 + 1 / m) * between;
  const r = added / within;
  const df = added > 0 ? (m - 1) * (1 + 1 / r) ** 2 : Infinity;
  return {
    mean,
    withinSd: Math.sqrt(within),
    betweenSd: Math.sqrt(between),
    totalSd: Math.sqrt(within + added),
    df,
    fractionMissing: within > 0 ? (r + 2 / (df + 3)) / (r + 1) : added > 0 ? 1 : 0,
  };
}
