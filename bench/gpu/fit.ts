// Benchmark `gpu-fit`: the hierarchical logistic regression as a converged fit, its groups' coefficients by running moments.
import { InputError } from '../../src/data/inputError.js';
import { ebfmi, momentsPlan, RunningMoments } from '../../src/diagnostics/index.js';
import {
  compileDensity,
  compileReport,
  type Draw,
  modelSettings,
  SamplingRun,
  type SitesWanted,
  type Snapshot,
} from '../../src/inference/index.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { type BenchmarkDevice, findDevices } from './devices.js';
import { coefficients, fullRows, hierarchicalData } from './hierarchical.js';
import { judgedRows, judgeFit, printPopulation, teller } from './judge.js';
import { mixedFit, printMixed } from './mixedFit.js';
import { choice, number, type Options, parseOptions, text } from './options.js';
import { pilotCoordinates } from './pilot.js';
import { populationSize, roundHierarchical, valuesAt } from './roundHierarchical.js';
import { readState, writeState } from './savedFit.js';

const chains = 4;

/**
 * Options: --method hmc|gibbs, --device cpu|webgpu, --size SHARE, --warmup N, --draws N, --length T (of trajectories, posterior sds being 1), --seed S,
 * --checkpoint FILE (written every ten minutes, gone on from where it is there), --json. Exit code 1: not converged.
 */
export async function gpuFitBenchmark(words: readonly string[]): Promise<void> {
  try {
    const valued = ['--method', '--device', '--size', '--warmup', '--draws', '--length', '--seed', '--checkpoint'];
    await run(parseOptions(words, valued, ['--json']));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

async function run(options: Options): Promise<void> {
  const rows = Math.max(200, Math.round(fullRows * number(options, '--size', 1, 1e-3, 1)));
  const common = {
    rows,
    warmup: number(options, '--warmup', 100, 20, 1e6),
    draws: number(options, '--draws', 400, 10, 1e6),
    seed: number(options, '--seed', 1, 0, 2 ** 32),
  };
  const method = choice(options, '--method', 'hmc', ['hmc', 'gibbs']);
  const wanted = choice(options, '--device', 'cpu', ['cpu', 'webgpu']);
  const { devices, missing } = await findDevices(wanted);
  if (devices.length === 0) throw new InputError(`--device ${wanted}: ${missing.join('; ')}`);
  const machine = thisMachine();
  const checkpoint = text(options, '--checkpoint');
  if (method === 'gibbs') {
    const fit = await mixedFit(devices[0].device, chains, common, checkpoint);
    devices[0].dispose();
    if (options.has('--json')) console.log(JSON.stringify({ machine, device: devices[0].label, ...fit }, undefined, 2));
    else printMixed(machine, devices[0].label, fit);
    if (!fit.isConverged) process.exitCode = 1;
    return;
  }
  const settings = { ...common, length: number(options, '--length', 10, 0.1, 1000) };
  const fit = await convergedFit(devices[0], settings, checkpoint);
  devices[0].dispose();
  if (options.has('--json')) console.log(JSON.stringify({ machine, device: devices[0].label, ...fit }, undefined, 2));
  else print(machine, devices[0], fit);
  if (!fit.isConverged) process.exitCode = 1;
}

interface Settings {
  readonly rows: number;
  readonly warmup: number;
  readonly draws: number;
  readonly length: number;
  readonly seed: number;
}

type Fit = Awaited<ReturnType<typeof convergedFit>>;

async function convergedFit({ device, context }: BenchmarkDevice, settings: Settings, checkpoint: string | undefined) {
  const { rows, warmup, draws, length, seed } = settings;
  const data = hierarchicalData(rows);
  const { groups } = data;
  const started = performance.now();
  const say = teller();
  const saved = checkpoint === undefined ? undefined : readState(checkpoint, settings);
  const seconds = saved?.seconds ?? { pilot: 0, compile: 0, warmup: 0, sampling: 0 };
  const coordinates =
    saved?.coordinates ??
    (await pilotCoordinates(device, rows, seed, (share) => say(`pilot fit, ${(100 * share).toFixed(0)} %`)));
  if (!saved) {
    seconds.pilot = (performance.now() - started) / 1000;
    if (checkpoint !== undefined) writeState(checkpoint, settings, { coordinates, seconds });
  }
  const begun = saved?.run;
  const model = roundHierarchical(data, coordinates);
  const compiling = performance.now();
  const density = await compileDensity(model, device, chains);
  // On a GPU positions stay where they are: the population's values come back, the moments of the groups' coefficients are kept there.
  const reported = { kept: ['mu', 'tau'], summed: ['beta'], plan: momentsPlan(draws), saved: begun?.sums };
  const report = await compileReport(model, device, density, chains, reported);
  seconds.compile += (performance.now() - compiling) / 1000;
  const population =
    begun?.population ??
    Array.from({ length: populationSize }, () => Array.from({ length: chains }, () => new Float64Array(draws)));
  const sizes = { chains, dimension: groups * coefficients, drawsPerChain: draws };
  const moments =
    report !== undefined
      ? undefined
      : begun?.sums === undefined
        ? new RunningMoments(sizes)
        : RunningMoments.restore(sizes, begun.sums);
  const beta = new Float64Array(groups * coefficients);
  const values = new Float64Array(populationSize);
  const counts = begun?.counts ?? { leapfrogSteps: 0, divergences: 0, acceptance: 0, stepSize: 0, finished: 0 };
  const energies = begun?.energies ?? Array.from({ length: chains }, () => new Float64Array(draws));
  let lap = performance.now();
  const onDraw = ({ chain, phase, index, position, sites, info }: Draw): void => {
    const now = performance.now();
    seconds[phase] += (now - lap) / 1000;
    lap = now;
    counts.finished++;
    say(
      `chain ${chain + 1}, ${phase} ${index + 1}, ${info.leapfrogSteps} steps of ${info.stepSize.toPrecision(3)}, ${((100 * counts.finished) / (chains * (warmup + draws))).toFixed(1)} % of all transitions`,
    );
    if (phase === 'warmup') return;
    counts.leapfrogSteps += info.leapfrogSteps;
    counts.divergences += Number(info.isDivergent);
    counts.acceptance += info.acceptanceRate / (chains * draws);
    counts.stepSize += info.stepSize / (chains * draws);
    energies[chain][index] = info.energy;
    if (sites !== undefined) {
      population.forEach((own, i) => (own[chain][index] = sites[i]));
      return;
    }
    valuesAt(coordinates, position, values, beta);
    population.forEach((own, i) => (own[chain][index] = values[i]));
    moments!.push(chain, beta);
  };
  const wantsDraw = (_: number, phase: Draw['phase']): boolean => phase === 'sampling' && report === undefined;
  const wantsSites = (_: number, phase: Draw['phase']): SitesWanted =>
    phase === 'sampling' ? 'values and sums' : 'nothing';
  // The coordinates are round already: warm-up only finds the step size. A chain goes as far as the slowest direction needs.
  const sampler = modelSettings(model, {
    method: 'hmc',
    chains,
    warmup,
    draws,
    seed,
    adaptsMetric: false,
    targetAcceptance: 0.7,
    hmc: { integrationTime: length, lengthJitter: 0.3, stepSizeJitter: 0.05 },
  });
  const onCheckpoint = async (snapshot: Snapshot): Promise<void> => {
    const sums = report === undefined ? moments!.snapshot() : await report.sums();
    writeState(checkpoint!, settings, { coordinates, seconds, run: { snapshot, population, sums, counts, energies } });
    lap = performance.now();
  };
  const listener = { onDraw, wantsDraw, wantsSites, ...(checkpoint !== undefined && { onCheckpoint }) };
  const run = new SamplingRun(density, sampler, listener, {
    report,
    resume: begun?.snapshot,
    checkpointInterval: 600_000,
  });
  const result = await run.run();
  const memoryBytes = context?.allocatedBytes ?? density.memoryBytes;
  const sums = await report?.sums();
  await report?.dispose();
  await density.dispose();
  const evaluations = result.chains.map((chain) => chain!.gradientEvaluations + chain!.warmupGradientEvaluations);
  const truth = [...data.truth.mu, ...data.truth.tau];
  const all = sums === undefined ? moments! : RunningMoments.restore(sizes, sums);
  return {
    rows,
    groups,
    parameters: density.dimension,
    settings,
    seconds,
    gradientsPerChain: Math.max(...evaluations),
    meanSteps: counts.leapfrogSteps / (chains * draws),
    stepSize: counts.stepSize,
    acceptance: counts.acceptance,
    leastEbfmi: Math.min(...energies.map((own) => ebfmi(own))),
    divergences: counts.divergences,
    memoryBytes,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    ...judgeFit(population, truth, all),
  };
}

function print(machine: ReturnType<typeof thisMachine>, { label }: BenchmarkDevice, fit: Fit): void {
  const { settings, seconds } = fit;
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`);
  console.log(
    `hierarchical logistic regression on ${label}: ${fit.rows} rows, ${fit.groups} groups, ${fit.parameters} parameters, ${chains} chains × (${settings.warmup} + ${settings.draws}), trajectories of ${settings.length}, seed ${settings.seed}\n`,
  );
  const rows: [string, string][] = [
    ['pilot fit s', seconds.pilot.toFixed(1)],
    ['compile s', seconds.compile.toFixed(1)],
    ['warm-up s', seconds.warmup.toFixed(1)],
    ['sampling s', seconds.sampling.toFixed(1)],
    ['gradients per chain', `${fit.gradientsPerChain}`],
    ['leapfrog steps per transition', fit.meanSteps.toFixed(1)],
    ['ms per leapfrog step of all chains', ((1000 * seconds.sampling) / (fit.meanSteps * settings.draws)).toFixed(2)],
    ['mean step size', fit.stepSize.toPrecision(3)],
    ['mean acceptance', fit.acceptance.toFixed(3)],
    ['least E-BFMI', fit.leastEbfmi.toFixed(2)],
    ['divergences', `${fit.divergences}`],
    ...judgedRows(fit),
    ['device memory MB', (fit.memoryBytes / 1e6).toFixed(0)],
    ['peak memory of the process MB', (fit.peakMemoryBytes / 1e6).toFixed(0)],
  ];
  console.log(formatTable(['figure', ''], rows));
  printPopulation(fit);
}
