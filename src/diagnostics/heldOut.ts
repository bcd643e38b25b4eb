// How well a fit predicts rows that it did not see: errors of the mean, coverage of intervals, log predictive density.

/** Of each held-out row, `[rows]`. */
export interface HeldOutPredictions {
  readonly observed: ArrayLike<number>;
  /** Mean of the predictive distribution. */
  readonly mean: ArrayLike<number>;
  /** Log of the mean over draws of the density of what was observed. */
  readonly logDensity: ArrayLike<number>;
  /** Shares of replications at most, and below, what was observed; undefined where responses cannot be replicated. */
  readonly replicated?: { readonly atMost: ArrayLike<number>; readonly below: ArrayLike<number> };
}

export interface HeldOutFigures {
  readonly rows: number;
  readonly rmse: number;
  readonly mae: number;
  /** 1 − Σ (y − prediction)² / Σ (y − mean of the held-out y)². */
  readonly r2: number;
  /** Share of rows inside their central 95 % predictive interval; null where responses cannot be replicated. */
  readonly coverage95: number | null;
  /** Sum over rows, with its standard error. */
  readonly logPredictiveDensity: number;
  readonly logPredictiveDensitySe: number;
}

export function heldOutFigures({ observed, mean, logDensity, replicated }: HeldOutPredictions): HeldOutFigures {
  const rows = observed.length;
  const sum = (of: (row: number) => number): number => {
    let total = 0;
    for (let row = 0; row < rows; row++) total += of(row);
    return total;
  };
  const centre = sum((row) => observed[row]) / rows;
  const squares = sum((row) => (observed[row] - mean[row]) ** 2);
  const total = sum((row) => (observed[row] - centre) ** 2);
  const density = sum((row) => logDensity[row]);
  const spread = sum((row) => (logDensity[row] - density / rows) ** 2) / Math.max(1, rows - 1);
  return {
    rows,
    rmse: Math.sqrt(squares / rows),
    mae: sum((row) => Math.abs(observed[row] - mean[row])) / rows,
    r2: 1 - squares / total,
    // Inside: at least 2.5 % of the replications are at most as large, and at most 97.5 % are smaller.
    coverage95:
      replicated === undefined
        ? null
        : sum((row) => Number(replicated.atMost[row] >= 0.025 && replicated.below[row] <= 0.975)) / rows,
    logPredictiveDensity: density,
    logPredictiveDensitySe: Math.sqrt(rows * spread),
  };
}
