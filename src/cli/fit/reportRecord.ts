// report.json: what the page needs beyond the other files of a run, so that `hierax report` works without the data.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../data/run/atomicFile.js';
import { InputError } from '../../data/inputError.js';
import { toJson } from '../../data/run/summaryFiles.js';
import type { ReportInput } from '../../report/index.js';
import { buildForests } from './forests.js';
import type { FitJob } from './job.js';
import type { PlacedSummary } from './summaries.js';

const fileName = 'report.json';

/** The saved part of a report. Energies are `[chain][draw]`. */
export type ReportRecord = Pick<
  ReportInput,
  'title' | 'model' | 'data' | 'forests' | 'predictive' | 'sampler' | 'heldOut' | 'imputation'
> & {
  readonly populationSites: readonly string[];
  /** Those of which only summaries are shown: their stored draws are not turned alike yet. Runs of before have none. */
  readonly turnedSites?: readonly string[];
  readonly positiveSites: readonly string[];
};

export function writeReportRecord(
  dir: string,
  job: FitJob,
  summaries: readonly PlacedSummary[],
  predictive: ReportInput['predictive'],
  sampler: ReportInput['sampler'],
  heldOut: ReportInput['heldOut'],
): void {
  const { model, prepared } = job;
  const record: ReportRecord = {
    title: `${model.observed.name}: ${model.name} model`,
    model: model.description,
    data: { source: sourceName(job), ...prepared.summary, ...(job.dataReport && { preparation: job.dataReport }) },
    forests: buildForests(prepared, summaries),
    predictive,
    sampler,
    ...(heldOut && { heldOut }),
    turnedSites: model.sites.filter(({ rotation }) => rotation !== undefined).map(({ name }) => name),
    populationSites: model.sites.filter(({ level }) => level === 'population').map(({ name }) => name),
    positiveSites: prepared.positiveSites,
  };
  replaceReportRecord(dir, record);
}

export function replaceReportRecord(dir: string, record: ReportRecord): void {
  replaceFile(join(dir, fileName), Buffer.from(toJson(record)), { sync: true });
}

/** Throws InputError when the run has no such file. */
export function readReportRecord(dir: string): ReportRecord {
  let text: string;
  try {
    text = readFileSync(join(dir, fileName), 'utf8');
  } catch {
    throw new InputError(`${dir} has no ${fileName}: the run was made without a report; fit it again`, { file: dir });
  }
  const record = JSON.parse(text) as ReportRecord;
  if (record.sampler === null) return record;
  const energies = record.sampler.energies.map((chain) => Float64Array.from(chain));
  return { ...record, sampler: { ...record.sampler, energies } };
}

function sourceName({ config, dataReport }: FitJob): string {
  const { file, table, tables } = config.data;
  if (tables !== undefined && dataReport !== null) return dataReport.tables.map(({ source }) => source).join(', ');
  return file ?? table ?? 'a query';
}
