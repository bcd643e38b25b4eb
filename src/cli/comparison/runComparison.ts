// Methods side by side: the same model and data fitted by each, on each device, every fit a run and a process of its own.
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadConfig, type Overrides } from '../../data/config.js';
import type { DeviceName } from '../../data/configSchema.js';
import { InputError } from '../../data/inputError.js';
import { replaceFile } from '../../data/run/atomicFile.js';
import { readRun } from '../../data/run/runFolder.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { models } from '../../models/registry.js';
import { type CheckStatus, worstStatus } from '../../diagnostics/index.js';
import { chooseMethod, type MethodName, methods } from '../../inference/index.js';
import { renderComparison } from '../../report/index.js';
import { exitCodes } from '../exitCodes.js';
import { loadJob } from '../fit/job.js';
import { type ComparedRun, compareRuns, type ComparisonRow } from './comparisonFigures.js';
import { fitAll, isFinished } from './fitAll.js';
import { formatComparison } from './formatComparison.js';

export interface ComparisonRequest {
  readonly config: string;
  readonly overrides: Overrides;
  /** Methods to compare; undefined: every one that suits the model. */
  readonly methods: readonly string[] | undefined;
  readonly devices: readonly string[];
  readonly out: string | undefined;
  /** The command as typed, for the record. */
  readonly command: string;
  /** The settings that go to every fit, as words of the command line. */
  readonly words: readonly string[];
}

/** A fit of the comparison. */
interface Planned {
  readonly method: MethodName;
  readonly device: DeviceName;
  readonly folder: string;
}

/** Exit code. The table goes to stdout, the rest to the folder. Throws InputError for wrong input. */
export async function runComparison(request: ComparisonRequest, say: (line: string) => void): Promise<number> {
  const config = loadConfig(request.config, models, request.overrides);
  const { model } = await loadJob(config);
  const folder = resolve(request.out ?? join(dirname(config.file), 'comparison'));
  const planned: Planned[] = [];
  const refused: { readonly method: string; readonly device: string; readonly why: string }[] = [];
  for (const method of namesOf(request.methods)) {
    for (const device of request.devices as readonly DeviceName[]) {
      try {
        chooseMethod(model, method, device);
        planned.push({ method, device, folder: join(folder, `${method}-${device.replace(':', '-')}`) });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        refused.push({ method, device, why: error.message.replace(`method ${method}: `, '') });
      }
    }
  }
  if (planned.length < 2)
    throw new InputError(`compare-methods: ${planned.length} of the methods suit; name two that do (--methods)`);
  for (const { method, device, why } of refused) say(`left out: ${method} on ${device}: ${why}`);
  mkdirSync(folder, { recursive: true });
  const ended = await fitAll(
    planned.map((own) => ({
      ...own,
      title: `${own.method} on ${own.device}`,
      words: ['fit', request.config, ...request.words, '--method', own.method, '--device', own.device],
    })),
    say,
  );
  if (ended === undefined) {
    say(`interrupted; what is fitted is saved in ${folder}: continue with the same command`);
    return exitCodes.interrupted;
  }
  const failed = ended.map(({ fit: { method, device }, why }) => ({ method, device, why }));
  const finished = planned.filter(({ folder: own }) => isFinished(own));
  if (finished.length < 2)
    throw new Error(`${failed.length} of ${planned.length} fits failed: ${failed[0].method}: ${failed[0].why}`);
  const population = new Set(
    model.sites
      .filter(({ level, rotation }) => level === 'population' && rotation === undefined)
      .map(({ name }) => name),
  );
  const runs = finished.map(({ folder: own }) => readCompared(own, population));
  const reference = runs.find(({ method }) => method === 'gibbs') ?? runs[0];
  const rows = compareRuns(runs, reference);
  write(folder, request, model.name, runs, rows, reference, [...refused, ...failed]);
  process.stdout.write(`${formatComparison(rows, reference)}\n`);
  for (const { method, device, why } of failed) say(`failed: ${method} on ${device}: ${why}`);
  say(`page: ${join(folder, 'comparison.html')}`);
  return failed.length === 0 ? exitCodes.done : exitCodes.unforeseen;
}

function namesOf(given: readonly string[] | undefined): readonly MethodName[] {
  const known = Object.keys(methods) as MethodName[];
  // ChEES is for many chains on a GPU; the last three have no priors, and so another posterior.
  if (given === undefined) return known.filter((name) => !['chees', 'reml', 'ols', 'ridge'].includes(name));
  const stray = given.find((name) => !(known as readonly string[]).includes(name));
  if (stray !== undefined) throw new InputError(`--methods: no method '${stray}'; known: ${known.join(', ')}`);
  return given as readonly MethodName[];
}

function readCompared(folder: string, population: ReadonlySet<string>): ComparedRun {
  const { summary, diagnostics } = readRun(folder);
  const figures = diagnostics as unknown as {
    readonly method: MethodName;
    readonly device: string;
    readonly chains: number;
    readonly draws: number;
    readonly gradientEvaluations: number | null;
    readonly sweeps: number | null;
    readonly seconds: ComparedRun['seconds'];
    readonly peakMemoryBytes: number;
    readonly deviceMemoryBytes: number | null;
    readonly checks: readonly { readonly status: CheckStatus }[];
  };
  const { method, device, chains, draws, gradientEvaluations, sweeps, seconds } = figures;
  return {
    method,
    device,
    isApproximation: methods[method].draws === 'independent',
    population: summary.filter(({ name }) => population.has(/^[^[]*/.exec(name)![0])),
    chains,
    draws,
    seconds,
    effort: { unit: methods[method].effort, count: gradientEvaluations ?? sweeps ?? 0 },
    peakMemoryBytes: figures.peakMemoryBytes,
    deviceMemoryBytes: figures.deviceMemoryBytes,
    status: worstStatus(figures.checks.map(({ status }) => status)),
  };
}

function write(
  folder: string,
  { command }: ComparisonRequest,
  model: string,
  runs: readonly ComparedRun[],
  rows: readonly ComparisonRow[],
  reference: ComparedRun,
  leftOut: readonly { readonly method: string; readonly device: string; readonly why: string }[],
): void {
  const of = ({ method, device }: { method: MethodName; device: string }) => ({
    title: methods[method].title,
    method,
    device,
  });
  const record = { model, command, reference: of(reference), rows, leftOut };
  replaceFile(join(folder, 'comparison.json'), Buffer.from(`${toJson(record, 1)}\n`));
  const page = renderComparison({
    model,
    command,
    reference: `${methods[reference.method].title} on ${reference.device}`,
    leftOut: leftOut.map(({ method, device, why }) => `${method} on ${device}: ${why}`),
    rows: rows.map((row, i) => ({
      ...row,
      title: methods[row.method].title,
      folder: `${row.method}-${row.device.replace(':', '-')}`,
      population: runs[i].population,
    })),
  });
  replaceFile(join(folder, 'comparison.html'), Buffer.from(page));
}
