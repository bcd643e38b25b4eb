// From stored draws to summary.json, summary.parquet and the checks, block by block in bounded memory.
import { join } from 'node:path';
import { scalarNames } from '../../data/run/names.js';
import { openPosterior } from '../../data/run/posteriorReader.js';
import { writeTable } from '../../data/writeTable.js';
import {
  checkMoments,
  checkNonFinite,
  type CheckResult,
  GROUP_LIMITS,
  type ManyChains,
  type NamedSummary,
  POPULATION_LIMITS,
  runChecks,
  type RunningMoments,
  type SamplerStatistics,
  type Summary,
} from '../../diagnostics/index.js';
import type { Method } from '../../inference/index.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import type { Model, Site } from '../../models/model.js';
import { AlignedDraws } from './alignedDraws.js';
import { type SummaryBlock, summariseBlock, summaryBlocks } from './summaryBlocks.js';
import { type SummarySource, SummaryThreads } from './summaryThreads.js';

/** A summary with the site it belongs to and the element's place in it. */
export interface PlacedSummary extends NamedSummary {
  readonly site: Site;
  readonly element: number;
}

/** Fewest scalars for which threads are started. */
const fewestForThreads = 500;

/**
 * Summaries of all stored scalars in model order; elements fixed by construction are left out.
 * @param superchains how many superchains the chains form; 1 for none
 */
export async function summariseRun(
  posteriorPath: string,
  model: Model,
  kept: readonly Site[],
  threads: number,
  superchains = 1,
): Promise<PlacedSummary[]> {
  const reader = await openPosterior(posteriorPath);
  const scalars = kept.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const used = scalars >= fewestForThreads ? threads : 1;
  const scalarBytes = 8 * reader.chains * reader.draws;
  const placed = kept.flatMap((site) =>
    summaryBlocks(site, model.coords, scalarBytes, used).map((block) => ({ site, block })),
  );
  const blocks = placed.map(({ block }) => block);
  const summaries =
    used > 1
      ? await onThreads(blocks, used, { posteriorPath, superchains })
      : await inTurn(blocks, new AlignedDraws(reader), superchains);
  return placed.flatMap(({ site, block: { elements } }, i) =>
    summaries[i].map((summary, j): PlacedSummary => ({
      ...summary,
      ...(site.rotation && notAssessed),
      site,
      element: elements[j],
    })),
  );
}

async function onThreads(
  blocks: readonly SummaryBlock[],
  count: number,
  source: SummarySource,
): Promise<NamedSummary[][]> {
  const threads = new SummaryThreads(count, source);
  try {
    return await threads.summarise(blocks);
  } finally {
    await threads.dispose();
  }
}

async function inTurn(
  blocks: readonly SummaryBlock[],
  draws: AlignedDraws,
  superchains: number,
): Promise<NamedSummary[][]> {
  const found: NamedSummary[][] = [];
  for (const block of blocks) found.push(await summariseBlock(draws, block, superchains));
  return found;
}

/**
 * The convergence checks of a fit: population strictly, groups by their own limits, unstored sites by their moments.
 * @param many given for a run with superchains
 * @param draws independent draws have nothing to converge
 */
export function convergenceChecks(
  summaries: readonly PlacedSummary[],
  sampler: SamplerStatistics | undefined,
  unstored: { readonly moments: RunningMoments; readonly names: readonly string[] } | undefined,
  many?: ManyChains,
  draws: Method['draws'] = 'chains',
): CheckResult[] {
  const judged = summaries.filter(({ site }) => site.rotation === undefined);
  const population = judged.filter(({ site }) => site.level === 'population');
  const groups = judged.filter(({ site }) => site.level === 'group');
  const classes = [{ label: 'population', limits: POPULATION_LIMITS, scalars: population }];
  if (groups.length > 0) classes.push({ label: 'groups', limits: GROUP_LIMITS, scalars: groups });
  if (draws === 'independent') return [checkNonFinite(classes)];
  const checks = runChecks(classes, sampler, many);
  if (unstored === undefined) return checks;
  const { splitRhatMoments, essBatchMeans, sd } = unstored.moments.columns();
  const nameAt = (i: number): string => unstored.names[i];
  const rhatNestedMoments = many && unstored.moments.rhatNested(many.superchains);
  const group = { label: 'groups', limits: GROUP_LIMITS, nameAt, splitRhatMoments, essBatchMeans, sd };
  return [...checks, ...checkMoments([{ ...group, rhatNestedMoments }])];
}

/** What turned draws have none of: they look alike whether or not chains agree. */
const notAssessed = { mcseMean: NaN, essBulk: NaN, essTail: NaN, rhat: NaN, rhatNested: NaN } as const;

/** Says which sites were turned, and what is judged in their place; nothing where there are none. */
export function rotationCheck(sites: readonly Site[]): CheckResult[] {
  const turned = sites.filter(({ rotation }) => rotation !== undefined);
  if (turned.length === 0) return [];
  const judged = [...new Set(turned.flatMap(({ rotation }) => rotation!.judgedBy))];
  const detail = `${turned.map(({ name }) => name).join(', ')}: not assessed, as they are identified up to a rotation of the factors only; the draws of all chains were turned alike before they were summarised. See ${judged.join(', ')}, which no rotation changes.`;
  return [{ name: 'rotation', status: 'pass', detail }];
}

/** Names of the scalars of sites that are not stored, in the order of their moments. */
export function unstoredNames(model: Model, kept: readonly Site[]): string[] {
  return model.sites.filter((site) => !kept.includes(site)).flatMap((site) => [...scalarNames(site, model.coords)]);
}

const figures = [
  'mean',
  'sd',
  'mcseMean',
  'q5',
  'q50',
  'q95',
  'essBulk',
  'essTail',
  'rhat',
] as const satisfies readonly (keyof Summary)[];

/**
 * `summary.parquet`: the columns of summary.json for every scalar, and moment-based figures in columns of their own; for a run
 * with superchains the nested R-hat as well.
 */
export async function writeSummaryTable(
  folder: string,
  summaries: readonly PlacedSummary[],
  unstored: { readonly moments: RunningMoments; readonly names: readonly string[] } | undefined,
  superchains = 1,
): Promise<void> {
  const extra = unstored?.names.length ?? 0;
  const rows = summaries.length + extra;
  const column = (): Float64Array => new Float64Array(rows).fill(NaN);
  const names = [...summaries.map(({ name }) => name), ...(unstored?.names ?? [])];
  const columns = Object.fromEntries(figures.map((figure) => [figure, column()]));
  for (const [i, summary] of summaries.entries()) for (const figure of figures) columns[figure][i] = summary[figure];
  const more: Record<string, Float64Array> = {};
  if (superchains > 1) {
    more.rhatNested = column();
    for (const [i, { rhatNested }] of summaries.entries()) more.rhatNested[i] = rhatNested;
  }
  if (unstored !== undefined) {
    const moments = unstored.moments.columns();
    for (const figure of ['mean', 'sd', 'mcseMean'] as const) columns[figure].set(moments[figure], summaries.length);
    for (const figure of ['splitRhatMoments', 'essBatchMeans'] as const) {
      more[figure] = column();
      more[figure].set(moments[figure], summaries.length);
    }
    if (superchains > 1) {
      more.rhatNestedMoments = column();
      more.rhatNestedMoments.set(unstored.moments.rhatNested(superchains), summaries.length);
    }
  }
  await writeTable(join(folder, 'summary.parquet'), [
    { name: 'name', values: names },
    ...Object.entries({ ...columns, ...more }).map(([name, values]) => ({ name, values })),
  ]);
}

/** Scalars of summary.json: the population, and the kept sites the user named. */
export function summaryEntries(summaries: readonly PlacedSummary[], named: readonly string[]): PlacedSummary[] {
  return summaries.filter(({ site }) => site.level === 'population' || named.includes(site.name));
}
