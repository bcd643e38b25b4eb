// The record a report is written from: everything the page shows, already computed, in plain readonly fields.

import type {
  CheckResult,
  HeldOutFigures,
  PooledEstimate,
  SamplerStatistics,
  ScalarLimits,
} from '../diagnostics/index.js';
import type { DataReport } from '../data/preparation/dataReport.js';
import type { DataSummary } from '../models/dataSummary.js';

interface ReportRun {
  /** Inference method, e.g. `NUTS`. */
  readonly method: string;
  readonly command: string;
  /** When the fit ended, as it should be printed. */
  readonly date: string;
  readonly seed: number | string;
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  readonly chains: number;
  /** Warm-up iterations per chain. */
  readonly warmup: number;
  /** Kept draws per chain. */
  readonly draws: number;
  /** The draws are independent, of an approximation; default: those of chains. */
  readonly isApproximation?: boolean;
  readonly versions: readonly { readonly name: string; readonly version: string }[];
}

/** Wall-clock seconds of each stage. */
interface ReportSeconds {
  readonly load: number;
  readonly compile: number;
  readonly warmup: number;
  readonly sampling: number;
  readonly total: number;
}

interface ReportCost {
  readonly seconds: ReportSeconds;
  readonly peakMemoryBytes: number;
  /** Of all chains, warm-up included: so many gradients or sweeps. */
  readonly effort: { readonly unit: string; readonly count: number };
}

interface ReportModel {
  /** The model in sentences. */
  readonly words: readonly string[];
  /** Unicode formulas; `<sub> <sup> <i> <b>` are kept, any other markup is escaped. */
  readonly formulas: readonly { readonly label: string; readonly formula: string }[];
  readonly priors: readonly { readonly site: string; readonly prior: string; readonly source: 'default' | 'set' }[];
  readonly notes: readonly string[];
  /** Said beneath the population's parameters. */
  readonly cautions?: readonly string[];
}

/** What the model was fitted to, and the file, query or table that the rows came from. */
export type ReportData = DataSummary & {
  readonly source: string;
  /** What was done to the rows before; absent where they were read as they are. */
  readonly preparation?: DataReport;
};

/** One row of the summary, in units of the data; a figure that is undefined is null or NaN. */
export interface ReportParameter {
  readonly name: string;
  readonly class: 'population' | 'group';
  readonly mean: number | null;
  readonly sd: number | null;
  readonly mcseMean: number | null;
  readonly q5: number | null;
  readonly q50: number | null;
  readonly q95: number | null;
  readonly essBulk: number | null;
  readonly essTail: number | null;
  readonly rhat: number | null;
}

/** What the checks hold each class of scalars to; figures outside are marked. */
export interface ReportLimits {
  readonly population: ScalarLimits;
  readonly group: ScalarLimits;
  /** False for many short chains, which nested R-hat judges in place of R-hat; default true. */
  readonly judgesRhat?: boolean;
}

/** Kept draws of one scalar, one array per chain, all of one length. */
export interface ReportDraws {
  readonly name: string;
  readonly chains: readonly Float64Array[];
  /** Ends of the support, where there are; the density is not smoothed beyond them. */
  readonly lower?: number;
  readonly upper?: number;
}

export interface ReportForestGroup {
  readonly label: string;
  readonly mean: number;
  readonly q5: number;
  readonly q95: number;
  /** Estimate from the rows of this group alone; null where it is not defined. */
  readonly unpooled: { readonly estimate: number; readonly standardError: number } | null;
}

/** One coefficient over the groups of one level. */
export interface ReportForest {
  readonly title: string;
  readonly coefficient: string;
  readonly groups: readonly ReportForestGroup[];
  /** The mean the groups are drawn to; null where every group has its own. */
  readonly populationMean: number | null;
}

/** Statistics of a Hamiltonian sampler, with what the report adds; all per chain. */
export interface ReportSampler extends SamplerStatistics {
  readonly stepSize: readonly number[];
  /** Mean acceptance rate. */
  readonly acceptanceRate: readonly number[];
  /** [chain][draw] */
  readonly energies: readonly Float64Array[];
}

interface ReportPredictiveStatistic {
  readonly name: string;
  readonly observed: number;
  readonly q5: number;
  readonly q50: number;
  readonly q95: number;
  /** Share of replications at least as large as the observed value. */
  readonly pValue: number;
}

export interface ReportPredictiveCheck {
  readonly response: string;
  /** Points at which every density below is evaluated. */
  readonly grid: ArrayLike<number>;
  readonly observed: ArrayLike<number>;
  /** [replication][grid point] */
  readonly replicated: readonly ArrayLike<number>[];
  /** Where not all observations were replicated: those that were, chosen at random, and all. */
  readonly part?: { readonly observations: number; readonly of: number };
  readonly statistics: readonly ReportPredictiveStatistic[];
}

/** What missing values cost: population scalars over the completed data sets. */
export interface ReportImputation {
  readonly imputations: number;
  readonly estimates: readonly (PooledEstimate & { readonly name: string; readonly pooledSd: number })[];
}

/** Predictions of rows that the fit did not see. */
export type ReportHeldOut = HeldOutFigures & { readonly draws: number; readonly notes: readonly string[] };

export interface ReportInput {
  readonly title: string;
  readonly run: ReportRun;
  readonly cost: ReportCost;
  readonly model: ReportModel;
  readonly data: ReportData;
  readonly checks: readonly CheckResult[];
  readonly limits: ReportLimits;
  readonly parameters: readonly ReportParameter[];
  /** Draws of population scalars, in model order. */
  readonly draws: readonly ReportDraws[];
  readonly forests: readonly ReportForest[];
  /** Null for methods without Hamiltonian dynamics. */
  readonly sampler: ReportSampler | null;
  readonly predictive: ReportPredictiveCheck | null;
  /** Absent where nothing was imputed. */
  readonly imputation?: ReportImputation;
  /** Absent where all rows were fitted. */
  readonly heldOut?: ReportHeldOut | null;
}
