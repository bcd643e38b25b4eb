// Benchmark `gpu-fit`: the hierarchical logistic regression as a converged fit, its groups' coefficients by running moments.
import { InputError } from '../../src/data/inputError.js';
import { momentsPlan, rhat, RunningMoments, summariseNamed } from '../../src/diagnostics/index.js';
import {
  compileDensity,
  compileReport,
  type Draw,
  modelSettings,
  SamplingRun,
  type SitesWanted,
} from '../../src/inference/index.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { type BenchmarkDevice, findDevices } from './devices.js';
import { coefficients, fullRows, type Hierarchical, hierarchicalLogistic } from './hierarchical.js';
import { choice, number, type Options, parseOptions } from './options.js';

const chains = 4;
/** What the population's parameters must reach. */
const limits = { rhat: 1.01, ess: 400 };

/** Where the blocks of `hierarchicalLogistic` lie in a position: mu, log tau, z by group. */
const [muAt, logTauAt, zAt] = [0, coefficients, 2 * coefficients];

/** Options: --device cpu|webgpu, --size SHARE, --warmup N, --draws N, --seed S, --json. Exit code 1: not converged. */
export async function gpuFitBenchmark(words: readonly string[]): Promise<void> {
  try {
    await run(parseOptions(words, ['--device', '--size', '--warmup', '--draws', '--seed'], ['--json']));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

async function run(options: Options): Promise<void> {
  const problem = hierarchicalLogistic(Math.max(200, Math.round(fullRows * number(options, '--size', 1, 1e-3, 1))));
  const settings = {
    warmup: number(options, '--warmup', 500, 20, 1e6),
    draws: number(options, '--draws', 1000, 10, 1e6),
    seed: number(options, '--seed', 1, 0, 2 ** 32),
  };
  const wanted = choice(options, '--device', 'cpu', ['cpu', 'webgpu']);
  const { devices, missing } = await findDevices(wanted);
  if (devices.length === 0) throw new InputError(`--device ${wanted}: ${missing.join('; ')}`);
  const machine = thisMachine();
  const fit = await convergedFit(problem, devices[0], settings);
  devices[0].dispose();
  if (options.has('--json')) console.log(JSON.stringify({ machine, device: devices[0].label, ...fit }, undefined, 2));
  else print(machine, devices[0], problem, fit);
  if (!fit.isConverged) process.exitCode = 1;
}

interface Settings {
  readonly warmup: number;
  readonly draws: number;
  readonly seed: number;
}

type Fit = Awaited<ReturnType<typeof convergedFit>>;

async function convergedFit(problem: Hierarchical, { device, context }: BenchmarkDevice, settings: Settings) {
  const { model, groups } = problem;
  const { warmup, draws, seed } = settings;
  const started = performance.now();
  const density = await compileDensity(model, device, chains);
  // On a GPU positions stay where they are: the population's values come back, the moments of the groups' coefficients are kept there.
  const reported = { kept: ['mu', 'tau'], summed: ['beta'], plan: momentsPlan(draws) };
  const report = await compileReport(model, device, density, chains, reported);
  const seconds = { compile: (performance.now() - started) / 1000, warmup: 0, sampling: 0 };
  const population = Array.from({ length: 2 * coefficients }, () =>
    Array.from({ length: chains }, () => new Float64Array(draws)),
  );
  const sizes = { chains, dimension: groups * coefficients, drawsPerChain: draws };
  const moments = report === undefined ? new RunningMoments(sizes) : undefined;
  const beta = new Float64Array(groups * coefficients);
  const counts = { leapfrogSteps: 0, divergences: 0, treeDepth: 0 };
  let finished = 0;
  let [lap, said] = [performance.now(), performance.now()];
  const onDraw = ({ chain, phase, index, position, sites, info }: Draw): void => {
    const now = performance.now();
    seconds[phase] += (now - lap) / 1000;
    lap = now;
    finished++;
    if (now - said > 15_000) {
      said = now;
      const depth = `tree depth ${info.treeDepth}, step size ${info.stepSize.toPrecision(3)}`;
      const elapsed = (now - started) / 60_000;
      console.error(
        `chain ${chain + 1}, ${phase} ${index + 1}, ${depth}, ${((100 * finished) / (chains * (warmup + draws))).toFixed(1)} % of all transitions after ${elapsed.toFixed(1)} min`,
      );
    }
    if (phase === 'warmup') return;
    counts.leapfrogSteps += info.leapfrogSteps;
    counts.divergences += Number(info.isDivergent);
    counts.treeDepth += info.treeDepth / (chains * draws);
    if (sites !== undefined) {
      population.forEach((values, i) => (values[chain][index] = sites[i]));
      return;
    }
    for (let k = 0; k < coefficients; k++) {
      population[muAt + k][chain][index] = position[muAt + k];
      population[logTauAt + k][chain][index] = Math.exp(position[logTauAt + k]);
    }
    for (let i = 0; i < beta.length; i++) {
      const k = i % coefficients;
      beta[i] = position[muAt + k] + Math.exp(position[logTauAt + k]) * position[zAt + i];
    }
    moments!.push(chain, beta);
  };
  const wantsDraw = (_: number, phase: Draw['phase']): boolean => phase === 'sampling' && report === undefined;
  const wantsSites = (_: number, phase: Draw['phase']): SitesWanted =>
    phase === 'sampling' ? 'values and sums' : 'nothing';
  const sampler = modelSettings(model, { chains, warmup, draws, seed, maxTreeDepth: 8 });
  const run = new SamplingRun(density, sampler, { onDraw, wantsDraw, wantsSites }, { report });
  const result = await run.run();
  const memoryBytes = context?.allocatedBytes ?? density.memoryBytes;
  const sums = await report?.sums();
  await report?.dispose();
  await density.dispose();
  const evaluations = result.chains.map((chain) => chain!.gradientEvaluations + chain!.warmupGradientEvaluations);
  const summaries = population.map((own, i) =>
    summariseNamed(`${i < coefficients ? 'mu' : 'tau'}[${i % coefficients}]`, own),
  );
  const truth = [...problem.truth.mu, ...problem.truth.tau];
  const worst = {
    rhat: Math.max(...population.map((own) => rhat(own))),
    ess: Math.min(...summaries.flatMap(({ essBulk, essTail }) => [essBulk, essTail])),
    distance: Math.max(...summaries.map(({ mean, sd }, i) => Math.abs(mean - truth[i]) / sd)),
  };
  const columns = (sums === undefined ? moments! : RunningMoments.restore(sizes, sums)).columns();
  return {
    rows: problem.rows,
    groups,
    parameters: density.dimension,
    settings,
    seconds,
    gradientsPerChain: Math.max(...evaluations),
    meanTreeDepth: counts.treeDepth,
    divergences: counts.divergences,
    memoryBytes,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    worst,
    groupCoefficients: {
      worstSplitRhat: columns.splitRhatMoments.reduce((most, value) => Math.max(most, value), 0),
      shareAbove: share(columns.splitRhatMoments, (value) => !(value < 1.02)),
      leastEss: columns.essBatchMeans.reduce((least, value) => Math.min(least, value), Infinity),
      medianEss: Float64Array.from(columns.essBatchMeans).sort()[columns.essBatchMeans.length >> 1],
    },
    isConverged: worst.rhat < limits.rhat && worst.ess > limits.ess,
    population: summaries,
  };
}

const share = (values: Float64Array, holds: (value: number) => boolean): number =>
  values.reduce((count, value) => count + Number(holds(value)), 0) / values.length;

function print(
  machine: ReturnType<typeof thisMachine>,
  { label }: BenchmarkDevice,
  { truth }: Hierarchical,
  fit: Fit,
): void {
  const { settings, seconds, worst, groupCoefficients, population } = fit;
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`);
  console.log(
    `hierarchical logistic regression on ${label}: ${fit.rows} rows, ${fit.groups} groups, ${fit.parameters} parameters, ${chains} chains × (${settings.warmup} + ${settings.draws}), seed ${settings.seed}\n`,
  );
  const rows: [string, string][] = [
    ['compile s', seconds.compile.toFixed(1)],
    ['warm-up s', seconds.warmup.toFixed(1)],
    ['sampling s', seconds.sampling.toFixed(1)],
    ['gradients per chain', `${fit.gradientsPerChain}`],
    ['mean tree depth', fit.meanTreeDepth.toFixed(2)],
    ['divergences', `${fit.divergences}`],
    ['population: largest rank-normalised R-hat', worst.rhat.toFixed(4)],
    ['population: least ESS (bulk, tail)', worst.ess.toFixed(0)],
    ['population: farthest from the truth, posterior sds', worst.distance.toFixed(2)],
    ['group coefficients: largest split R-hat of moments', groupCoefficients.worstSplitRhat.toFixed(4)],
    ['group coefficients: share with split R-hat of 1.02 or more', groupCoefficients.shareAbove.toPrecision(2)],
    [
      'group coefficients: least and median ESS (batch means)',
      `${groupCoefficients.leastEss.toFixed(0)}, ${groupCoefficients.medianEss.toFixed(0)}`,
    ],
    ['device memory MB', (fit.memoryBytes / 1e6).toFixed(0)],
    ['peak memory of the process MB', (fit.peakMemoryBytes / 1e6).toFixed(0)],
  ];
  console.log(formatTable(['figure', ''], rows));
  const values = [...truth.mu, ...truth.tau];
  console.log(
    `\n${formatTable(
      ['population', 'truth', 'mean', 'sd', 'R-hat', 'ESS bulk', 'ESS tail'],
      population.map(({ name, mean, sd, rhat, essBulk, essTail }, i) => [
        name,
        values[i].toFixed(4),
        mean.toFixed(4),
        sd.toFixed(4),
        rhat.toFixed(4),
        essBulk.toFixed(0),
        essTail.toFixed(0),
      ]),
    )}`,
  );
  console.log(
    fit.isConverged ? '\nconverged' : `\nnot converged: R-hat < ${limits.rhat} and ESS > ${limits.ess} are asked for`,
  );
}
