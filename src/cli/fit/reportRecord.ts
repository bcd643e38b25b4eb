// report.json: what the page needs beyond the other files of a run, so that `hierax report` works without the data.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../data/run/atomicFile.js';
import { InputError } from '../../data/inputError.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { quantile } from '../../diagnostics/index.js';
import type { ReportInput } from '../../report/index.js';
import { buildForests } from './forests.js';
import type { FitJob } from './job.js';
import type { PlacedSummary } from './summaries.js';

const fileName = 'report.json';

/** The saved part of a report. Energies are `[chain][draw]`. */
export type ReportRecord = Pick<ReportInput, 'title' | 'model' | 'data' | 'forests' | 'predictive' | 'sampler'> & {
  readonly populationSites: readonly string[];
  readonly positiveSites: readonly string[];
};

export function writeReportRecord(
  dir: string,
  job: FitJob,
  summaries: readonly PlacedSummary[],
  predictive: ReportInput['predictive'],
  sampler: ReportInput['sampler'],
): void {
  const { data, model } = job;
  const record: ReportRecord = {
    title: `${data.responseName}: ${model.name} model`,
    model: model.description!,
    data: describeData(job),
    forests: buildForests(data, model, summaries),
    predictive,
    sampler,
    populationSites: model.sites.filter(({ level }) => level === 'population').map(({ name }) => name),
    positiveSites: ['sigma', 'sigma_u', 'sigma_v'],
  };
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

function describeData({ data, config }: FitJob): ReportInput['data'] {
  const rowsPerUnit = Float64Array.from(
    { length: data.units.count },
    (_, u) => data.units.rowStart[u + 1] - data.units.rowStart[u],
  );
  const column =
    (role: string) =>
    (predictor: (typeof data.x)[number]): ReportInput['data']['columns'][number] => ({
      name: predictor.name,
      role,
      ...describeNumbers(predictor.values, predictor.standardisation),
      missing: 0,
      standardised:
        predictor.standardisation === null
          ? 'as it is'
          : `centred by ${short(predictor.standardisation.mean)}, divided by ${short(predictor.standardisation.sd)}`,
    });
  return {
    source: config.data.file ?? config.data.table ?? 'a query',
    rows: data.rows,
    units: data.units.count,
    markets: data.markets?.names.length ?? null,
    products: data.products?.names.length ?? null,
    columns: [
      {
        name: data.responseName,
        role: 'response',
        ...describeNumbers(data.y, null),
        missing: 0,
        standardised: 'as it is',
      },
      ...data.x.map(column('x')),
      ...data.z.map(column('z')),
      ...(data.markets?.w ?? []).map(column('w')),
    ],
    rowsPerUnit: {
      min: quantile(rowsPerUnit, 0),
      q25: quantile(rowsPerUnit, 0.25),
      median: quantile(rowsPerUnit, 0.5),
      q75: quantile(rowsPerUnit, 0.75),
      max: quantile(rowsPerUnit, 1),
    },
    notes: data.notes.repeatedOccasions > 0 ? [`${data.notes.repeatedOccasions} rows repeat a unit and time.`] : [],
  };
}

const short = (x: number): string => String(Number(x.toPrecision(4)));

/** Moments in the data's units. */
function describeNumbers(values: Float64Array, standardisation: { readonly mean: number; readonly sd: number } | null) {
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const { mean: shift, sd: scale } = standardisation ?? { mean: 0, sd: 1 };
  const back = (x: number): number => shift + scale * x;
  return {
    mean: back(mean),
    sd: scale * Math.sqrt(squares / Math.max(1, values.length - 1)),
    min: back(min),
    max: back(max),
  };
}
