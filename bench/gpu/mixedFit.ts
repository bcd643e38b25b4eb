// `gpu-fit --method gibbs`: the hierarchical logistic regression by mixed Gibbs sweeps, its groups' coefficients by running moments.
import { type MomentsSnapshot, RunningMoments } from '../../src/diagnostics/index.js';
import type { Draw } from '../../src/inference/index.js';
import { GibbsRun } from '../../src/inference/gibbs/run.js';
import type { GibbsSnapshot } from '../../src/inference/gibbs/snapshot.js';
import type { Device } from '../../src/kernels/device.js';
import type { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { declaredHierarchical } from './declaredHierarchical.js';
import { coefficients, hierarchicalData } from './hierarchical.js';
import { judgedRows, judgeFit, printPopulation, teller } from './judge.js';
import { mostPilotRows, pilotStart } from './mixedPilot.js';
import { populationSize } from './roundHierarchical.js';
import { readState, writeState } from './savedFit.js';

type Machine = ReturnType<typeof thisMachine>;

export interface MixedSettings {
  readonly rows: number;
  readonly warmup: number;
  readonly draws: number;
  readonly seed: number;
}

interface SavedMixedFit {
  readonly seconds: { pilot: number; compile: number; warmup: number; sampling: number };
  readonly snapshot: GibbsSnapshot;
  /** Draws so far, `[parameter][chain][draw]`. */
  readonly population: Float64Array[][];
  readonly sums: MomentsSnapshot;
}

/** Milliseconds between two checkpoints. */
const checkpointInterval = 300_000;

export type MixedFit = Awaited<ReturnType<typeof mixedFit>>;

export async function mixedFit(
  device: Device,
  chains: number,
  settings: MixedSettings,
  checkpoint: string | undefined,
) {
  const { rows, warmup, draws, seed } = settings;
  const data = hierarchicalData(rows);
  const { groups } = data;
  const say = teller();
  const saved = checkpoint === undefined ? undefined : readState<SavedMixedFit>(checkpoint, settings);
  const seconds = saved?.seconds ?? { pilot: 0, compile: 0, warmup: 0, sampling: 0 };
  const population =
    saved?.population ??
    Array.from({ length: populationSize }, () => Array.from({ length: chains }, () => new Float64Array(draws)));
  const sizes = { chains, dimension: groups * coefficients, drawsPerChain: draws };
  const moments = saved === undefined ? new RunningMoments(sizes) : RunningMoments.restore(sizes, saved.sums);
  let lap = performance.now();
  const needsPilot = saved === undefined && rows > mostPilotRows;
  const start = needsPilot ? await pilotStart(device, seed, say) : undefined;
  seconds.pilot += (performance.now() - lap) / 1000;
  lap = performance.now();
  let isCompiled = false;
  const onDraw = ({ chain, phase, index, position }: Draw): void => {
    const now = performance.now();
    // The first sweep comes with the compilation.
    seconds[isCompiled ? phase : 'compile'] += (now - lap) / 1000;
    isCompiled = true;
    lap = now;
    say(`${phase} ${index + 1} of ${phase === 'warmup' ? warmup : draws}`);
    if (phase === 'warmup') return;
    // Positions are log τ, μ and the groups' coefficients.
    for (let k = 0; k < coefficients; k++) {
      population[k][chain][index] = position[coefficients + k];
      population[coefficients + k][chain][index] = Math.exp(position[k]);
    }
    moments.push(chain, position.subarray(populationSize));
  };
  const onCheckpoint = (snapshot: GibbsSnapshot): void => {
    if (checkpoint === undefined) return;
    writeState(checkpoint, settings, { seconds, snapshot, population, sums: moments.snapshot() });
    lap = performance.now();
  };
  const run = new GibbsRun(
    declaredHierarchical(data, start),
    { chains, warmup, draws, seed },
    { onDraw, wantsDraw: (_, phase) => phase === 'sampling', onCheckpoint },
    { device, resume: saved?.snapshot, checkpointInterval },
  );
  await run.run();
  return {
    settings,
    chains,
    groups,
    parameters: groups * coefficients + populationSize,
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    ...judgeFit(population, [...data.truth.mu, ...data.truth.tau], moments),
  };
}

export function printMixed(machine: Machine, device: string, fit: MixedFit): void {
  const { settings, seconds, chains } = fit;
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`);
  console.log(
    `hierarchical logistic regression on ${device}: ${settings.rows} rows, ${fit.groups} groups, ${fit.parameters} parameters, mixed Gibbs, ${chains} chains × (${settings.warmup} + ${settings.draws}), seed ${settings.seed}\n`,
  );
  const all = seconds.pilot + seconds.compile + seconds.warmup + seconds.sampling;
  console.log(
    formatTable(
      ['figure', ''],
      [
        ['pilot fit s', seconds.pilot.toFixed(1)],
        ['compile and first sweep s', seconds.compile.toFixed(1)],
        ['warm-up s', seconds.warmup.toFixed(1)],
        ['sampling s', seconds.sampling.toFixed(1)],
        ['ms per sweep of all chains', ((1000 * seconds.sampling) / settings.draws).toFixed(1)],
        ['least ESS of the population per second in all', (fit.worst.ess / all).toPrecision(3)],
        ...judgedRows(fit),
        ['peak memory of the process MB', (fit.peakMemoryBytes / 1e6).toFixed(0)],
      ],
    ),
  );
  printPopulation(fit);
}
