// Where two blocks hold the same column, such as the constant: what one has more and the other less, drawn along that direction.
import { hasConstants, outerStarts, populationPlaces } from '../../models/linearHierarchy/links.js';
import type { Hierarchy } from '../../models/linearHierarchy/structure.js';
import { drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';
import { priorPrecisions } from './fixedBlock.js';
import { populationMoments } from './populationPrior.js';

/** A column of a term that moves with one coefficient of the population, or a dense column of the fixed block (term −1). */
interface Place {
  readonly term: number;
  readonly column: number;
}

/** Pairs of places that hold the same column; of terms whose regressions begin with constants, so that all coefficients of a column move as one. */
export function sharedColumns({ terms, fixed }: Hierarchy): (readonly [Place, Place])[] {
  const places: (Place & { readonly values: Float64Array })[] = terms.flatMap((term, t) =>
    hasConstants(term.levels) ? term.columns.map((values, column) => ({ term: t, column, values })) : [],
  );
  for (const [column, values] of (fixed?.dense ?? []).entries()) places.push({ term: -1, column, values });
  return places.flatMap((place, i) => {
    const first = places.slice(0, i).find(({ values }) => values.every((value, row) => value === place.values[row]));
    return first === undefined || first.term === place.term ? [] : [[first, place] as const];
  });
}

/**
 * Adds δ to one place's coefficients, from the population to the innermost groups, and takes it from the other's. Rows and deviations
 * from means stay as they are, so δ has the normal distribution that the two priors give it (Liu and Sabatti 2000).
 */
export function shiftBetween(
  stream: RandomStream,
  structure: Hierarchy,
  values: ChainValues,
  [first, second]: readonly [Place, Place],
): void {
  const [a, b] = [first, second].map((place) => priorOf(stream, structure, values, place));
  const precision = a.precision + b.precision;
  if (!(precision > 0)) return;
  const mean = (b.precision * b.excess - a.precision * a.excess) / precision;
  const shift = mean + drawNormal(stream) / Math.sqrt(precision);
  moveColumn(structure, values, first, shift);
  moveColumn(structure, values, second, -shift);
}

/** Prior precision of a place's outermost coefficient, and how far it is from its prior mean. */
function priorOf(
  stream: RandomStream,
  { terms, fixed }: Hierarchy,
  values: ChainValues,
  { term, column }: Place,
): { readonly precision: number; readonly excess: number } {
  if (term < 0) {
    const precision = priorPrecisions(fixed!, values.fixed!)[column];
    return { precision, excess: values.fixed!.coefficients[column] };
  }
  const { population } = values.terms[term];
  const { precisions, means } = populationMoments(stream, terms[term].population.prior, values.terms[term]);
  const at = populationPlaces(terms[term].levels)[column];
  return { precision: precisions[at], excess: population[at] - means[at] };
}

/** Adds to all coefficients of a place. */
export function moveColumn({ terms }: Hierarchy, values: ChainValues, { term, column }: Place, shift: number): void {
  if (term < 0) {
    values.fixed!.coefficients[column] += shift;
    return;
  }
  let at = column;
  for (const [j, level] of terms[term].levels.entries()) {
    const { coefficients } = values.terms[term].levels[j];
    for (let i = at; i < coefficients.length; i += level.size) coefficients[i] += shift;
    at = outerStarts(level)[at];
  }
  values.terms[term].population[at] += shift;
}
