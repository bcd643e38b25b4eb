// Marginal NUTS as a method: all coefficients of a nested Gaussian hierarchy integrated out, NUTS on its scales, coefficients drawn back.
import { linearStructure } from '../../models/linearHierarchy/structure.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import type { Draw } from '../chain.js';
import { CoefficientDraws } from '../marginal/coefficientDraws.js';
import { DrawQueue } from '../marginal/drawQueue.js';
import { type Marginal, marginalOf, type ScaleMap, setMap, traceMarginal } from '../marginal/marginalDensity.js';
import { findMode } from '../marginal/mode.js';
import { crossedProducts, marginalRefusal, mostProducts } from '../marginal/refusal.js';
import { suitsSurrogate } from '../marginal/surrogate.js';
import { randomKey } from '../random/streams.js';
import type { Snapshot } from '../snapshot.js';
import { compileTraced } from '../threads/compileChains.js';
import { prepareBySurrogate } from './marginalBySurrogate.js';
import { marginalSettings, usualOfMarginal } from './marginalSettings.js';
import { savedMarginal, saveMarginal } from './marginalSnapshot.js';
import type { Method, MethodSnapshot, PreparedMethod, RunSizes, ThreadStarters } from './method.js';

export const marginal: Method = {
  name: 'marginal',
  title: 'marginal NUTS',
  effort: 'gradients',
  statistics: ['isDivergent', 'energy', 'logDensity', 'stepSize', 'leapfrogSteps', 'acceptanceRate', 'treeDepth'],
  draws: 'chains',
  usual: usualOfMarginal,
  // Small matrices in f64.
  devices: ['cpu'],
  refusal: marginalRefusal,
  prepare: async (model, _, sizes, starters) => {
    const problem = marginalOf(linearStructure(model)!);
    const byNuts = (): Promise<PreparedMethod> => prepareNuts(problem, model, sizes, starters);
    return suitsSurrogate(problem) ? prepareBySurrogate(problem, model, sizes, starters, byNuts) : byNuts();
  },
};

/** NUTS on the density itself. */
async function prepareNuts(
  problem: Marginal,
  model: Model,
  sizes: RunSizes,
  starters: ThreadStarters | undefined,
): Promise<PreparedMethod> {
  const coefficients = await CoefficientDraws.compile(problem, model);
  // In doubles, whatever precision was asked for.
  const chains = await compileTraced(traceMarginal(problem), cpuDevice(), sizes, starters);
  const { threads, memory, division } = chains;
  return {
    dimension: coefficients.dimension,
    threads,
    memory: { ...memory, hostBytes: memory.hostBytes + coefficients.memoryBytes },
    precision: 'double',
    division: [division, ...blockInWords(model)].join(', '),
    timeStep: () => chains.timeGradient(new Float64Array(problem.dimension)),
    run: async (settings, listener, { signal, resume, checkpointInterval }) => {
      const saved = resume && savedRun(problem, resume);
      const { density } = chains;
      const map = saved?.map ?? (await findMode(problem, model.start, density, signal));
      setMap(density, map);
      coefficients.setMap(map);
      const own = marginalSettings(settings);
      const queue = new DrawQueue(coefficients, randomKey(own.seed), own.warmup, listener);
      const snapshotOf = (run: Snapshot): MethodSnapshot => saveMarginal(problem, map, { run });
      const result = await chains.run(
        own,
        {
          onDraw: (draw: Draw) => queue.add(draw),
          ...(listener.wantsDraw && { wantsDraw: listener.wantsDraw }),
          onCheckpoint: (snapshot) => {
            queue.flush();
            return listener.onCheckpoint?.(snapshotOf(snapshot));
          },
        },
        { signal, resume: saved?.run, checkpointInterval },
      );
      queue.flush();
      return {
        isComplete: result.isComplete,
        snapshot: snapshotOf(result.snapshot),
        findings: [],
        chains: result.chains.map(
          (chain) =>
            chain && { effort: chain.warmupGradientEvaluations + chain.gradientEvaluations, hamiltonian: chain },
        ),
      };
    },
    dispose: async () => {
      await chains.dispose();
      await coefficients.dispose();
    },
  };
}

/** What a fixed block costs, where there is one. */
function blockInWords(model: Model): string[] {
  const structure = linearStructure(model);
  if (structure?.fixed === undefined) return [];
  const [cost, limit] = [crossedProducts(structure), mostProducts].map((n) => n.toLocaleString('en'));
  return [`${structure.fixed.name} integrated out with the groups (${cost} products a gradient, of at most ${limit})`];
}

/** Throws RangeError for a snapshot of another method, of other scales, or of a run by a surrogate. */
function savedRun(problem: Marginal, resume: MethodSnapshot): { map: ScaleMap; run: Snapshot } {
  const { map, progress } = savedMarginal(problem, resume);
  if ('run' in progress) return { map, run: progress.run };
  throw new RangeError('resume: the saved run is one of more groups; start it again');
}
