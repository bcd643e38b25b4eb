// HMC, NUTS and ChEES-HMC as methods: any model with a differentiable density, on any device.
import type { ReportedSites } from '../compiledModel.js';
import { modelSettings } from '../modelSettings.js';
import type { Snapshot } from '../snapshot.js';
import { startPositions } from '../startPositions.js';
import { compileChains } from '../threads/compileChains.js';
import type { Method, Statistic } from './method.js';

const everyTransition = [
  'isDivergent',
  'energy',
  'logDensity',
  'stepSize',
  'leapfrogSteps',
  'acceptanceRate',
] as const satisfies readonly Statistic[];

export const nuts = hamiltonian('nuts', 'NUTS', [...everyTransition, 'treeDepth']);
export const hmc = hamiltonian('hmc', 'HMC', everyTransition);
export const chees = hamiltonian('chees', 'ChEES-HMC', everyTransition, { chains: 64, warmup: 400, draws: 100 });

function hamiltonian(
  name: 'nuts' | 'hmc' | 'chees',
  title: string,
  statistics: Method['statistics'],
  usual: Method['usual'] = { chains: 4, warmup: 1000, draws: 1000 },
): Method {
  return {
    name,
    title,
    statistics,
    usual,
    effort: 'gradients',
    draws: 'chains',
    refusal: () => undefined,
    prepare: async (model, device, sizes, starters) => {
      const chains = await compileChains(model, device, { ...sizes, isPooled: name === 'chees' }, starters);
      const { dimension, threads, memory, precision, division } = chains;
      return {
        dimension,
        threads,
        memory,
        precision,
        division,
        timeStep: (start) => chains.timeGradient(start),
        ...(chains.report && { report: (sites: ReportedSites) => chains.report!(sites) }),
        run: async (settings, listener, options) => {
          const { signal } = options;
          const { initialisation: kind = 'jitter', pathfinder, ...own } = settings;
          const all = { ...modelSettings(model, own), method: name };
          const { density } = chains;
          const { initial, inverseMass, seed = 1 } = all;
          const task = { model, density, chains: sizes.chains, seed, initial, inverseMass, pathfinder, signal };
          const found = kind === 'jitter' || options.resume !== undefined ? {} : await startPositions(kind, task);
          const result = await chains.run({ ...all, ...found }, listener, {
            ...options,
            resume: options.resume as Snapshot | undefined,
          });
          return {
            isComplete: result.isComplete,
            snapshot: result.snapshot,
            findings: [],
            chains: result.chains.map(
              (chain) =>
                chain && {
                  effort: chain.warmupGradientEvaluations + chain.gradientEvaluations,
                  hamiltonian: chain,
                },
            ),
          };
        },
        dispose: () => chains.dispose(),
      };
    },
  };
}
