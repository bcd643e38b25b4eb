// What a model must be for its coefficients to be integrated out.
import type { Model } from '../../models/model.js';
import { normalPopulation } from './marginalData.js';

/** Coefficients of a group, and of the population, that are written out at most. */
const mostCoefficients = 24;
const mostOfPopulation = 64;

/** In one line what the model lacks; undefined where it lacks nothing. */
export function marginalRefusal({ name, structure }: Model): string | undefined {
  if (structure === undefined) return `${name} declares no linear Gaussian hierarchy to integrate out`;
  const { terms, fixed, errors } = structure;
  if (errors.df !== undefined) return 'with Student-t errors the coefficients cannot be integrated out';
  if (terms.length !== 1) return `${terms.length} crossed groupings; it integrates out the coefficients of one nest`;
  if (fixed !== undefined)
    return 'a fixed block that crosses the groups; it integrates out the coefficients of one nest';
  const [{ levels, population }] = terms;
  if (normalPopulation(population) === undefined) return `the prior of ${population.name} is not normal`;
  const largest = levels.reduce((most, { size }) => Math.max(most, size), 0);
  if (largest > mostCoefficients) return `${largest} coefficients in a group; it handles up to ${mostCoefficients}`;
  const { size, covariateCount } = levels[levels.length - 1];
  if (size * covariateCount > mostOfPopulation)
    return `${size * covariateCount} coefficients of the population; it handles up to ${mostOfPopulation}`;
  return undefined;
}
