// What methods gave for the same model and data: cost, effective draws per second, and how far each lies from a reference.
import type { ScalarSummary } from '../../data/run/summaryFiles.js';
import type { CheckStatus } from '../../diagnostics/index.js';
import type { MethodName } from '../../inference/index.js';
import type { ComparisonReportRow } from '../../report/index.js';

/** One finished run. */
export interface ComparedRun {
  readonly method: MethodName;
  readonly device: string;
  readonly isApproximation: boolean;
  /** Scalars of the population. */
  readonly population: readonly ScalarSummary[];
  readonly chains: number;
  readonly draws: number;
  readonly seconds: { readonly warmup: number; readonly sampling: number; readonly total: number };
  readonly effort: { readonly unit: 'gradients' | 'sweeps'; readonly count: number };
  readonly peakMemoryBytes: number;
  readonly deviceMemoryBytes: number | null;
  readonly status: CheckStatus;
}

/** A row of the comparison; what the page adds to it is not known here. */
export type ComparisonRow = Omit<ComparisonReportRow, 'title' | 'folder' | 'population'> & {
  readonly method: MethodName;
};

/** Throws RangeError where the runs are not of the same population. */
export function compareRuns(runs: readonly ComparedRun[], reference: ComparedRun): ComparisonRow[] {
  return runs.map((run) => {
    const { warmup, sampling, total } = run.seconds;
    const seconds = warmup + sampling;
    const perSecond = (of: 'essBulk' | 'essTail'): number[] =>
      run.population
        .map((scalar) => scalar[of] / seconds)
        .filter(Number.isFinite)
        .sort((a, b) => a - b);
    const [bulk, tail] = [perSecond('essBulk'), perSecond('essTail')];
    return {
      method: run.method,
      device: run.device,
      isApproximation: run.isApproximation,
      status: run.status,
      seconds: total,
      secondsPerDraw: seconds / (run.chains * run.draws),
      effort: run.effort,
      peakMemoryBytes: run.peakMemoryBytes,
      deviceMemoryBytes: run.deviceMemoryBytes,
      essPerSecond:
        run.isApproximation || bulk.length === 0
          ? null
          : { minBulk: bulk[0], medianBulk: medianOf(bulk), minTail: tail[0], medianTail: medianOf(tail) },
      fromReference: run === reference ? null : difference(run.population, reference.population),
    };
  });
}

const medianOf = (sorted: readonly number[]): number =>
  (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

function difference(
  own: readonly ScalarSummary[],
  reference: readonly ScalarSummary[],
): NonNullable<ComparisonRow['fromReference']> {
  const other = new Map(reference.map((scalar) => [scalar.name, scalar]));
  const worst = { mean: 0, meanAt: '', sd: 0, sdAt: '', mcse: 0 };
  for (const scalar of own) {
    const beside = other.get(scalar.name);
    if (beside === undefined) throw new RangeError(`the runs differ: ${scalar.name} is in one and not in the other`);
    const shift = Math.abs(scalar.mean - beside.mean);
    const mean = shift / beside.sd;
    const sd = Math.abs(scalar.sd / beside.sd - 1);
    if (mean > worst.mean) Object.assign(worst, { mean, meanAt: scalar.name });
    if (sd > worst.sd) Object.assign(worst, { sd, sdAt: scalar.name });
    const mcse = shift / Math.hypot(scalar.mcseMean, beside.mcseMean);
    if (mcse > worst.mcse) worst.mcse = mcse;
  }
  return worst;
}
