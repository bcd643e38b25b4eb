// Marginal NUTS as a method: all coefficients of a nested Gaussian hierarchy integrated out, NUTS on its scales, coefficients drawn back.
import { linearStructure } from '../../models/linearHierarchy/structure.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import type { Draw } from '../chain.js';
import { CoefficientDraws } from '../marginal/coefficientDraws.js';
import { DrawQueue } from '../marginal/drawQueue.js';
import { marginalOf, type ScaleMap, setMap, traceMarginal } from '../marginal/marginalDensity.js';
import { findMode } from '../marginal/mode.js';
import { crossedProducts, marginalRefusal, mostProducts } from '../marginal/refusal.js';
import { randomKey } from '../random/streams.js';
import { decodeVector, encodeVector, type EncodedVector, type Snapshot } from '../snapshot.js';
import { compileTraced } from '../threads/compileChains.js';
import type { Method, MethodSettings, MethodSnapshot } from './method.js';

const usual = { chains: 4, warmup: 100, draws: 1000 } as const;

/** The sampler's own snapshot, and the map from its positions to the scales. */
interface MarginalSnapshot {
  readonly kind: 'marginal';
  readonly scales: string;
  readonly centre: EncodedVector;
  readonly map: EncodedVector;
  readonly units: EncodedVector;
  readonly bends: EncodedVector;
  readonly run: Snapshot;
}

export const marginal: Method = {
  name: 'marginal',
  title: 'marginal NUTS',
  effort: 'gradients',
  statistics: ['isDivergent', 'energy', 'logDensity', 'stepSize', 'leapfrogSteps', 'acceptanceRate', 'treeDepth'],
  draws: 'chains',
  usual,
  // Small matrices in f64.
  devices: ['cpu'],
  refusal: marginalRefusal,
  prepare: async (model, _, sizes, starters) => {
    const problem = marginalOf(linearStructure(model)!);
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
        const kinds = problem.kinds.join(' ');
        const saved = resume && savedRun(resume, kinds, problem.dimension);
        const { density } = chains;
        const map = saved?.map ?? (await findMode(problem, model.start, density, signal));
        setMap(density, map);
        coefficients.setMap(map);
        const own = ownSettings(settings);
        const queue = new DrawQueue(coefficients, randomKey(own.seed), own.warmup, listener);
        const snapshotOf = (run: Snapshot): MarginalSnapshot => ({
          kind: 'marginal',
          scales: kinds,
          centre: encodeVector(map.centre),
          map: encodeVector(map.map),
          units: encodeVector(map.units),
          bends: encodeVector(map.bends),
          run,
        });
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
  },
};

/** What a fixed block costs, where there is one. */
function blockInWords(model: Model): string[] {
  const structure = linearStructure(model);
  if (structure?.fixed === undefined) return [];
  const [cost, limit] = [crossedProducts(structure), mostProducts].map((n) => n.toLocaleString('en'));
  return [`${structure.fixed.name} integrated out with the groups (${cost} products a gradient, of at most ${limit})`];
}

/** Settings of NUTS on positions that the map has made round. */
function ownSettings({ chains, warmup, draws, seed, targetAcceptance, maxTreeDepth }: MethodSettings) {
  return {
    chains: chains ?? usual.chains,
    warmup: warmup ?? usual.warmup,
    draws: draws ?? usual.draws,
    seed: seed ?? 1,
    ...(maxTreeDepth !== undefined && { maxTreeDepth }),
    ...(targetAcceptance !== undefined && { targetAcceptance }),
    // What a short warm-up would learn of the metric is less than the Hessian tells.
    adaptsMetric: false,
    initial: { centre: 0, radius: 1.5 },
    parameterNameOf: (dimension: number) => `direction ${dimension} of the scales around their mode`,
  };
}

/** Throws RangeError for a snapshot of another method, or of other scales. */
function savedRun(resume: MethodSnapshot, kinds: string, dimension: number): { map: ScaleMap; run: Snapshot } {
  const { kind, scales, centre, map, units, bends, run } = resume as Partial<MarginalSnapshot>;
  if (
    kind !== 'marginal' ||
    scales !== kinds ||
    centre === undefined ||
    map === undefined ||
    units === undefined ||
    bends === undefined ||
    run === undefined
  ) {
    throw new RangeError('resume: the saved run is not one of marginal NUTS on these scales; start it again');
  }
  return {
    map: {
      centre: decodeVector(centre, dimension),
      map: decodeVector(map, dimension * dimension),
      units: decodeVector(units, dimension),
      bends: decodeVector(bends, dimension),
    },
    run,
  };
}
