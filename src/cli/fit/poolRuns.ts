// One run from the runs of several completed data sets: all their draws, figures of convergence within each, and what the missing values cost.
import { join } from 'node:path';
import { replaceFile } from '../../data/run/atomicFile.js';
import { InputError } from '../../data/inputError.js';
import { scalarNames } from '../../data/run/names.js';
import { openPosterior, type PosteriorReader } from '../../data/run/posteriorReader.js';
import { copyDraws } from '../../data/run/poolDraws.js';
import { type FinishedRun, readRun, type RunFolder } from '../../data/run/runFolder.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { writeConstantGroup } from '../../data/run/zarrFiles.js';
import {
  type CheckResult,
  type PooledEstimate,
  poolByRubin,
  quantile,
  summariseNamed,
  worstStatus,
} from '../../diagnostics/index.js';
import { isFixedElement } from '../../models/model.js';
import type { ReportInput } from '../../report/index.js';
import type { FitOutcome } from './sampleOnDevice.js';
import { buildForests } from './forests.js';
import { heldOutLine, poolHeldOut } from './heldOutRows.js';
import type { FitJob } from './job.js';
import { readReportRecord, replaceReportRecord } from './reportRecord.js';
import { type PlacedSummary, summaryEntries, writeSummaryTable } from './summaries.js';

/** A scalar of the population by Rubin's rules, and the standard deviation of the pooled draws. */
export type ImputedEstimate = PooledEstimate & { readonly name: string; readonly pooledSd: number };

/** A pooled standard deviation may fall short of Rubin's by this share before more data sets are asked for. */
const mostShort = 0.05;

/**
 * Pools finished runs into a folder, which becomes a finished run itself: `posterior.zarr` has the chains of all, one data set's after the
 * other's. Returns the worst status of all checks.
 * @param job of the first data set
 */
export async function poolRuns(
  folder: RunFolder,
  dirs: readonly string[],
  job: FitJob,
  command: string,
  say: (line: string) => void,
): Promise<FitOutcome['status']> {
  const runs = dirs.map(readRun);
  const readers = await Promise.all(runs.map(({ posteriorPath }) => openPosterior(posteriorPath)));
  refuseDifferent(readers, dirs);
  const { statistics } = job.method.method;
  await copyDraws(
    folder.posteriorPath,
    runs.map(({ posteriorPath }) => posteriorPath),
    statistics,
  );
  const { name: response, values } = job.model.observed;
  const observed = { name: response, shape: [values.length], dims: ['row'], values };
  await writeConstantGroup(folder.posteriorPath, 'observed_data', [observed], {});

  const { summaries, estimates } = await summarisePooled(readers, job);
  const checks = [...worstOf(runs), imputationCheck(estimates, runs.length)];
  const records = dirs.map(readReportRecord);
  const fits = records.flatMap(({ heldOut }, i) => (heldOut ? [{ folder: dirs[i], summary: heldOut }] : []));
  const held = fits.length === 0 ? undefined : await poolHeldOut(fits);
  folder.writeRun({
    ...omit(runs[0].run, ['status']),
    command,
    seed: job.config.seed,
    imputations: runs.length,
    runs: dirs.map((_, i) => `imputation-${i + 1}`),
  });
  folder.writeSummary(summaryEntries(summaries, job.config.keep), {
    imputation: estimates,
    ...(held && { holdout: held }),
  });
  await writeSummaryTable(folder.dir, summaries, undefined);
  if (job.dataReport !== null) folder.writeDataReport(job.dataReport);
  folder.writeDiagnostics(poolDiagnostics(runs, checks));
  replaceFile(
    join(folder.dir, 'imputation.json'),
    Buffer.from(`${toJson({ imputations: runs.length, parameters: estimates }, 1)}\n`),
  );
  replaceReportRecord(folder.dir, {
    ...records[0],
    forests: buildForests(job.prepared, summaries),
    sampler: poolSamplers(records.map(({ sampler }) => sampler)),
    imputation: { imputations: runs.length, estimates },
    ...(held && { heldOut: held }),
  });
  folder.finish();
  if (held !== undefined) say(heldOutLine(held));
  for (const { name, status, detail } of checks) if (status !== 'pass') say(`${status}: ${name}: ${detail}`);
  const largest = Math.max(...estimates.map(({ fractionMissing }) => fractionMissing));
  say(
    `pooled ${runs.length} imputations; missing values take away at most ${(100 * largest).toFixed(0)} % of the information on a population parameter`,
  );
  return worstStatus(checks.map(({ status }) => status));
}

/** Labels that were imputed may leave a level out of a data set, whose posterior then has other sites. */
function refuseDifferent(readers: readonly PosteriorReader[], dirs: readonly string[]): void {
  const shape = ({ sites, coords, chains, draws }: PosteriorReader): string =>
    JSON.stringify([sites, coords, chains, draws]);
  const other = readers.findIndex((reader) => shape(reader) !== shape(readers[0]));
  if (other >= 0)
    throw new InputError(
      `${dirs[other]}: its parameters are not those of ${dirs[0]}: an imputed label occurs in one and not in the other; group rare labels before they are imputed`,
    );
}

/** Mean, deviation and quantiles of all draws; R-hat the largest within a data set; ESS and Monte Carlo error of all together. */
async function summarisePooled(
  readers: readonly PosteriorReader[],
  { model, keptSites }: FitJob,
): Promise<{ readonly summaries: PlacedSummary[]; readonly estimates: ImputedEstimate[] }> {
  const summaries: PlacedSummary[] = [];
  const estimates: ImputedEstimate[] = [];
  const m = readers.length;
  for (const site of keptSites) {
    // Runs hold their factors in rotations of their own.
    if (site.rotation !== undefined) continue;
    const names = [...scalarNames(site, model.coords)];
    const blocks = readers.map((reader) => reader.blocks(site.name));
    for await (const first of blocks[0]) {
      const others = await Promise.all(blocks.slice(1).map(async (own) => (await own.next()).value as typeof first));
      for (const [offset, chains] of first.draws.entries()) {
        const element = first.start + offset;
        if (isFixedElement(site, element)) continue;
        const name = names[element];
        const each = [chains, ...others.map(({ draws }) => draws[offset])];
        const own = each.map((draws) => summariseNamed(name, draws));
        const pooled = poolSummaries(own, each.flat());
        summaries.push({ ...pooled, name, site, element });
        if (site.level !== 'population' || pooled.isConstant) continue;
        const rubin = poolByRubin(
          own.map(({ mean }) => mean),
          own.map(({ sd }) => sd),
        );
        estimates.push({ name, ...rubin, pooledSd: pooled.sd });
      }
    }
  }
  if (m < 2) throw new RangeError('pooling needs two runs or more');
  return { summaries, estimates };
}

type Named = ReturnType<typeof summariseNamed>;

function poolSummaries(each: readonly Named[], chains: readonly Float64Array[]): Named {
  const m = each.length;
  const sum = (of: (own: Named) => number): number => each.reduce((total, own) => total + of(own), 0);
  const values = Float64Array.from(chains.flatMap((chain) => [...chain]));
  const mean = sum((own) => own.mean) / m;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return {
    ...each[0],
    mean,
    sd: Math.sqrt(squares / (values.length - 1)),
    mcseMean: Math.sqrt(sum((own) => own.mcseMean ** 2)) / m,
    q5: quantile(values, 0.05),
    q50: quantile(values, 0.5),
    q95: quantile(values, 0.95),
    essBulk: sum((own) => own.essBulk),
    essTail: sum((own) => own.essTail),
    rhat: Math.max(...each.map(({ rhat }) => rhat)),
    rhatNested: NaN,
    isConstant: squares === 0,
    nonFiniteDraws: sum((own) => own.nonFiniteDraws),
    stuckChains: [],
  };
}

const severity = { pass: 0, review: 1, fail: 2 } as const;

/** Each check as it came out worst, and where. */
function worstOf(runs: readonly FinishedRun[]): CheckResult[] {
  const lists = runs.map(({ diagnostics }) => diagnostics['checks'] as readonly CheckResult[]);
  const names = [...new Set(lists.flatMap((checks) => checks.map(({ name }) => name)))];
  return names.map((name) => {
    const found = lists.flatMap((checks, i) =>
      checks.filter((check) => check.name === name).map((check) => ({ check, i })),
    );
    const worst = found.reduce((a, b) => (severity[b.check.status] > severity[a.check.status] ? b : a));
    const { status, detail } = worst.check;
    return {
      ...worst.check,
      detail:
        status === 'pass' ? `In every imputation; in the first: ${detail}` : `Imputation ${worst.i + 1}: ${detail}`,
    };
  });
}

/** Few data sets leave the spread between them badly known: the pooled draws then vary less than Rubin's rules say. */
function imputationCheck(estimates: readonly ImputedEstimate[], m: number): CheckResult {
  const short = estimates.map((own) => ({ ...own, short: 1 - own.pooledSd / own.totalSd }));
  const worst = short.reduce((a, b) => (b.short > a.short ? b : a), short[0]);
  const largest = short.reduce((a, b) => (b.fractionMissing > a.fractionMissing ? b : a), short[0]);
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
  const seen = `Missing values take away ${percent(largest.fractionMissing)} of the information on ${largest.name}, the most of all; the pooled standard deviation of ${worst.name} is ${percent(Math.max(0, worst.short))} below that of Rubin's rules`;
  const isEnough = worst.short <= mostShort;
  // The pooled draws lack 2 between / m of Rubin's variance.
  const wanted = Math.ceil((m * worst.short) / mostShort / 5) * 5;
  return {
    name: 'imputations',
    status: isEnough ? 'pass' : 'review',
    detail: isEnough ? `${seen}.` : `${seen}: ${m} imputations are few; take about ${Math.max(wanted, m + 5)}.`,
  };
}

/** diagnostics.json of all runs: counts and seconds are sums, memory the most. */
function poolDiagnostics(runs: readonly FinishedRun[], checks: readonly CheckResult[]): Record<string, unknown> {
  const each = runs.map(({ diagnostics }) => diagnostics);
  const sum = (name: string): number | null =>
    each.every((own) => own[name] === null) ? null : each.reduce((total, own) => total + Number(own[name] ?? 0), 0);
  const most = (name: string): number | null =>
    each.every((own) => own[name] === null) ? null : Math.max(...each.map((own) => Number(own[name] ?? 0)));
  const seconds = each.map((own) => own['seconds'] as Readonly<Record<string, number>>);
  const ebfmi = each.map((own) => own['ebfmi'] as readonly number[] | null);
  return {
    ...each[0],
    imputations: runs.length,
    chains: sum('chains'),
    divergences: sum('divergences'),
    ebfmi: ebfmi.includes(null) ? null : ebfmi.flat(),
    maxTreeDepthHits: sum('maxTreeDepthHits'),
    gradientEvaluations: sum('gradientEvaluations'),
    sweeps: sum('sweeps'),
    seconds: Object.fromEntries(
      Object.keys(seconds[0]).map((stage) => [stage, seconds.reduce((total, own) => total + own[stage], 0)]),
    ),
    peakMemoryBytes: most('peakMemoryBytes'),
    deviceMemoryBytes: most('deviceMemoryBytes'),
    checks,
  };
}

type Sampler = ReportInput['sampler'];

function poolSamplers(samplers: readonly Sampler[]): Sampler {
  const found = samplers.filter((own) => own !== null);
  if (found.length < samplers.length) return null;
  const hits = found.map(({ maxTreeDepthHits }) => maxTreeDepthHits);
  return {
    ...found[0],
    divergences: found.flatMap(({ divergences }) => divergences),
    ebfmi: found.flatMap(({ ebfmi }) => ebfmi),
    maxTreeDepthHits: hits.includes(null) ? null : hits.flatMap((own) => own ?? []),
    stepSize: found.flatMap(({ stepSize }) => stepSize),
    acceptanceRate: found.flatMap(({ acceptanceRate }) => acceptanceRate),
    energies: found.flatMap(({ energies }) => energies),
  };
}

function omit(record: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}
