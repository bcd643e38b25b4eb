// Partial pooling of what baseline and effects depend on: the levels of a set drawn from a common spread, which is estimated.
import { categoryOffset } from '../linearHierarchy/fixedBlock.js';
import type { Pooling, PriorSpec } from '../linearHierarchy/structure.js';
import type { ExperimentsData } from './data.js';
import { fixedSets, type Layout } from './layout.js';
import { type Poolable, poolableOf } from './poolable.js';

/** Spreads of half the effects and of the baselines of each pooled set, in this order; undefined where none is. */
export function experimentPooling(
  { sets, response }: Pick<ExperimentsData, 'sets' | 'response'>,
  layout: Layout,
  pooled: readonly Poolable[],
  priorOf: (name: Poolable) => PriorSpec,
): Pooling | undefined {
  if (pooled.length === 0) return undefined;
  const fixed = fixedSets(sets);
  const draft = { places: [] as number[], sets: [] as number[], errorSds: [] as number[] };
  for (const [c, { levels, levelOfRow }] of layout.categories.entries()) {
    const name = poolableOf(fixed[c % fixed.length]);
    const at = name === undefined ? -1 : pooled.indexOf(name);
    if (at < 0) continue;
    const counts = new Float64Array(levels - 1);
    for (const level of levelOfRow) counts[level]++;
    const first = categoryOffset(layout, c);
    for (const [level, count] of counts.entries()) {
      draft.places.push(first + level);
      draft.sets.push(2 * at + (c < fixed.length ? 1 : 0));
      draft.errorSds.push(response.sd / Math.sqrt(count));
    }
  }
  return { ...draft, sds: 'sigma_pooled', priors: pooled.flatMap((name) => [priorOf(name), priorOf(name)]) };
}
