// Settings of NUTS on positions that a map has made round.
import type { SampleSettings } from '../settings.js';
import type { MethodSettings } from './method.js';

export const usualOfMarginal = { chains: 4, warmup: 100, draws: 1000 } as const;

export function marginalSettings({
  chains,
  warmup,
  draws,
  seed,
  targetAcceptance,
  maxTreeDepth,
}: MethodSettings): SampleSettings & Required<Pick<SampleSettings, 'chains' | 'warmup' | 'draws' | 'seed'>> {
  return {
    chains: chains ?? usualOfMarginal.chains,
    warmup: warmup ?? usualOfMarginal.warmup,
    draws: draws ?? usualOfMarginal.draws,
    seed: seed ?? 1,
    ...(maxTreeDepth !== undefined && { maxTreeDepth }),
    ...(targetAcceptance !== undefined && { targetAcceptance }),
    // What a short warm-up would learn of the metric is less than the Hessian tells.
    adaptsMetric: false,
    initial: { centre: 0, radius: 1.5 },
    parameterNameOf: (dimension: number) => `direction ${dimension} of the scales around their mode`,
  };
}
