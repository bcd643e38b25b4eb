// From the configuration to the settings of the sampler.
import { modelSettings, positionBlocks, type SampleSettings } from '../../inference/index.js';
import type { FitJob } from './job.js';

/** Up to this many dimensions a dense metric covers all of them; beyond, the population's. */
const denseEverywhere = 300;

export function samplerSettings({ config, model }: FitJob): SampleSettings {
  const { method } = config;
  const blocks = positionBlocks(model);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const isGroup = (name: string): boolean => model.sites.some((site) => site.name === name && site.level === 'group');
  const population = blocks.filter(({ name }) => dimension <= denseEverywhere || !isGroup(name));
  const dense = population.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
  return modelSettings(model, {
    method: method.name === 'hmc' ? 'hmc' : 'nuts',
    chains: config.chains,
    warmup: config.warmup,
    draws: config.draws * method.thin,
    seed: config.seed,
    targetAcceptance: method.targetAcceptance,
    maxTreeDepth: method.maxTreeDepth,
    metric: method.metric === 'dense' ? { kind: 'block', dense } : { kind: 'diagonal' },
    ...(method.integrationTime !== undefined && { hmc: { integrationTime: method.integrationTime } }),
  });
}
