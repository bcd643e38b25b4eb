// Shrinkage of the HBMMM's population: mean effects and what traits add to them, by how well the data tell each.
import { InputError } from '../../data/inputError.js';
import type { PriorDescription } from '../groupPriors.js';
import { declareHorseshoe, isShrunk, type ShrinkageOptions } from '../shrinkage.js';
import { type HbmmmPriors, shrinkableSites } from './priors.js';

/**
 * The priors, with a horseshoe on all of the population's coefficients but mu_alpha where the options ask for one. Throws InputError where the prior of
 * one of them was set.
 * @param errors rough standard errors of the population's coefficients, `[size]`
 */
export function withShrinkage(
  priors: HbmmmPriors,
  options: ShrinkageOptions,
  errors: Float64Array,
  responseSd: number,
): HbmmmPriors {
  if (!isShrunk(options)) return priors;
  const isShrinkable = ({ site }: PriorDescription): boolean => shrinkableSites.some((own) => own === site);
  const both = priors.described.find((own) => own.source === 'set' && isShrinkable(own));
  if (both !== undefined)
    throw new InputError(`model.priors.${both.site}: shrinkage is the prior of the coefficients; keep one of them`);
  const added: PriorDescription[] = [];
  const places = priors.population.sds.map((_, place) => place).slice(1);
  const horseshoe = declareHorseshoe(
    options,
    { places, errorSds: [...errors.subarray(1)], responseSd, what: 'coefficients' },
    (site, prior) => added.push({ site, prior, source: 'default' }),
  );
  const own = priors.described.map((line) => (isShrinkable(line) ? { ...line, prior: 'horseshoe' } : line));
  return { ...priors, population: { ...priors.population, horseshoe }, described: [...own, ...added] };
}
