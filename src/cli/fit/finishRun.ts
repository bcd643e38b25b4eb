// What follows the last draw: summaries, checks, diagnostics.json, the report's record, and the mark that the run is finished.
import { openPosterior } from '../../data/run/posteriorReader.js';
import type { RunFolder } from '../../data/run/runFolder.js';
import { type RunningEbfmi, samplerStatistics, worstStatus } from '../../diagnostics/index.js';
import type { ChainResult } from '../../inference/index.js';
import { coreCount } from '../../kernels/adapters/nodeThreads.js';
import type { ReportInput } from '../../report/index.js';
import { heldOutLine } from './heldOutRows.js';
import type { FitJob } from './job.js';
import { superchainsOf } from './methodSettings.js';
import { writeReportRecord } from './reportRecord.js';
import type { FitOutcome, FitRun, Sampled } from './sampleOnDevice.js';
import {
  convergenceChecks,
  rotationCheck,
  summariseRun,
  summaryEntries,
  unstoredNames,
  writeSummaryTable,
} from './summaries.js';

type ReportSampler = NonNullable<ReportInput['sampler']>;

/** Writes everything that a finished run holds beside its draws. */
export async function finishRun(
  { job, folder, clock, say }: FitRun,
  { result, device, moments, energy, predictive, heldOut }: Sampled,
): Promise<FitOutcome> {
  const { config, model } = job;
  const { method } = job.method;
  const superchains = superchainsOf(job);
  const many = superchains > 1 ? { superchains, chains: config.chains, drawsPerChain: config.draws } : undefined;
  const threads = config.threads ?? coreCount();
  const summaries = await summariseRun(folder.posteriorPath, model, job.keptSites, threads, superchains);
  const unstored = moments && { moments, names: unstoredNames(model, job.keptSites) };
  const efforts = result.chains.map((chain) => chain!);
  const trajectories = await readTrajectories(
    folder,
    job,
    efforts.flatMap(({ hamiltonian }) => hamiltonian ?? []),
    energy,
  );
  const checks = [
    ...convergenceChecks(summaries, trajectories, unstored, many, method.draws),
    ...rotationCheck(job.keptSites),
    ...result.findings,
    ...job.prepared.checks,
  ];
  folder.writeSummary(summaryEntries(summaries, config.keep), heldOut && { holdout: heldOut });
  await writeSummaryTable(folder.dir, summaries, unstored, superchains);
  const effort = efforts.reduce((sum, chain) => sum + chain.effort, 0);
  const trajectoryLength = efforts[0].hamiltonian?.trajectoryLength;
  const seconds = clock.report();
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  folder.writeDiagnostics({
    method: method.name,
    device: device.name,
    adapter: device.adapter ?? null,
    precision: device.precision,
    threads: device.threads,
    chains: config.chains,
    ...(many && { superchains }),
    ...(trajectoryLength !== undefined && { trajectoryLength }),
    warmup: config.warmup,
    draws: config.draws,
    divergences: trajectories && sumOf(trajectories.divergences),
    ebfmi: trajectories?.ebfmi ?? null,
    maxTreeDepthHits: trajectories?.maxTreeDepthHits ? sumOf(trajectories.maxTreeDepthHits) : null,
    gradientEvaluations: method.effort === 'gradients' ? effort : null,
    sweeps: method.effort === 'sweeps' ? effort : null,
    seconds,
    peakMemoryBytes,
    deviceMemoryBytes: device.memoryBytes ?? null,
    checks,
  });
  writeReportRecord(folder.dir, job, summaries, predictive ?? null, trajectories ?? null, heldOut);
  folder.finish();
  if (heldOut !== undefined) say(heldOutLine(heldOut));
  const status = worstStatus(checks.map((check) => check.status));
  for (const check of checks) if (check.status !== 'pass') say(`${check.status}: ${check.name}: ${check.detail}`);
  say(
    `${status === 'pass' ? 'all checks pass' : `checks: ${status}`}; ${effort} ${method.effort}, ${seconds.total.toFixed(1)} s (warm-up ${seconds.warmup.toFixed(1)}, sampling ${seconds.sampling.toFixed(1)}), peak memory ${(peakMemoryBytes / 1e6).toFixed(0)} MB`,
  );
  return { folder: folder.dir, status };
}

/** What a Hamiltonian method said of every stored draw, and counted of all transitions; undefined for other methods. */
async function readTrajectories(
  folder: RunFolder,
  { config, method }: FitJob,
  chains: readonly ChainResult[],
  energy: RunningEbfmi,
): Promise<ReportSampler | undefined> {
  if (chains.length === 0) return undefined;
  const reader = await openPosterior(folder.posteriorPath, 'sample_stats');
  const energies = await reader.readSite('energy');
  const divergent = await reader.readSite('diverging');
  const hasTrees = method.method.statistics.includes('treeDepth');
  const treeDepth = hasTrees ? await reader.readSite('tree_depth') : null;
  const acceptance = await reader.readSite('acceptance_rate');
  const traces = energies.map((energy, chain) => ({
    energy,
    divergent: divergent[chain],
    treeDepth: treeDepth === null ? null : treeDepth[chain],
  }));
  const ofStored = samplerStatistics(traces, hasTrees ? config.method.maxTreeDepth : null);
  return {
    ...ofStored,
    // Every transition counts, those that thinning leaves out included.
    drawsPerChain: config.draws * config.method.thin,
    divergences: chains.map(({ divergences }) => divergences),
    ebfmi: energy.values(),
    maxTreeDepthHits: ofStored.maxTreeDepthHits && chains.map(({ maxTreeDepthHits }) => maxTreeDepthHits),
    stepSize: chains.map(({ stepSize }) => stepSize),
    acceptanceRate: acceptance.map((rates) => rates.reduce((sum, rate) => sum + rate / rates.length, 0)),
    energies,
  };
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
