// From the configuration to the settings of the method.
import {
  defaultSuperchains,
  lowRankLimits,
  type MethodSettings,
  type MetricKind,
  positionBlocks,
} from '../../inference/index.js';
import type { FitJob } from './job.js';

/** Up to this many dimensions a dense metric covers all of them; beyond, the population's. */
const denseEverywhere = 300;

/** Superchains of a run; 1 where every chain has a start of its own. */
export function superchainsOf({ config, method }: FitJob): number {
  if (method.method.name !== 'chees') return 1;
  const count = config.method.superchains ?? defaultSuperchains(config.chains);
  return count === config.chains ? 1 : count;
}

export function methodSettings({ config, model }: FitJob): MethodSettings {
  const { method } = config;
  const blocks = positionBlocks(model);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const isGroup = (name: string): boolean => model.sites.some((site) => site.name === name && site.level === 'group');
  const population = blocks.filter(({ name }) => dimension <= denseEverywhere || !isGroup(name));
  const dense = population.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
  return {
    chains: config.chains,
    warmup: config.warmup,
    draws: config.draws * method.thin,
    seed: config.seed,
    ...(method.targetAcceptance !== undefined && { targetAcceptance: method.targetAcceptance }),
    maxTreeDepth: method.maxTreeDepth,
    initialisation: method.initialisation,
    metric: method.metric === 'dense' ? { kind: 'block', dense } : metricOf(method),
    superchains: method.superchains,
    gibbs: defined({ scheme: method.scheme, scan: method.scan }),
    advi: defined({
      family: method.family,
      variant: method.variant,
      rank: method.rank,
      maxIterations: method.maxIterations,
    }),
    pathfinder: defined({ paths: method.paths, maxIterations: method.maxIterations }),
    ...(method.integrationTime !== undefined && {
      hmc: { integrationTime: method.integrationTime },
      chees: { trajectoryLength: method.integrationTime },
    }),
  };
}

/** Of a diagonal or low-rank metric. */
export function metricOf({ metric, rank, cutoff }: FitJob['config']['method']): Exclude<MetricKind, { kind: 'block' }> {
  return metric === 'lowRank' ? { kind: metric, ...defined({ rank, cutoff }) } : { kind: 'diagonal' };
}

/** Without the settings that are left to the method. */
function defined<Settings extends object>(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Settings;
}

/** Bytes of the draws and gradients that all chains keep where their metric is to be of low rank. */
export function windowBytes({ config, method }: FitJob, dimension: number): number {
  const { name } = method.method;
  if (config.method.metric !== 'lowRank' || !(name === 'nuts' || name === 'hmc' || name === 'chees')) return 0;
  const { keptDraws } = lowRankLimits(metricOf(config.method), dimension, name === 'chees' ? config.chains : 1)!;
  return 16 * keptDraws * dimension * config.chains;
}
