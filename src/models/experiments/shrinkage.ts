// Shrinkage of what baseline and effects depend on: every level of every set and every moderator, but not τ̄, the intercept and β̄.
import { InputError } from '../../data/inputError.js';
import type { PriorSpec } from '../../data/prior.js';
import { categoryOffset } from '../linearHierarchy/fixedBlock.js';
import type { Horseshoe } from '../linearHierarchy/structure.js';
import type { ModelDescription } from '../model.js';
import { checkShrinkage, declareHorseshoe, relevantOf, type ShrinkageOptions } from '../shrinkage.js';
import type { ExperimentsData } from './data.js';
import type { Layout } from './layout.js';

export interface ExperimentShrinkage {
  readonly horseshoe: Horseshoe;
  /** Rows of each coefficient that is shrunk, `[places]`: with errors of σ the data alone leave it σ / √rows uncertain. */
  readonly rows: Float64Array;
  /** How many of them are expected to matter. */
  readonly relevant: number;
  readonly described: ModelDescription['priors'];
}

const what = 'coefficients of levels and moderators';

/**
 * The horseshoe on the coefficients of moderators (of unit standard deviation) and levels. Throws InputError for fewer than two of them, for as many
 * relevant ones or more, and where `theta` has a prior already.
 */
export function experimentShrinkage(
  options: ShrinkageOptions,
  priors: Readonly<Record<string, PriorSpec>>,
  data: ExperimentsData,
  layout: Layout,
): ExperimentShrinkage {
  if ('theta' in priors)
    throw new InputError('model.priors.theta: shrinkage is the prior of the coefficients; keep one of them');
  const places: number[] = [];
  const rows: number[] = [];
  for (let place = layout.places.baseline; place < layout.dense.length; place++) {
    places.push(place);
    rows.push(data.rows);
  }
  for (const [c, { levels, levelOfRow }] of layout.categories.entries()) {
    const counts = new Float64Array(levels - 1);
    for (const level of levelOfRow) counts[level]++;
    const first = categoryOffset(layout, c);
    for (const [level, count] of counts.entries()) {
      places.push(first + level);
      rows.push(count);
    }
  }
  checkShrinkage(
    { shrinkage: options.shrinkage ?? 'none', relevant: options.relevant },
    places.length,
    what,
    (message, key) => {
      throw new InputError(`model.${key}:${message}`);
    },
  );
  const described: ModelDescription['priors'][number][] = [];
  const errorSds = rows.map((count) => data.response.sd / Math.sqrt(count));
  const horseshoe = declareHorseshoe(options, { places, errorSds, responseSd: data.response.sd, what }, (site, prior) =>
    described.push({ site, prior, source: 'default' }),
  );
  return {
    horseshoe,
    rows: Float64Array.from(rows),
    relevant: relevantOf(options, places.length),
    described,
  };
}
