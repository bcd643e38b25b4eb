// Which sets of effects can be pooled, and are.
import type { EffectSet } from './data.js';

/** Sets that can be pooled, by what they are called in `model.pooling`. */
export const poolable = ['week', 'campaign', 'activity', 'exposure'] as const;
export type Poolable = (typeof poolable)[number];

export interface PoolingOptions {
  readonly pooling?: readonly Poolable[];
}

/** Which of them a set is; undefined: segments, which cannot. */
export function poolableOf({ name, kind }: Pick<EffectSet, 'name' | 'kind'>): Poolable | undefined {
  if (kind !== 'customer') return kind;
  return poolable.find((own) => own === name);
}

/** Those of the sets that are pooled, in the order of the sets. */
export const pooledOf = (
  sets: readonly Pick<EffectSet, 'name' | 'kind'>[],
  { pooling = [] }: PoolingOptions,
): Poolable[] => sets.map(poolableOf).filter((name) => name !== undefined && pooling.includes(name)) as Poolable[];

/** Name of the site, and in `model.priors`, of the spreads of a set's effects and baselines. */
export const spreadName = (name: Poolable): string => `sigma_${name}`;
