// Shrinkage of the three-level model's population: every coefficient but the Intercept's own, by how well the data tell each.
import { InputError } from '../../data/inputError.js';
import type { PriorDescription } from '../groupPriors.js';
import { declareHorseshoe, isShrunk, type ShrinkageOptions } from '../shrinkage.js';
import type { ThreeLevelPriors } from './priors.js';

/**
 * The priors, with a horseshoe on the population where the options ask for one. Throws InputError where the population's prior was set.
 * @param errors rough standard errors of the population's coefficients, `[coefficient]`
 */
export function withShrinkage(
  priors: ThreeLevelPriors,
  options: ShrinkageOptions,
  errors: Float64Array,
  responseSd: number,
): ThreeLevelPriors {
  if (!isShrunk(options)) return priors;
  const { population } = priors;
  const own = priors.described.find(({ site }) => site === 'delta' || site === 'gamma')!;
  if (population.kind === 'common' || own.source === 'set')
    throw new InputError(`model.priors.${own.site}: shrinkage is the prior of the coefficients; keep one of them`);
  const added: PriorDescription[] = [];
  const places = population.sds.map((_, place) => place).slice(1);
  const horseshoe = declareHorseshoe(
    options,
    { places, errorSds: [...errors.subarray(1)], responseSd, what: 'coefficients' },
    (site, prior) => added.push({ site, prior, source: 'default' }),
  );
  const described = priors.described.flatMap((line) => {
    if (line !== own) return [line];
    return [{ ...own, prior: `${own.prior.split(';')[0]}; a horseshoe for the others` }, ...added];
  });
  return { ...priors, population: { ...population, horseshoe }, described };
}
