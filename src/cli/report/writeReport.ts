// report.html from the files of a finished run.
import { join } from 'node:path';
import { replaceFile } from '../../data/run/atomicFile.js';
import { scalarNames } from '../../data/run/names.js';
import { openPosterior } from '../../data/run/posteriorReader.js';
import { readRun } from '../../data/run/runFolder.js';
import { RunStorageError } from '../../data/run/runStorageError.js';
import { type CheckResult, GROUP_LIMITS, POPULATION_LIMITS } from '../../diagnostics/index.js';
import { type MethodName, methods } from '../../inference/index.js';
import { renderReport, type ReportInput } from '../../report/index.js';
import { readReportRecord } from '../fit/reportRecord.js';

/** Scalars whose draws a report shows at most; renderReport picks from them. */
const drawLimit = 200;

/** Writes the page and returns its path. Throws InputError when `dir` holds no finished run. */
export async function writeReport(dir: string): Promise<string> {
  const { run, diagnostics, summary, posteriorPath } = readRun(dir);
  const record = readReportRecord(dir);
  const population = new Set(record.populationSites);
  const reader = await openPosterior(posteriorPath);
  const shown = new Set(summary.map(({ name }) => name));
  const draws: ReportInput['draws'][number][] = [];
  const turned = new Set(record.turnedSites);
  for (const site of reader.sites.filter(({ name }) => population.has(name) && !turned.has(name))) {
    for (const [element, name] of [...scalarNames(site, reader.coords)].entries()) {
      if (draws.length >= drawLimit || !shown.has(name)) continue;
      const support = record.positiveSites.includes(site.name) ? { lower: 0 } : {};
      draws.push({ name, chains: await reader.readSite(site.name, element), ...support });
    }
  }
  const figures = diagnostics as unknown as {
    readonly seconds: ReportInput['cost']['seconds'];
    readonly peakMemoryBytes: number;
    readonly gradientEvaluations: number | null;
    readonly sweeps: number | null;
    readonly checks: readonly CheckResult[];
    readonly method: MethodName;
    readonly device: string;
    readonly precision: string;
    readonly threads: number;
    readonly chains: number;
    readonly superchains?: number;
    readonly warmup: number;
    readonly draws: number;
  };
  const html = renderReport({
    title: record.title,
    model: record.model,
    data: record.data,
    forests: record.forests,
    predictive: record.predictive,
    sampler: record.sampler,
    ...(record.imputation && { imputation: record.imputation }),
    ...(record.heldOut && { heldOut: record.heldOut }),
    run: {
      method: methods[figures.method].title,
      command: String(run['command']),
      date: String(run['started']).replace('T', ' ').replace(/\..*$/, ' UTC'),
      seed: run['seed'] as number,
      device: figures.device,
      precision: figures.precision,
      threads: figures.threads,
      chains: figures.chains,
      warmup: figures.warmup,
      draws: figures.draws,
      isApproximation: methods[figures.method].draws === 'independent',
      versions: Object.entries(run['versions'] as Record<string, string>).map(([name, version]) => ({ name, version })),
    },
    cost: {
      seconds: figures.seconds,
      peakMemoryBytes: figures.peakMemoryBytes,
      effort: { unit: methods[figures.method].effort, count: figures.gradientEvaluations ?? figures.sweeps ?? 0 },
    },
    checks: figures.checks,
    limits: { population: POPULATION_LIMITS, group: GROUP_LIMITS, judgesRhat: figures.superchains === undefined },
    parameters: summary.map((row) => ({
      ...row,
      class: population.has(/^[^[]*/.exec(row.name)![0]) ? ('population' as const) : ('group' as const),
    })),
    draws,
  });
  const path = join(dir, 'report.html');
  try {
    replaceFile(path, Buffer.from(html), { sync: true });
  } catch (error) {
    if (!(error instanceof RunStorageError)) throw error;
    const next = `the run is finished: free the place and write its page with hierax report ${dir}`;
    throw new Error(`cannot write ${path}: ${error.reason}; ${next}`, { cause: error });
  }
  return path;
}
