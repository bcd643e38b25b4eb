// From the configuration to the settings of the sampler.
import type { Config } from '../../data/config.js';
import { defaultSuperchains, modelSettings, positionBlocks, type SampleSettings } from '../../inference/index.js';
import type { FitJob } from './job.js';

/** Up to this many dimensions a dense metric covers all of them; beyond, the population's. */
const denseEverywhere = 300;

/** The sampler that a method names. */
export function samplerOf({ method }: Config): 'nuts' | 'hmc' | 'chees' {
  return method.name === 'auto' ? 'nuts' : method.name;
}

/** Superchains of a run; 1 where every chain has a start of its own. */
export function superchainsOf(config: Config): number {
  if (samplerOf(config) !== 'chees') return 1;
  const count = config.method.superchains ?? defaultSuperchains(config.chains);
  return count === config.chains ? 1 : count;
}

export function samplerSettings({ config, model }: FitJob): SampleSettings {
  const { method } = config;
  const blocks = positionBlocks(model);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const isGroup = (name: string): boolean => model.sites.some((site) => site.name === name && site.level === 'group');
  const population = blocks.filter(({ name }) => dimension <= denseEverywhere || !isGroup(name));
  const dense = population.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
  return modelSettings(model, {
    method: samplerOf(config),
    chains: config.chains,
    warmup: config.warmup,
    draws: config.draws * method.thin,
    seed: config.seed,
    targetAcceptance: method.targetAcceptance,
    maxTreeDepth: method.maxTreeDepth,
    metric: method.metric === 'dense' ? { kind: 'block', dense } : { kind: 'diagonal' },
    superchains: method.superchains,
    ...(method.integrationTime !== undefined && {
      hmc: { integrationTime: method.integrationTime },
      chees: { trajectoryLength: method.integrationTime },
    }),
  });
}
