// What follows the last draw: summaries, checks, diagnostics.json, the report's record, and the mark that the run is finished.
import type { Config } from '../../data/config.js';
import { openPosterior } from '../../data/run/posteriorReader.js';
import type { RunFolder } from '../../data/run/runFolder.js';
import { type SamplerStatistics, samplerStatistics, worstStatus } from '../../diagnostics/index.js';
import type { SampleResult } from '../../inference/index.js';
import { coreCount } from '../../kernels/adapters/nodeThreads.js';
import type { Target } from '../devices/chooseDevice.js';
import { dataChecks } from './dataChecks.js';
import type { DrawSink } from './drawSink.js';
import type { FitOutcome, FitRun } from './fitOnDevice.js';
import type { PredictiveCollector } from './predictiveCheck.js';
import { writeReportRecord } from './reportRecord.js';
import { samplerOf, superchainsOf } from './samplerSettings.js';
import { convergenceChecks, summariseRun, summaryEntries, unstoredNames, writeSummaryTable } from './summaries.js';

/** Writes everything that a finished run holds beside its draws. */
export async function finishRun(
  { job, folder, clock, say }: FitRun,
  { open, chains: ran, deviceMemoryBytes }: Target & { readonly deviceMemoryBytes: number | undefined },
  result: SampleResult,
  sink: DrawSink,
  predictive: PredictiveCollector,
): Promise<FitOutcome> {
  const { config, model, data } = job;
  const superchains = superchainsOf(config);
  const many = superchains > 1 ? { superchains, chains: config.chains, drawsPerChain: config.draws } : undefined;
  const threads = config.threads ?? coreCount();
  const summaries = await summariseRun(folder.posteriorPath, model, job.keptSites, threads, superchains);
  const unstored =
    sink.moments === undefined ? undefined : { moments: sink.moments, names: unstoredNames(model, job.keptSites) };
  const chains = result.chains.map((chain) => chain!);
  const { statistics: ofStored, energies, acceptanceRate } = await readSamplerStatistics(folder, config);
  // Every transition counts, those that thinning leaves out included.
  const statistics = {
    ...ofStored,
    drawsPerChain: config.draws * config.method.thin,
    divergences: chains.map(({ divergences }) => divergences),
    ebfmi: sink.energy.values(),
    maxTreeDepthHits: ofStored.maxTreeDepthHits && chains.map(({ maxTreeDepthHits }) => maxTreeDepthHits),
  };
  const checks = [...convergenceChecks(summaries, statistics, unstored, many), ...dataChecks(data)];
  folder.writeSummary(summaryEntries(summaries, config.keep));
  await writeSummaryTable(folder.dir, summaries, unstored, superchains);
  const gradientEvaluations = chains.reduce((sum, c) => sum + c.gradientEvaluations + c.warmupGradientEvaluations, 0);
  const seconds = clock.report();
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  folder.writeDiagnostics({
    method: samplerOf(config),
    device: open.device.name,
    adapter: open.adapter ?? null,
    precision: open.device.precision,
    threads: ran.threads,
    chains: config.chains,
    ...(many && { superchains }),
    ...(chains[0].trajectoryLength !== undefined && { trajectoryLength: chains[0].trajectoryLength }),
    warmup: config.warmup,
    draws: config.draws,
    divergences: statistics.divergences.reduce((sum, count) => sum + count, 0),
    ebfmi: statistics.ebfmi,
    maxTreeDepthHits: statistics.maxTreeDepthHits?.reduce((sum, count) => sum + count, 0) ?? null,
    gradientEvaluations,
    seconds,
    peakMemoryBytes,
    deviceMemoryBytes: deviceMemoryBytes ?? null,
    checks,
  });
  writeReportRecord(folder.dir, job, summaries, predictive.result(), {
    ...statistics,
    stepSize: chains.map(({ stepSize }) => stepSize),
    acceptanceRate,
    energies,
  });
  folder.finish();
  const status = worstStatus(checks.map((check) => check.status));
  for (const check of checks) if (check.status !== 'pass') say(`${check.status}: ${check.name}: ${check.detail}`);
  say(
    `${status === 'pass' ? 'all checks pass' : `checks: ${status}`}; ${gradientEvaluations} gradients, ${seconds.total.toFixed(1)} s (warm-up ${seconds.warmup.toFixed(1)}, sampling ${seconds.sampling.toFixed(1)}), peak memory ${(peakMemoryBytes / 1e6).toFixed(0)} MB`,
  );
  return { folder: folder.dir, status };
}

/** What the sampler said of every stored draw. */
async function readSamplerStatistics(
  folder: RunFolder,
  config: Config,
): Promise<{ statistics: SamplerStatistics; energies: readonly Float64Array[]; acceptanceRate: readonly number[] }> {
  const reader = await openPosterior(folder.posteriorPath, 'sample_stats');
  const energies = await reader.readSite('energy');
  const divergent = await reader.readSite('diverging');
  const treeDepth = samplerOf(config) !== 'nuts' ? null : await reader.readSite('tree_depth');
  const acceptance = await reader.readSite('acceptance_rate');
  const traces = energies.map((energy, chain) => ({
    energy,
    divergent: divergent[chain],
    treeDepth: treeDepth === null ? null : treeDepth[chain],
  }));
  return {
    statistics: samplerStatistics(traces, treeDepth === null ? null : config.method.maxTreeDepth),
    energies,
    acceptanceRate: acceptance.map((rates) => rates.reduce((sum, rate) => sum + rate / rates.length, 0)),
  };
}
